package loader

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// clean returns the text of a file without its byte order mark, or records why
// it is no text that YAML takes.
func (f *file) clean(data []byte) (string, bool) {
	if len(data) > f.limits.Bytes {
		f.halt(position{}, "the file is larger than the limit of %d bytes", f.limits.Bytes)
		return "", false
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		f.fail(position{}, "the file is UTF-16: save it as UTF-8")
		return "", false
	}
	text := strings.TrimPrefix(string(data), "\ufeff")
	at := position{line: 1, column: 1}
	for i, r := range text {
		if r == utf8.RuneError {
			if _, width := utf8.DecodeRuneInString(text[i:]); width == 1 {
				f.fail(at, "the byte 0x%02x is not UTF-8: save the file as UTF-8", text[i])
				return "", false
			}
		}
		if reason := refused(r); reason != "" {
			f.fail(at, "the character %U %s", r, reason)
			return "", false
		}
		at.column++
		if r == '\n' || r == '\r' && !strings.HasPrefix(text[i+1:], "\n") {
			at = position{line: at.line + 1, column: 1}
		}
	}
	return text, true
}

// refused says why a YAML file must not have the character, if so.
func refused(r rune) string {
	switch {
	case r == 0:
		return "(NUL) cannot stand in a workflow file"
	case r == '\u0085' || r == '\u2028' || r == '\u2029':
		// YAML 1.1 breaks lines there and editors do not, so every later position would be wrong.
		return "is an invisible line break: remove it"
	case r == '\ufeff':
		return "(byte order mark) may only be the first one of the file"
	case r < ' ' && r != '\t' && r != '\n' && r != '\r', r >= 0x7f && r < 0xa0, r == 0xfffe, r == 0xffff:
		return `is a control character: write it as an escape in "…"`
	default:
		return ""
	}
}

// lines are the lines of a text without their ends.
type lines []string

func splitLines(text string) lines {
	return strings.Split(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\n")
}

// line returns line n, counted from 1, or nothing if there is none.
func (l lines) line(n int) string {
	if n < 1 || n > len(l) {
		return ""
	}
	return l[n-1]
}

// columnOf returns the column, in characters from 1, of a byte offset in a line.
func columnOf(line string, offset int) int {
	return utf8.RuneCountInString(line[:min(offset, len(line))]) + 1
}
