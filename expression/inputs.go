package expression

import (
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

// BindInputs writes the values of inputs in place of `inputs.<name>` into the
// templates of t: env, stdin, the items of a command, and when. A script is left as it
// is, also the word that a shell in a list would run: Check refuses an expression
// there, and a value must not become code. A problem has its path below the task.
func BindInputs(t *miniairflow.Task, inputs map[string]Input) []miniairflow.Problem {
	b := &binder{inputs: inputs}
	if len(t.Env) > 0 {
		env := maps.Clone(t.Env)
		for _, name := range keysOf(env) {
			env[name] = b.template(env[name], false, "env", name)
		}
		t.Env = env
	}
	t.Stdin = b.template(t.Stdin, false, "stdin")
	t.When = b.template(t.When, true, "when")
	if t.Command != nil && len(t.Command.Argv) > 0 {
		command := *t.Command
		command.Argv = b.argv(command.Argv)
		t.Command = &command
	}
	return b.problems
}

type binder struct {
	inputs   map[string]Input
	problems []miniairflow.Problem
}

// argv binds the items of a command but for a shell's script. Values decide only in
// the end which item that is.
func (b *binder) argv(argv []string) []string {
	bound := make([]string, len(argv))
	script := scriptWord(argv)
	for i, item := range argv {
		bound[i] = item
		if i != script {
			bound[i] = b.template(item, false, "command", strconv.Itoa(i))
		}
	}
	if script = scriptWord(bound); script >= 0 {
		bound[script] = argv[script]
	}
	return bound
}

// template binds one text. isExpression says that it must remain an expression. What
// is no template stays as it is: Check tells.
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
	if name, ok := strings.CutPrefix(strings.TrimSpace(source), rootInputs+"."); ok && identifierLength(name) == len(name) && !isExpression {
		in, err := b.input(name)
		if err != nil {
			return "", err
		}
		return in.asTemplate(), nil
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
		switch {
		case s.isExpression:
			out.WriteString(s.text())
		case strings.ContainsAny(s.literal, "${"):
			out.WriteString(opening + " " + strconv.Quote(s.literal) + " " + closing)
		default:
			out.WriteString(s.literal)
		}
	}
	return out.String()
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
