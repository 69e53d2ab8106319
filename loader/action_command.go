package loader

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

// command reads a script (text) or a program with its arguments (a list).
func (v value) command() *miniairflow.Command {
	if v.node.Kind == yaml.SequenceNode {
		return &miniairflow.Command{Argv: append([]string{}, v.texts("")...)}
	}
	if v.node.Kind != yaml.ScalarNode || v.isNull() {
		v.mismatch("a shell command, or a list of a program and its arguments")
		return nil
	}
	script, ok := v.text()
	if !ok {
		return nil
	}
	if v.cutInQuotes() {
		v.cut("command")
	}
	return &miniairflow.Command{Script: script}
}

// cutInQuotes reports whether YAML took part of a plain script for a comment
// that the shell has in quotes, as in: echo "a #b".
func (v value) cutInQuotes() bool {
	_, comment, found := strings.Cut(v.doc.lines.line(v.node.Line), " #")
	return found && v.isPlain() && slices.ContainsFunc([]string{`"`, "'"}, func(quote string) bool {
		return strings.Count(v.node.Value, quote)%2 == 1 && strings.Contains(comment, quote)
	})
}

func (t *taskDraft) setShell(v value) {
	t.shell, _ = v.text()
	t.own = &v
}

// settleShell gives a script its shell, which the task or its defaults name.
func (t *taskDraft) settleShell() {
	command := t.Runs()
	if command != nil && command.Script != "" {
		command.Shell = t.shell
	}
	if t.own != nil && command != nil && command.Argv != nil {
		t.own.fail("shell does nothing for a command that is a list, which runs as it is: make the command a text, or remove shell")
	}
}
