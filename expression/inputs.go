package expression

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// rootInputs begins the names of the inputs of a task's template.
const rootInputs = "inputs"

// Input is the value of an input of a task's template.
type Input struct {
	Text  string // as the file has it; it may have expressions
	Value any    // as JSON has it; of a text with expressions it is not used
}

// hasExpression reports whether the value is computed by a run.
func (in Input) hasExpression() bool { return strings.Contains(in.Text, opening) }

// BindInputs writes the values of inputs in place of `inputs.<name>` into all templates
// of t and into when. A script is left as it is, also the word that a shell in a list
// would run: Check refuses an expression there, and a value must not become code. A
// problem has its path below the task.
func BindInputs(t *miniairflow.Task, inputs map[string]Input) []miniairflow.Problem {
	b := &binder{inputs: inputs}
	scripts := scriptWords(t)
	bound := b.render(t, scripts)
	if more := scriptWords(bound); !maps.Equal(more, scripts) {
		// Values decide only in the end which words are scripts.
		maps.Copy(more, scripts)
		b.problems = nil
		bound = b.render(t, more)
	}
	bound.When = b.template(t.When, true, "when")
	b.forEach(t, bound)
	b.notices(t, bound)
	*t = *bound
	return b.problems
}

// render returns a copy of a task with all of its templates bound but for scripts.
func (b *binder) render(t *miniairflow.Task, scripts map[string]bool) *miniairflow.Task {
	bound, err := t.Render(func(template miniairflow.Template) (string, error) {
		if scripts[strings.Join(template.Path, "\x00")] {
			return template.Text, nil
		}
		text := b.template(template.Text, template.JSON, template.Path...)
		if template.JSON && text != template.Text {
			return encoded(text)
		}
		return text, nil
	})
	if err != nil {
		b.problems = append(b.problems, miniairflow.Problem{Message: err.Error()})
		return t
	}
	return bound
}

// forEach gives bound the lists and the key of t, bound.
func (b *binder) forEach(t, bound *miniairflow.Task) {
	if t.ForEach == nil {
		return
	}
	forEach, err := t.ForEach.Render(func(template miniairflow.Template) (string, error) {
		text := b.template(template.Text, template.JSON, template.Path...)
		if template.JSON && text != template.Text {
			return encoded(text)
		}
		return text, nil
	})
	if err != nil {
		b.problems = append(b.problems, miniairflow.Problem{Path: []string{"for_each"}, Message: err.Error()})
		return
	}
	bound.ForEach = forEach
}

// encoded returns a text as JSON has it, in which it stays a template.
func encoded(text string) (string, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		return "", fmt.Errorf("encode text: %w", err)
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// scriptWords returns the paths of the words of a task's commands that a shell runs as
// scripts, wherever an action has a command.
func scriptWords(t *miniairflow.Task) map[string]bool {
	commands := map[string][]string{}
	for _, template := range t.Templates() {
		if n := len(template.Path); n > 1 && template.Path[n-2] == string(miniairflow.ActionCommand) {
			command := strings.Join(template.Path[:n-1], "\x00")
			commands[command] = append(commands[command], template.Text)
		}
	}
	words := map[string]bool{}
	for command, argv := range commands {
		if word := scriptWord(argv); word >= 0 {
			words[command+"\x00"+strconv.Itoa(word)] = true
		}
	}
	return words
}

type binder struct {
	inputs   map[string]Input
	problems []miniairflow.Problem
}

// template binds one text. isExpression says that it must remain an expression, since
// its type counts: that of a condition, or in a JSON document. What is no template stays
// as it is: Check tells.
func (b *binder) template(text string, isExpression bool, path ...string) string {
	if !strings.Contains(text, opening) || !strings.Contains(text, rootInputs) {
		return text
	}
	var out strings.Builder
	for at := 0; at < len(text); {
		rest := text[at:]
		switch {
		case strings.HasPrefix(rest, escaped):
			out.WriteString(escaped)
			at += len(escaped)
		case strings.HasPrefix(rest, opening):
			length, err := expressionLength(rest[len(opening):])
			if err != nil {
				return text
			}
			written, err := b.expression(rest[len(opening):][:length], isExpression)
			if err != nil {
				b.problems = append(b.problems, miniairflow.Problem{Path: path, Message: err.Error()})
				return text
			}
			out.WriteString(written)
			at += len(opening) + length + len(closing)
		default:
			out.WriteByte(text[at])
			at++
		}
	}
	return out.String()
}

// expression binds what stands between ${{ and }}, and returns it with them unless it
// is nothing but an input, whose text takes its place.
func (b *binder) expression(source string, isExpression bool) (string, error) {
	if name, ok := strings.CutPrefix(strings.TrimSpace(source), rootInputs+"."); ok && identifierLength(name) == len(name) {
		in, err := b.input(name)
		if err != nil {
			return "", err
		}
		text, isText := in.Value.(string)
		if !isExpression || in.hasExpression() || isText && len(strconv.Quote(text)) > sourceMax/2 {
			return in.asTemplate(), nil // a long text is one also in JSON
		}
	}
	var out strings.Builder
	for at := 0; at < len(source); {
		switch c := source[at]; {
		case c == '"', c == '\'', c == '`':
			end := stringEnd(source, at)
			if end < 0 {
				end = len(source) - 1
			}
			out.WriteString(source[at : end+1])
			at = end + 1
		case strings.HasPrefix(source[at:], rootInputs+".") && startsName(source, at):
			name := source[at+len(rootInputs)+1:]
			name = name[:identifierLength(name)]
			in, err := b.input(name)
			if err != nil {
				return "", err
			}
			literal, err := in.literal(name)
			if err != nil {
				return "", err
			}
			out.WriteString(literal)
			at += len(rootInputs) + 1 + len(name)
		default:
			out.WriteByte(c)
			at++
		}
	}
	if out.Len() > sourceMax && len(source) <= sourceMax {
		return "", fmt.Errorf("with the values of its inputs the expression has %d bytes, more than the limit of %d: let a long text stand in an expression of its own, as in %s inputs.text %s",
			out.Len(), sourceMax, opening, closing)
	}
	return opening + out.String() + closing, nil
}

func (b *binder) input(name string) (Input, error) {
	if in, ok := b.inputs[name]; ok {
		return in, nil
	}
	known := slices.Sorted(maps.Keys(b.inputs))
	switch hint := miniairflow.DidYouMean(name, known); {
	case hint != "":
		return Input{}, fmt.Errorf("unknown input %q%s", name, hint)
	case len(known) == 0:
		return Input{}, fmt.Errorf("unknown input %q: the template declares none; add inputs: {%s: {type: string}}", name, name)
	default:
		return Input{}, fmt.Errorf("unknown input %q: the template declares %s", name, strings.Join(known, ", "))
	}
}

// asTemplate returns a template that gives the value wherever it stands: a literal $ or
// { could join with what is beside it to an expression.
func (in Input) asTemplate() string {
	segments, err := split(in.Text)
	if err != nil {
		return in.Text // Check tells
	}
	var out strings.Builder
	for _, s := range segments {
		if s.isExpression {
			out.WriteString(s.text())
		} else {
			writeLiteral(&out, s.literal)
		}
	}
	return out.String()
}

// writeLiteral writes a text so that it joins with nothing: of its runs of $ and {, those
// at an end and those that would begin an expression become expressions that give them.
// All of the text in one expression could be longer than one may be.
func writeLiteral(out *strings.Builder, text string) {
	const signs = "${"
	for at := 0; at < len(text); {
		plain := strings.IndexAny(text[at:], signs)
		if plain < 0 {
			plain = len(text) - at
		}
		out.WriteString(text[at : at+plain])
		at += plain
		run := text[at : len(text)-len(strings.TrimLeft(text[at:], signs))]
		isAtEnd := at == 0 || at+len(run) == len(text)
		at += len(run)
		if !isAtEnd && !strings.Contains(run, opening) {
			out.WriteString(run)
			continue
		}
		for piece := range slices.Chunk([]byte(run), sourceMax/2) {
			out.WriteString(opening + " " + strconv.Quote(string(piece)) + " " + closing)
		}
	}
}

// literal returns the value as a part of an expression.
func (in Input) literal(name string) (string, error) {
	if in.hasExpression() {
		segments, err := split(in.Text)
		if err != nil {
			return "", fmt.Errorf("input %q: %w", name, err)
		}
		if len(segments) != 1 || !segments[0].isExpression {
			return "", fmt.Errorf("input %q is text with an expression in it, so it cannot be part of another one: let %s inputs.%s %s stand alone", name, opening, name, closing)
		}
		return "(" + segments[0].source + ")", nil
	}
	switch value := in.Value.(type) {
	case string:
		return strconv.Quote(value), nil
	case bool:
		return strconv.FormatBool(value), nil
	case int64:
		return "(" + strconv.FormatInt(value, 10) + ")", nil
	case int:
		return "(" + strconv.Itoa(value) + ")", nil
	case float64:
		return "(" + strconv.FormatFloat(value, 'f', -1, 64) + ")", nil
	default:
		return strconv.Quote(in.Text), nil
	}
}

// identifierLength returns how many bytes of text belong to the name with which it begins.
func identifierLength(text string) int {
	n := 0
	for n < len(text) && text[n] != '-' && isNameByte(text[n]) {
		n++
	}
	return n
}
