package format

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// flow puts the spaces of a list or map in brackets in order, if it is in one
// line. One that goes over several lines was laid out by somebody.
func (s *sheet) flow(n *yaml.Node) {
	line := s.line(n.Line)
	begin := n.Column - 1
	for begin < len(line) && line[begin] != '[' && line[begin] != '{' {
		begin++ // an anchor or a tag stands before it
	}
	if text, end, ok := spaced(line, begin); ok {
		s.edits[n.Line] = append(s.edits[n.Line], edit{begin, end, text})
	}
}

// spaced returns the list or map that begins at a place of the line with spaces
// after commas and colons and not beside brackets, and where it ends; ok is false
// if that is not in this line.
func spaced(line []rune, begin int) (text string, end int, ok bool) {
	var out strings.Builder
	depth := 0
	last := rune(0) // the last rune that was no space
	for i := begin; i < len(line); i++ {
		r := line[i]
		switch {
		case r == ' ' || r == '\t':
			next := afterSpaces(line, i)
			if next == len(line) || line[next] == '#' {
				return "", 0, false
			}
			if !strings.ContainsRune("[{", last) && !strings.ContainsRune("]},", line[next]) {
				out.WriteString(gap(line[i:next], last))
			}
			i = next - 1
			continue
		case (r == '"' || r == '\'') && strings.ContainsRune("[{,:", last):
			quoted, next := quotedText(line, i)
			if next < 0 {
				return "", 0, false
			}
			out.WriteString(quoted)
			i = next - 1
		case r == ',':
			out.WriteRune(r)
			if next := afterSpaces(line, i+1); next == i+1 && next < len(line) && !strings.ContainsRune("]}", line[next]) {
				out.WriteRune(' ')
			}
		default:
			out.WriteRune(r)
			depth += bracket(r)
		}
		if last = line[i]; depth == 0 {
			return out.String(), i + 1, true
		}
	}
	return "", 0, false
}

// gap returns what stands for spaces: one after a comma or a colon; between the
// words of a text they are part of it.
func gap(spaces []rune, last rune) string {
	if last == ',' || last == ':' {
		return " "
	}
	return string(spaces)
}

func afterSpaces(line []rune, at int) int {
	for at < len(line) && (line[at] == ' ' || line[at] == '\t') {
		at++
	}
	return at
}

func bracket(r rune) int {
	switch r {
	case '[', '{':
		return 1
	case ']', '}':
		return -1
	default:
		return 0
	}
}

// quotedText returns a text in quotes and where it ends; -1 if that is not in
// this line.
func quotedText(line []rune, begin int) (text string, end int) {
	quote := line[begin]
	for i := begin + 1; i < len(line); i++ {
		switch {
		case quote == '"' && line[i] == '\\':
			i++
		case line[i] == quote && quote == '\'' && i+1 < len(line) && line[i+1] == quote:
			i++
		case line[i] == quote:
			return string(line[begin : i+1]), i + 1
		}
	}
	return "", -1
}
