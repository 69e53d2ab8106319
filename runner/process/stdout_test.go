package process_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/runner/process"
)

func TestStdoutAlone(t *testing.T) {
	var out, stdout bytes.Buffer
	spec := bash(t, "cat; for i in 1 2 3; do echo out$i; echo err$i >&2; done", &out)
	spec.Stdout, spec.Stdin = &stdout, "in\n"
	require.Equal(t, process.Exit{}, wait(t, start(t, spec)))
	require.Equal(t, "err1\nerr2\nerr3\n", out.String())
	require.Equal(t, "in\nout1\nout2\nout3\n", stdout.String())
}

// Neither stream blocks the other, however much comes by one of them.
func TestMuchOnBothStreams(t *testing.T) {
	var out, stdout bytes.Buffer
	spec := bash(t, "head -c 3000000 /dev/zero | tee /dev/stderr", &out)
	spec.Stdout = &stdout
	require.Equal(t, process.Exit{}, wait(t, start(t, spec)))
	require.Equal(t, strings.Repeat("\x00", 3000000), out.String())
	require.Equal(t, out.Len(), stdout.Len())
}

// A process that holds only one of the streams is waited for no longer than one
// that holds both.
func TestOneStreamIsHeld(t *testing.T) {
	for _, held := range []string{"1>/dev/null", "2>/dev/null"} {
		var out, stdout bytes.Buffer
		spec := bash(t, "echo 1; sleep 600 "+held+" &", &out)
		spec.Stdout, spec.Linger = &stdout, 1
		require.Equal(t, process.Exit{LeftBehind: true}, wait(t, start(t, spec)), held)
		require.Equal(t, "1\n", stdout.String())
	}
}
