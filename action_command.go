package miniairflow

import (
	"slices"
	"strconv"
	"strings"
)

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
	for _, key := range sortedKeys(t.OutputFrom) {
		v.add(sub(taskPath(t), "outputs", key, "from"), "output %q: a command writes its outputs into the file $MINIAIRFLOW_OUTPUT: leave from out", key)
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
