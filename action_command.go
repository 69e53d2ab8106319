package miniairflow

import (
	"slices"
	"strconv"
	"strings"
)

// FromStdout is where an output comes from that is what a command prints.
const FromStdout = "stdout"

// Kind implements Action.
func (c *Command) Kind() ActionKind { return ActionCommand }

func (c *Command) validate(v *validator, at []string, t *Task) {
	switch {
	case c.Argv == nil && strings.TrimSpace(c.Script) == "":
		v.add(at, "the command of task %q is empty", t.Name)
	case c.Argv != nil && c.Script != "":
		v.add(at, "the command of task %q is both a script and a list", t.Name)
	case c.Argv != nil && len(c.Argv) == 0:
		v.add(at, "the command of task %q is an empty list: write a program and its arguments", t.Name)
	case c.Argv != nil && c.Argv[0] == "":
		v.add(at, "the command of task %q names no program: its first item is empty", t.Name)
	case c.Script != "":
		oneOf(v, sub(taskPath(t), "shell"), c.Shell, shells)
	}
	v.noNUL(at, c.Script)
	for i, arg := range c.Argv {
		v.noNUL(sub(at, strconv.Itoa(i)), arg)
	}
	first := ""
	for _, key := range sortedKeys(t.OutputFrom) {
		path := sub(taskPath(t), "outputs", key, "from")
		switch from := t.OutputFrom[key]; {
		case from != FromStdout:
			v.add(path, "output %q: from: %s is unknown: write from: stdout, or leave from out for the file $MINIAIRFLOW_OUTPUT", key, show(from))
		case first != "":
			v.add(path, "output %q is the whole of stdout, as %q is: keep one, and take the other apart where it is used", key, first)
		default:
			first = key
		}
	}
}

func (c *Command) copyInto(t *Task) {
	copied := *c
	copied.Argv = slices.Clone(c.Argv)
	t.Command = &copied
}

// eachTemplate leaves the script out: it goes to its shell as it is.
func (c *Command) eachTemplate(visit visitTemplate) error {
	for i := range c.Argv {
		if err := eachText(&c.Argv[i], visit, string(ActionCommand), strconv.Itoa(i)); err != nil {
			return err
		}
	}
	return nil
}
