package miniairflow_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

func TestValidateExitCodes(t *testing.T) {
	good := func() *miniairflow.Definition {
		d := validDefinition()
		d.Tasks[1].SkipOn, d.Tasks[1].Retry.NeverOn = &miniairflow.ExitCodes{99, 255}, &miniairflow.ExitCodes{1, 2}
		return d
	}
	require.Empty(t, good().Validate())
	for _, tt := range []struct {
		change     func(t *miniairflow.Task)
		path, want string
	}{
		{func(t *miniairflow.Task) { (*t.SkipOn)[1] = 0 }, "skip_on_exit_codes 1", "exit code 0 is not a failure's: use 1 to 255"},
		{func(t *miniairflow.Task) { (*t.Retry.NeverOn)[0] = 256 }, "retry never_on_exit_codes 0", "exit code 256 is not a failure's"},
		{func(t *miniairflow.Task) { (*t.Retry.NeverOn)[1] = 75 }, "retry never_on_exit_codes 1", "exit code 75 is in on_exit_codes, too: remove it from one of them"},
		{func(t *miniairflow.Task) { (*t.SkipOn)[0] = 75 }, "skip_on_exit_codes 0", "exit code 75 skips the task, so it is never tried again after it"},
		{func(t *miniairflow.Task) { (*t.SkipOn)[0] = 2 }, "skip_on_exit_codes 0", "exit code 2 skips the task"},
		{func(t *miniairflow.Task) { t.Command, t.Noop = nil, true }, "skip_on_exit_codes", `does nothing for task "load", which runs no process`},
	} {
		d := good()
		tt.change(&d.Tasks[1])
		problems := d.Validate()
		require.Len(t, problems, 1, "%s: %v", tt.want, problems)
		require.Equal(t, "tasks load "+tt.path, strings.Join(problems[0].Path, " "))
		require.Contains(t, problems[0].Message, tt.want)
	}
}
