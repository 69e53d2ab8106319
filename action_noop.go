package miniairflow

// noop is the action of a task with Noop: none.
type noop struct{}

// Kind implements Action.
func (noop) Kind() ActionKind { return ActionNoop }

func (noop) validate(v *validator, _ []string, t *Task) {
	if len(t.Outputs) > 0 {
		v.add(sub(taskPath(t), "outputs"), "task %q is a noop, which writes no outputs: leave outputs out, or give it a command", t.Name)
	}
}

func (noop) copyInto(*Task) {}

func (noop) eachTemplate(visitTemplate) error { return nil }
