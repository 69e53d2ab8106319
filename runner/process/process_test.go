package process_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/runner/process"
)

// generous is a time that only a hang reaches.
const generous = 20 * time.Second

func bash(t *testing.T, script string, out io.Writer) process.Spec {
	t.Helper()
	return process.Spec{
		Argv:   []string{"bash", "--noprofile", "--norc", "-c", script},
		Env:    []string{"PATH=" + os.Getenv("PATH")},
		Dir:    t.TempDir(),
		Output: out,
	}
}

// start starts spec and makes sure that nothing of it outlives the test.
func start(t *testing.T, spec process.Spec) *process.Process {
	t.Helper()
	p, err := guardian.Start(t.Context(), spec)
	require.NoError(t, err)
	t.Cleanup(func() { p.Stop(0) })
	return p
}

func wait(t *testing.T, p *process.Process) process.Exit {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(generous):
		require.Fail(t, "the command did not end")
	}
	return p.Wait()
}

// number reads the only number in text.
func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(text))
	require.NoError(t, err)
	return n
}

func TestBothStreamsKeepTheirOrder(t *testing.T) {
	var out bytes.Buffer
	spec := bash(t, "for i in 1 2 3; do echo out$i; echo err$i >&2; done", &out)
	require.Equal(t, process.Exit{}, wait(t, start(t, spec)))
	require.Equal(t, "out1\nerr1\nout2\nerr2\nout3\nerr3\n", out.String())
}

func TestExit(t *testing.T) {
	for script, want := range map[string]process.Exit{
		"exit 0":              {},
		"exit 3":              {Code: 3},
		"exit 255":            {Code: 255},
		"kill -KILL $$":       {Signal: syscall.SIGKILL},
		"kill -TERM $$":       {Signal: syscall.SIGTERM},
		"kill -HUP $$":        {Signal: syscall.SIGHUP},
		"bash -c 'exit 4'":    {Code: 4},
		"sleep 60 & exit 5":   {Code: 5, LeftBehind: true},
		"sleep 60 >&- 2>&- &": {},
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			spec := bash(t, script, nil)
			spec.Linger = 100 * time.Millisecond
			require.Equal(t, want, wait(t, start(t, spec)))
		})
	}
}

func TestStdinArrivesWhole(t *testing.T) {
	for name, size := range map[string]int{"empty": 0, "one byte": 1, "larger than a pipe": 3 << 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			spec := bash(t, "wc -c", &out)
			spec.Stdin = strings.Repeat("x", size)
			require.Equal(t, process.Exit{}, wait(t, start(t, spec)))
			require.Equal(t, size, number(t, out.String()))
		})
	}
}

func TestStdinThatNobodyReadsDoesNotBlock(t *testing.T) {
	spec := bash(t, "exit 0", nil)
	spec.Stdin = strings.Repeat("x", 3<<20)
	require.Equal(t, process.Exit{}, wait(t, start(t, spec)))

	spec = bash(t, "sleep 60 >/dev/null 2>&1 <&0 &", nil) // the sleeper holds stdin
	spec.Stdin = strings.Repeat("x", 3<<20)
	require.Equal(t, process.Exit{}, wait(t, start(t, spec)))
}

func TestChildGetsThreeStreamsAndNoTerminal(t *testing.T) {
	var out bytes.Buffer
	spec := bash(t, "", &out)
	spec.Argv = []string{"ls", "/dev/fd"}
	spec.Stdin = "held open by nobody else"
	require.Equal(t, process.Exit{}, wait(t, start(t, spec)))
	require.Equal(t, "0\n1\n2\n3\n", out.String()) // 3 is the directory that ls reads

	out.Reset()
	require.Equal(t, process.Exit{}, wait(t, start(t, bash(t, "if (: < /dev/tty) 2>/dev/null; then echo terminal; fi", &out))))
	require.Empty(t, out.String())
}

func TestOutputPipeBlocksLikeAnyOther(t *testing.T) {
	// A pipe left in non-blocking mode makes programs fail with EAGAIN.
	var out bytes.Buffer
	spec := bash(t, "head -c 4000000 /dev/zero | cat", &out)
	require.Equal(t, process.Exit{}, wait(t, start(t, spec)))
	require.Equal(t, 4_000_000, out.Len())
}

func TestFailingOutputDoesNotBlockTheChild(t *testing.T) {
	spec := bash(t, "head -c 4000000 /dev/zero", failingWriter{})
	require.Equal(t, process.Exit{}, wait(t, start(t, spec)))
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestStartErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
		return path
	}
	plain := write("plain", "#!/bin/sh\n", 0o644)
	orphan := write("orphan", "#!/no/such/interpreter\n", 0o755)
	garbage := write("garbage", "\x01\x02", 0o755)
	path := "PATH=" + os.Getenv("PATH") + ":" + dir

	for name, c := range map[string]struct {
		change func(*process.Spec)
		kind   process.StartFailure
		text   string
	}{
		"not in PATH":        {func(s *process.Spec) { s.Argv = []string{"python4"} }, process.ProgramMissing, "program python4 not found in PATH"},
		"no PATH":            {func(s *process.Spec) { s.Env = nil }, process.ProgramMissing, "program true not found in PATH"},
		"missing path":       {func(s *process.Spec) { s.Argv = []string{"./gone"} }, process.ProgramMissing, "program " + dir + "/gone does not exist"},
		"not executable":     {func(s *process.Spec) { s.Argv = []string{plain} }, process.PermissionDenied, "chmod +x"},
		"not executable too": {func(s *process.Spec) { s.Argv = []string{"plain"} }, process.PermissionDenied, "chmod +x " + plain},
		"interpreter gone":   {func(s *process.Spec) { s.Argv = []string{orphan} }, process.NotExecutable, "interpreter"},
		"garbage":            {func(s *process.Spec) { s.Argv = []string{garbage} }, process.NotExecutable, "#!"},
		"a directory":        {func(s *process.Spec) { s.Argv = []string{dir} }, process.NotExecutable, "is a directory"},
		"no directory":       {func(s *process.Spec) { s.Dir = dir + "/x" }, process.DirectoryMissing, "working directory " + dir + "/x does not exist"},
		"file as directory":  {func(s *process.Spec) { s.Dir = plain }, process.DirectoryMissing, "is not a directory"},
		"relative directory": {func(s *process.Spec) { s.Dir = "x" }, process.InvalidArgument, "not an absolute path"},
		"too long":           {func(s *process.Spec) { s.Argv = append(s.Argv, strings.Repeat("x", 16<<20)) }, process.ArgumentsTooLong, "stdin"},
		"empty":              {func(s *process.Spec) { s.Argv = nil }, process.InvalidArgument, "empty"},
		"NUL in argument":    {func(s *process.Spec) { s.Argv = []string{"true", "a\x00b"} }, process.InvalidArgument, "argument 1 has a NUL byte"},
		"NUL in environment": {func(s *process.Spec) { s.Env = []string{path, "A=\x00"} }, process.InvalidArgument, `environment variable "A"`},
	} {
		t.Run(name, func(t *testing.T) {
			spec := process.Spec{Argv: []string{"true"}, Env: []string{path}, Dir: dir}
			c.change(&spec)
			_, err := guardian.Start(t.Context(), spec)
			var start *process.StartError
			require.ErrorAs(t, err, &start)
			require.Equal(t, c.kind, start.Kind, start.Text)
			require.Contains(t, start.Text, c.text)
		})
	}
}

// A worker may have stood still for any time before it asks for the start.
func TestNothingStartsTooLate(t *testing.T) {
	var out bytes.Buffer
	spec := bash(t, "echo up", &out)
	for _, ago := range []time.Duration{time.Nanosecond, time.Second, 1000 * time.Hour} {
		spec.NotAfter = time.Now().Add(-ago)
		_, err := guardian.Start(t.Context(), spec)
		var late *process.StartError
		require.ErrorAs(t, err, &late)
		require.Equal(t, process.TooLate, late.Kind)
		require.Empty(t, out.String())
	}
	spec.NotAfter = time.Now().Add(time.Hour)
	require.Equal(t, process.Exit{}, wait(t, start(t, spec)))
	require.Equal(t, "up\n", out.String())
}

// Names of files and what programs pass on need not be UTF-8.
func TestBytesArriveAsTheyAre(t *testing.T) {
	raw := "caf\xe9\xff\n\x01"
	dir := filepath.Join(t.TempDir(), raw)
	if err := os.Mkdir(dir, 0o700); errors.Is(err, syscall.EILSEQ) {
		dir = t.TempDir() // macOS takes only UTF-8 for names of files
	}
	require.NoError(t, os.WriteFile(dir+"/greet", []byte("#!/bin/sh\nprintf '%s|' \"$X\" \"$1\" \"$PWD\"\n"), 0o700))
	var out bytes.Buffer
	spec := process.Spec{Argv: []string{dir + "/greet", raw}, Env: []string{"X=" + raw}, Dir: dir, Output: &out}
	require.Equal(t, process.Exit{}, wait(t, start(t, spec)))
	require.Equal(t, raw+"|"+raw+"|"+dir+"|", out.String())
}

func TestForbiddenDirectory(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may enter every directory")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0))
	t.Cleanup(func() { require.NoError(t, os.Chmod(dir, 0o700)) })
	_, err := guardian.Start(t.Context(), process.Spec{Argv: []string{"true"}, Env: []string{"PATH=" + os.Getenv("PATH")}, Dir: dir})
	var start *process.StartError
	require.ErrorAs(t, err, &start)
	require.Equal(t, process.PermissionDenied, start.Kind)
}

func TestRelativePathsCountFromTheWorkingDirectory(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(dir+"/bin", 0o700))
	require.NoError(t, os.WriteFile(dir+"/bin/greet", []byte("#!/bin/sh\necho hello\n"), 0o700))
	for _, spec := range []process.Spec{
		{Argv: []string{"./bin/greet"}, Dir: dir},
		{Argv: []string{"greet"}, Env: []string{"PATH=bin"}, Dir: dir},
	} {
		var out bytes.Buffer
		spec.Output = &out
		require.Equal(t, process.Exit{}, wait(t, start(t, spec)))
		require.Equal(t, "hello\n", out.String())
	}
}
