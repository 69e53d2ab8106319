package action_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/logs"
)

// What an engine's own command line would show with its value is refused; any other
// variable reaches the container without a trace in the arguments.
func TestSecretIsNoArgumentOfAnEngine(t *testing.T) {
	noted := standIn(t, "docker", "cat\n")
	in := contained(t, "true")
	in.Mask = logs.Forms([]string{"hunter2"})
	in.Task.Env = map[string]string{"TOKEN": "hunter2", "DOCKER_HOST": "tcp://other"}
	result, _ := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Contains(t, lines(t, noted), "--env=TOKEN")
	require.NotContains(t, lines(t, noted), "--env=TOKEN=hunter2")

	in.Task.Env = map[string]string{"DOCKER_TOKEN": "is hunter2"}
	result, log := run(t, in)
	require.Equal(t, miniairflow.AttemptFailed, result.Status)
	require.Equal(t, "cannot start: the variable DOCKER_TOKEN means something to the container engine and holds a secret, which would show in the list of processes: give it another name", result.Reason)
	require.NotContains(t, log, "hunter2")
}

// Of a long stdout the end is kept, and half a secret at its beginning is not.
func TestCutStdoutKeepsNoHalfOfASecret(t *testing.T) {
	const fill = `head -c 1048560 /dev/zero | tr '\0' x`
	in := printing(t, `printf 'the-whole-secret\nnext the-whole-secret line\n'; `+fill+`; echo name= >> "$MINIAIRFLOW_OUTPUT"`, miniairflow.OutputString)
	in.Mask = logs.Forms([]string{"the-whole-secret"})
	result, _ := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	rows := result.Outputs["rows"].(string)
	require.Len(t, rows, 1048560)
	require.NotContains(t, rows, "secret")

	in = printing(t, `printf the-whole-secret; `+fill+`; printf the-whole-secret; echo name= >> "$MINIAIRFLOW_OUTPUT"`, miniairflow.OutputString)
	in.Mask = logs.Forms([]string{"the-whole-secret"})
	result, _ = run(t, in)
	require.Equal(t, miniairflow.AttemptFailed, result.Status)
	require.Contains(t, result.Reason, "stdout has a line of more than 1 MiB, in which secrets could not be hidden")
}

// A message that shows the beginning of a wrong value shows no half of a secret.
func TestWrongOutputShowsNoHalfOfASecret(t *testing.T) {
	secret := strings.Repeat("the-whole-secret-", 20)
	in := script(t, `echo "rows=$(cat)" > "$MINIAIRFLOW_OUTPUT"`)
	in.Task.Stdin, in.Mask = secret, logs.Forms([]string{secret})
	in.Task.Outputs = map[string]miniairflow.OutputType{"rows": miniairflow.OutputInteger}
	result, log := run(t, in)
	require.Equal(t, miniairflow.AttemptFailed, result.Status)
	require.Equal(t, `output "rows": "***" is not an integer such as 42`, result.Reason)
	require.NotContains(t, log, "secret")
}

// A secret that has a = is no key of an output: cut there, it would not be found.
func TestSecretIsNoKeyOfAnOutput(t *testing.T) {
	for _, secret := range []string{"postgres://app:pa55word@db.internal/main?sslmode=disable", "QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "a-key<<and-the-rest"} {
		in := script(t, `cat >> "$MINIAIRFLOW_OUTPUT"`)
		in.Task.Stdin, in.Mask = secret+"\n", logs.Forms([]string{secret})
		result, log := run(t, in)
		require.Equal(t, miniairflow.AttemptFailed, result.Status)
		require.Equal(t, "$MINIAIRFLOW_OUTPUT line 1 begins with a secret: write key=value, with a key of its own", result.Reason)
		require.NotContains(t, log, secret[:5])
		require.Empty(t, result.Outputs)

		in = script(t, `echo "key=$(cat)" >> "$MINIAIRFLOW_OUTPUT"`)
		in.Task.Stdin, in.Mask = secret, logs.Forms([]string{secret})
		result, _ = run(t, in)
		require.Equal(t, miniairflow.AttemptSuccess, result.Status, "as a value it is hidden whole")
	}
}

// What is hidden in a body makes it shorter, and the body no less cut.
func TestCutBodyIsNotWholeForWhatIsHidden(t *testing.T) {
	const secret = "the-whole-secret-0123456789-abcdef"
	url := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat(secret, (1<<20)/len(secret)+10))
	})
	in := asking(miniairflow.HTTP{URL: url})
	in.Mask = logs.Forms([]string{secret})
	in.Task.Outputs = map[string]miniairflow.OutputType{"body": miniairflow.OutputString}
	result, log := run(t, in)
	require.Equal(t, `output "body": the body is larger than 1 MiB, so it cannot be an output`, result.Reason)
	require.NotContains(t, log, "the-whole")
}
