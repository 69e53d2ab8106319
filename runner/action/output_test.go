package action_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func TestOutputs(t *testing.T) {
	for name, c := range map[string]struct {
		text string // written to the file as it is
		want map[string]any
	}{
		"none":                 {"", nil},
		"one":                  {"a=1\n", map[string]any{"a": "1"}},
		"no line end":          {"a=1", map[string]any{"a": "1"}},
		"empty lines":          {"\n\na=1\n\nb=2\n", map[string]any{"a": "1", "b": "2"}},
		"empty value":          {"a=\n", map[string]any{"a": ""}},
		"value with =":         {"url=http://h/?q=1<<2\n", map[string]any{"url": "http://h/?q=1<<2"}},
		"space stays":          {"a= x \n", map[string]any{"a": " x "}},
		"last wins":            {"a=1\na=2\n", map[string]any{"a": "2"}},
		"unicode":              {"a=naïve ☃\n", map[string]any{"a": "naïve ☃"}},
		"block":                {"a<<END\nx\n\ny=1\nEND\nb=2\n", map[string]any{"a": "x\n\ny=1", "b": "2"}},
		"empty block":          {"a<<END\nEND\n", map[string]any{"a": ""}},
		"odd delimiter":        {"a<<= <<\nx\n= <<\n", map[string]any{"a": "x"}},
		"block at end of file": {"a<<E\nx\nE", map[string]any{"a": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := script(t, `cat > "$MINIAIRFLOW_OUTPUT"`)
			in.Task.Stdin = c.text
			result, _ := run(t, in)
			require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
			require.Equal(t, c.want, result.Outputs)
		})
	}
}

func TestDeclaredOutputsAreTyped(t *testing.T) {
	in := script(t, `printf 'rows= 12 \nratio=0.5\nok=true\nfiles=["a"]\nname= x \nother=12\n' > "$MINIAIRFLOW_OUTPUT"`)
	in.Task.Outputs = map[string]miniairflow.OutputType{
		"rows": miniairflow.OutputInteger, "ratio": miniairflow.OutputNumber, "ok": miniairflow.OutputBoolean,
		"files": miniairflow.OutputList, "name": miniairflow.OutputString,
	}
	result, _ := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Equal(t, map[string]any{
		"rows": int64(12), "ratio": 0.5, "ok": true, "files": []any{"a"}, "name": "x", "other": "12",
	}, result.Outputs)
}

func TestWrongOutputsFailTheAttempt(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		want   string
	}{
		"missing":        {"true", `output "rows" is declared, but the task did not write it`},
		"file removed":   {`rm "$MINIAIRFLOW_OUTPUT"`, `output "rows" is declared`},
		"wrong type":     {`echo rows=many > "$MINIAIRFLOW_OUTPUT"`, `output "rows": "many" is not an integer`},
		"no key":         {`printf 'rows=1\nhello\n' > "$MINIAIRFLOW_OUTPUT"`, "$MINIAIRFLOW_OUTPUT line 2 is neither"},
		"one <":          {`echo 'rows<1' > "$MINIAIRFLOW_OUTPUT"`, "line 1 is neither"},
		"bad key":        {`echo 'the rows=1' > "$MINIAIRFLOW_OUTPUT"`, `line 1 has the key "the rows"`},
		"empty key":      {`echo '=1' > "$MINIAIRFLOW_OUTPUT"`, `line 1 has the key ""`},
		"open block":     {`printf 'rows=1\na<<END\nx\n' > "$MINIAIRFLOW_OUTPUT"`, `line 2 opens a block, but no line "END" closes it`},
		"NUL":            {`printf 'rows=1\na=\0\n' > "$MINIAIRFLOW_OUTPUT"`, "line 2 has a NUL byte"},
		"invalid UTF-8":  {`printf 'rows=1\n\na=\377\n' > "$MINIAIRFLOW_OUTPUT"`, "line 3 is not valid UTF-8"},
		"too large":      {`head -c 1048577 /dev/zero > "$MINIAIRFLOW_OUTPUT"`, "larger than 1 MiB"},
		"a named pipe":   {`rm "$MINIAIRFLOW_OUTPUT"; mkfifo "$MINIAIRFLOW_OUTPUT"`, "no longer a regular file"},
		"a directory":    {`rm "$MINIAIRFLOW_OUTPUT"; mkdir "$MINIAIRFLOW_OUTPUT"`, "no longer a regular file"},
		"endless device": {`ln -sf /dev/zero "$MINIAIRFLOW_OUTPUT"`, "no longer a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			in := script(t, c.script)
			in.Task.Outputs = map[string]miniairflow.OutputType{"rows": miniairflow.OutputInteger}
			result, log := run(t, in)
			require.Equal(t, miniairflow.AttemptFailed, result.Status)
			require.Contains(t, result.Reason, c.want)
			require.Nil(t, result.Outputs)
			require.Zero(t, *result.ExitCode)
			require.Equal(t, "miniairflow: "+result.Reason+"\n", log)
		})
	}
}

func TestLargestOutputIsTaken(t *testing.T) {
	in := script(t, `cat > "$MINIAIRFLOW_OUTPUT"`)
	in.Task.Stdin = "a=" + strings.Repeat("x", 1<<20-2)
	result, _ := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Len(t, result.Outputs["a"], 1<<20-2)
}

func TestFailedAttemptHasNoOutputs(t *testing.T) {
	result, _ := run(t, script(t, `echo a=1 > "$MINIAIRFLOW_OUTPUT"; exit 3`))
	require.Equal(t, "exit code 3", result.Reason)
	require.Equal(t, 3, *result.ExitCode)
	require.Nil(t, result.Outputs)
}
