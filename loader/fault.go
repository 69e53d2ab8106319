package loader

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// fault is a syntax error at its line.
type fault struct {
	line int
	text string // as the YAML parser says it
}

// What the YAML parser says of the errors that are told apart here.
const (
	faultAlias  = "did not find expected alphabetic or numeric character"
	faultColon  = "could not find expected ':'"
	faultColons = "mapping values are not allowed in this context"
	faultKey    = "did not find expected key"
	faultEscape = "found unknown escape character"
	faultList   = "did not find expected ',' or ']'"
	faultMap    = "did not find expected ',' or '}'"
	faultQuote  = "found unexpected end of stream"
	faultValue  = "did not find expected node content"
)

// lineOffset says how far the line that the parser tells is from where the thing
// begins that is wrong, counted with one line in front. Other errors are told
// with the line where the map or list around begins, which may be a page away.
var lineOffset = map[string]int{
	faultAlias: -1, faultColon: -1, faultColons: -1, faultEscape: -1, faultQuote: -1,
	faultList: 0, faultMap: 0,
	"found character that cannot start any token":                  -1,
	"found a tab character that violates indentation":              -1,
	"found a tab character where an indentation space is expected": -1,
	"did not find expected comment or line break":                  -1,
	"found unexpected document indicator":                          -1,
	"block sequence entries are not allowed in this context":       -1,
	"mapping keys are not allowed in this context":                 -1,
	"did not find expected digit or '.' character":                 -1,
}

var (
	parserText = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	anchorName = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
	// keyed is a line with a key or dashes, or both, and a value after them.
	keyed = regexp.MustCompile(`^(\s*(?:- +)*)((?:"[^"]*"|'[^']*'|[^\s"'#:\[\]{},&*!|>%@-][^:]*):\s+|)(\S.*)$`)
	// missingSpace is a line such as key:value.
	missingSpace = regexp.MustCompile(`^(\s*[A-Za-z_]+):([^\s:/].*)$`)
	// bareExpression is an expression without quotes right before it.
	bareExpression = regexp.MustCompile(`(^|[^"'$])\$\{\{.*?\}\}`)
	// keyInMap is a key in a map of one line, and narrowInMap one without a blank behind it.
	keyInMap    = regexp.MustCompile(`[{,]\s*[A-Za-z_]+:\s+`)
	narrowInMap = regexp.MustCompile(`([{,]\s*[A-Za-z_]+):([^\s/:])`)
	// quotedTwice is a value in quotes with quotes inside.
	quotedTwice = regexp.MustCompile(`^(\s*(?:- +)*[A-Za-z_]+:\s+)"(.*".*)"\s*$`)
	// quotedMap is a line whose value is a map in quotes: no map at all.
	quotedMap     = regexp.MustCompile(`^[^"']*:\s+["']\{`)
	unknownEscape = regexp.MustCompile(`\\([^0abtnvfreNLPxuU_ "/\\])`)
)

// stepReader hands out a text byte by byte, so that the parser stops in the
// line that was read last, or just before it.
type stepReader struct {
	*file
	text string
	read int
}

func (r *stepReader) Read(buffer []byte) (int, error) {
	if r.read == len(r.text) {
		return 0, io.EOF
	}
	if r.read%4096 == 0 && time.Now().After(r.deadline) {
		return 0, errLate
	}
	buffer[0] = r.text[r.read]
	r.read++
	return 1, nil
}

// firstFault parses lines up to the first syntax error and returns what the
// parser says, the line it tells, and the line that it had read. A comment in
// front keeps it from leaving its line out, as it does for the first one.
func (f *file) firstFault(lines lines) (text string, told, read int) {
	step := &stepReader{file: f, text: "#\n" + strings.Join(lines, "\n")}
	decoder := yaml.NewDecoder(step)
	for {
		err := decoder.Decode(new(node))
		if errors.Is(err, io.EOF) {
			return "", 0, 0
		}
		if err != nil {
			found := parserText.FindStringSubmatch(err.Error())
			told, _ = strconv.Atoi(found[1])
			return found[2], told, strings.Count(step.text[:step.read], "\n")
		}
	}
}

// locate finds the line of the first syntax error, which the parser often
// tells wrong.
func (f *file) locate(lines lines) fault {
	text, told, line := f.firstFault(lines)
	offset, exact := lineOffset[text]
	switch anchor := anchorName.FindStringSubmatch(text); {
	case anchor != nil:
		for line > 1 && !strings.Contains(lines.line(line), "*"+anchor[1]) {
			line--
		}
	case exact:
		line = told + offset
	default:
		// The parser looks ahead: the first line with which it fails is the wrong one.
		for range 5 {
			if earlier, _, _ := f.firstFault(lines[:max(0, line-1)]); earlier != text {
				break
			}
			line--
		}
	}
	line = min(max(line, 1), len(lines))
	if text == faultColons && line > 1 && missingSpace.MatchString(lines.line(line-1)) {
		line-- // key:value is text, which goes on in the next line
	}
	return fault{line: line, text: text}
}

// at returns the position of the fault: the value of a line that quotes
// repair, else the first word.
func (s fault) at(lines lines, repaired bool) position {
	line := lines.line(s.line)
	if tab := strings.IndexByte(indentOf(line), '\t'); tab >= 0 {
		return position{s.line, tab + 1}
	}
	found := keyed.FindStringSubmatchIndex(line)
	if _, exact := lineOffset[s.text]; found != nil && (exact || repaired) {
		return position{s.line, columnOf(line, found[6])}
	}
	return position{s.line, columnOf(line, len(indentOf(line)))}
}

func indentOf(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " \t"))] }

// candidates are the usual corrections of a line with such a fault, the least first.
func (s fault) candidates(line string) []string {
	indent := indentOf(line)
	list := []string{
		strings.ReplaceAll(indent, "\t", "  ") + line[len(indent):],
		bareExpression.ReplaceAllStringFunc(line, quoteExpression),
	}
	switch s.text {
	case faultColon:
		list = append(list, line+":")
	case faultEscape:
		list = append(list, unknownEscape.ReplaceAllString(line, `\\$1`))
	case faultQuote:
		return append(list, line+`"`, line+"'")
	case faultList:
		list = append(list, line+"]")
	case faultMap:
		list = append(list, line+"}")
	case faultValue:
		list = append(list, line+"]", line+"}")
	case faultColons:
		list = append(list, missingSpace.ReplaceAllString(line, "$1: $2"))
	}
	list = append(list, insideMap(line)...)
	if again := quotedTwice.FindStringSubmatch(line); again != nil {
		list = append(list, again[1]+quote(again[2]))
	}
	if quoted, ok := quoteValue(line); ok {
		list = append(list, quoted)
	}
	return list
}

// insideMap returns corrections inside a map that stands in one line: a blank after a
// colon, and quotes around one of its values.
func insideMap(line string) []string {
	keys, end := keyInMap.FindAllStringIndex(line, -1), strings.LastIndexByte(line, '}')
	list := []string{narrowInMap.ReplaceAllString(line, "$1: $2")}
	for i, key := range keys {
		until := end
		if i+1 < len(keys) {
			until = keys[i+1][0]
		}
		if until <= key[1] {
			continue
		}
		value := strings.TrimSpace(line[key[1]:until])
		if value != "" && !strings.ContainsAny(value[:1], `"'[{`) {
			list = append(list, line[:key[1]]+quote(value)+line[until:])
		}
	}
	return list
}

func quoteExpression(match string) string {
	start := strings.Index(match, "${{")
	return match[:start] + quote(match[start:])
}

// quoteValue puts the value of a line in quotes; ok is false if it has none.
func quoteValue(line string) (string, bool) {
	found := keyed.FindStringSubmatch(line)
	if found == nil || found[1]+found[2] == "" {
		return "", false
	}
	return found[1] + found[2] + quote(strings.TrimRight(found[3], " ")), true
}

// quote returns a YAML scalar of exactly that text, in the more legible quotes.
func quote(text string) string {
	if !strings.ContainsAny(text, `"\`) {
		return `"` + text + `"`
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// message says what is wrong, and the corrected line if there is one.
func (s fault) message(line, fixed string) string {
	what := s.explain(line)
	switch {
	case fixed == "" || anchorName.MatchString(s.text):
		return what
	case strings.TrimSpace(fixed) == strings.TrimSpace(line):
		return what + ": indent with spaces"
	case quotedMap.MatchString(fixed) && !quotedMap.MatchString(line):
		return what + ": put the value in it that has one of { } [ ] , : # & * @ in quotes, as in command: 'echo ${X}'"
	default:
		return fmt.Sprintf("%s: write %s", what, strings.TrimSpace(fixed))
	}
}

// explain says a syntax error in the words of people who write YAML.
func (s fault) explain(line string) string {
	value := ""
	if found := keyed.FindStringSubmatch(line); found != nil {
		value = found[3]
	}
	first := value[:min(1, len(value))]
	anchor := anchorName.FindStringSubmatch(s.text)
	switch {
	case strings.Contains(indentOf(line), "\t"):
		return "YAML does not take tabs as indentation"
	case bareExpression.MatchString(line):
		return "YAML cuts the unquoted expression"
	case anchor != nil:
		return fmt.Sprintf("the alias *%s names no anchor that stands before it", anchor[1])
	case first == "*":
		return "a value cannot begin with * without quotes: in YAML it names an anchor"
	case first != "" && strings.ContainsAny(first, "@`%&!|>"):
		return fmt.Sprintf("a value cannot begin with %s without quotes", first)
	case s.text == faultColons && missingSpace.MatchString(line):
		return "a space is missing after the colon"
	case s.text == faultColons && !strings.Contains(value, ": ") && !strings.HasSuffix(value, ":"):
		return "this key stands below a line that has a value: check the indentation"
	}
	words, ok := explanations[s.text]
	switch {
	case ok && s.text != faultKey:
		return words
	case first == "[":
		return "a value that begins with [ is a list in YAML"
	case first == "{":
		return "a value that begins with { is a map in YAML"
	case ok:
		return words
	default:
		return s.text
	}
}

var explanations = map[string]string{
	faultColon:                               "a colon is missing after the key",
	faultColons:                              "YAML takes the second `: ` of the line for that of a key",
	faultEscape:                              `\ and the letter after it are no escape that YAML has`,
	faultList:                                "the list is not closed, or a comma is missing",
	faultMap:                                 "the map is not closed, or a comma is missing",
	faultQuote:                               "the quote is not closed",
	faultKey:                                 "this does not fit the lines above: check the indentation, and quotes that end early",
	"did not find expected '-' indicator":    "this does not fit the list above: check the indentation",
	faultValue:                               "a value or a closing bracket is missing",
	"did not find expected <document start>": "this stands after the end of the document: start another one with ---",
	"did not find expected comment or line break":            "only a comment may follow | or > on its line",
	"block sequence entries are not allowed in this context": "a list cannot start here: put it on lines of its own, or in [ ]",
	"found unexpected document indicator":                    "the document ends inside quotes",
	"exceeded max depth of 10000":                            "the nesting is too deep",
}
