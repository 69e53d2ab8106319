package expression

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of one expression and of what a template makes. They bound time and
// memory; no sensible workflow comes near them.
const (
	sourceMax = 4096    // bytes between ${{ and }}
	nodesMax  = 200     // nodes of the syntax tree
	piecesMax = 10_000  // pieces of a template, expressions and the text between them
	resultMax = 1 << 20 // bytes of a rendered template, and of the values that one expression reads
)

const (
	opening = "${{"
	escaped = "$${{" // stands for a literal ${{
	closing = "}}"
)

// segment is a piece of a template: literal text, or an expression.
type segment struct {
	literal      string
	source       string // of the expression, trimmed
	at           int    // of the first character of source in the template, from 1
	isExpression bool
}

// text returns the expression as it would be written.
func (s segment) text() string {
	if s.source == "" {
		return opening + " " + closing
	}
	return opening + " " + s.source + " " + closing
}

// split cuts a template into segments. Its errors carry the place.
func split(template string) ([]segment, error) {
	var segments []segment
	var literal strings.Builder
	characters, counted := 1, 0 // the place in characters of the byte counted: never from the start again
	place := func(offset int) int {
		characters += utf8.RuneCountInString(template[counted:offset])
		counted = offset
		return characters
	}
	flush := func() {
		if literal.Len() > 0 {
			segments = append(segments, segment{literal: literal.String()})
			literal.Reset()
		}
	}
	for at := 0; at < len(template); {
		dollar := strings.IndexByte(template[at:], '$')
		if dollar < 0 {
			literal.WriteString(template[at:])
			break
		}
		literal.WriteString(template[at : at+dollar])
		at += dollar
		switch rest := template[at:]; {
		case strings.HasPrefix(rest, escaped):
			literal.WriteString(opening)
			at += len(escaped)
		case strings.HasPrefix(rest, opening):
			inner := rest[len(opening):]
			length, err := expressionLength(inner)
			if err != nil {
				return nil, fmt.Errorf("%w (at character %d)", err, place(at))
			}
			source := strings.TrimSpace(inner[:length])
			lead := len(inner[:length]) - len(strings.TrimLeft(inner[:length], " \t\r\n"))
			flush()
			segments = append(segments, segment{
				source: source, at: place(at + len(opening) + lead), isExpression: true,
			})
			if len(segments) > piecesMax {
				return nil, fmt.Errorf("the text has more than %d pieces: too many %s", piecesMax, opening)
			}
			at += len(opening) + length + len(closing)
		default:
			literal.WriteByte('$')
			at++
		}
	}
	flush()
	return segments, nil
}

// expressionLength returns how many bytes of text belong to an expression that
// has just been opened: up to the }} that is neither in a string nor closes a map.
func expressionLength(text string) (int, error) {
	depth := 0
	for at := 0; at < len(text); at++ {
		switch c := text[at]; c {
		case '"', '\'', '`':
			end := stringEnd(text, at)
			if end < 0 {
				return 0, fmt.Errorf("%s is not closed: a string inside it has no closing %c", opening, c)
			}
			at = end
		case '{':
			depth++
		case '}':
			if depth == 0 && strings.HasPrefix(text[at:], closing) {
				if at > sourceMax {
					return 0, fmt.Errorf("the expression is longer than %d bytes", sourceMax)
				}
				return at, nil
			}
			depth--
		}
	}
	return 0, fmt.Errorf("%s is not closed by %s; write %s for a literal %s", opening, closing, escaped, opening)
}

// stringEnd returns the place of the quote that closes the string whose opening
// quote is at start, or -1.
func stringEnd(text string, start int) int {
	quote := text[start]
	for at := start + 1; at < len(text); at++ {
		switch text[at] {
		case '\\':
			if quote != '`' {
				at++
			}
		case quote:
			return at
		}
	}
	return -1
}

// character returns the place of the byte offset in text, in characters from 1.
func character(text string, offset int) int {
	return utf8.RuneCountInString(text[:offset]) + 1
}
