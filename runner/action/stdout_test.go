package action_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// printing returns the Input of a script whose output rows is what it prints.
func printing(t *testing.T, text string, kind miniairflow.OutputType) action.Input {
	t.Helper()
	in := script(t, text)
	in.Task.Outputs = map[string]miniairflow.OutputType{"rows": kind, "name": miniairflow.OutputString}
	in.Task.OutputFrom = map[string]string{"rows": miniairflow.FromStdout}
	return in
}

func TestOutputFromStdout(t *testing.T) {
	result, log := run(t, printing(t, `echo warning >&2; echo " 42 "; echo name=x >> "$MINIAIRFLOW_OUTPUT"; echo rows=7 >> "$MINIAIRFLOW_OUTPUT"`, miniairflow.OutputInteger))
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Equal(t, map[string]any{"rows": int64(42), "name": "x"}, result.Outputs)
	require.ElementsMatch(t, []string{"warning", " 42 ", ""}, strings.Split(log, "\n"), "the log has both streams")
}

func TestStdoutOfEveryProcessCounts(t *testing.T) {
	in := printing(t, `(echo b; cat; exec 1>&-; echo lost 2>/dev/null || true) | cat; echo name= >> "$MINIAIRFLOW_OUTPUT"`, miniairflow.OutputString)
	in.Task.Stdin = "c"
	result, _ := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Equal(t, "b\nc", result.Outputs["rows"])
}

func TestWrongStdout(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"wrong type":    {"echo many", `output "rows": "many" is not an integer`},
		"nothing":       {"true", `output "rows": the value is empty`},
		"NUL":           {`printf '4\0002'`, `output "rows": stdout has a NUL byte`},
		"invalid UTF-8": {`printf '4\377'`, `output "rows": stdout is not valid UTF-8`},
	} {
		t.Run(name, func(t *testing.T) {
			in := printing(t, c.script+`; echo name= >> "$MINIAIRFLOW_OUTPUT"`, miniairflow.OutputInteger)
			result, _ := run(t, in)
			require.Equal(t, miniairflow.AttemptFailed, result.Status)
			require.Contains(t, result.Reason, c.want)
			require.Nil(t, result.Outputs)
		})
	}
}

// Of a long output the end is kept, and no part of a character.
func TestLongStdoutKeepsItsEnd(t *testing.T) {
	in := printing(t, `head -c 3000000 /dev/zero | tr '\0' x; head -c 1048574 <(yes é | tr -d '\n'); printf 'yz'; echo name= >> "$MINIAIRFLOW_OUTPUT"`, miniairflow.OutputString)
	result, log := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Equal(t, strings.Repeat("é", 524287)+"yz", result.Outputs["rows"])
	require.Len(t, log, 3000000+2*524287+2)
}

func TestCutStdoutBeginsWithAWholeCharacter(t *testing.T) {
	in := printing(t, `head -c 1200000 <(yes é | tr -d '\n'); printf 'z'; echo name= >> "$MINIAIRFLOW_OUTPUT"`, miniairflow.OutputString)
	result, _ := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Equal(t, strings.Repeat("é", 524287)+"z", result.Outputs["rows"])
}

// A process in the background that holds only stdout is not waited for longer
// than one that holds both streams.
func TestBackgroundProcessThatHoldsStdout(t *testing.T) {
	result, log := run(t, printing(t, `echo 1; (exec 2>/dev/null; trap '' TERM; sleep 600) & echo name= >> "$MINIAIRFLOW_OUTPUT"`, miniairflow.OutputInteger))
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Equal(t, int64(1), result.Outputs["rows"])
	require.Contains(t, log, "background processes kept the output open")
}
