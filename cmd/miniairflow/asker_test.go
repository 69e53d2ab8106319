package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

// session is a process of this program with a terminal.
type session struct {
	*program
	keys *os.File
}

// startOnTerminal starts the program as a shell would, in front of a terminal.
func startOnTerminal(t *testing.T, args ...string) *session {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p := &program{cmd: exec.Command(self, args...), said: &lockedBuffer{}, tmp: t.TempDir(), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asProgram+"=yes", "TMPDIR="+p.tmp, "MINIAIRFLOW_HOME="+t.TempDir(), "TERM=xterm")
	keys, err := pty.StartWithSize(p.cmd, &pty.Winsize{Rows: 30, Cols: 100})
	require.NoError(t, err)
	go func() {
		defer close(p.ended)
		_, _ = io.Copy(p.said, keys) // it ends with an error when the other end is closed
		_ = p.cmd.Wait()             // the exit code says how it ended
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it has ended, unless the test failed
		<-p.ended
		_ = keys.Close()
	})
	return &session{program: p, keys: keys}
}

// reply waits until the program has said something, and types.
func (s *session) reply(t *testing.T, said string, keys string) {
	t.Helper()
	require.Eventually(t, func() bool {
		select {
		case <-s.ended:
			return true
		default:
			return strings.Contains(s.said.String(), said)
		}
	}, patience, 10*time.Millisecond, "%q in %s", said, s.said)
	require.Contains(t, s.said.String(), said)
	_, err := s.keys.WriteString(keys)
	require.NoError(t, err)
}

// writeAsking writes a workflow with an approval, and a task that keeps talking
// meanwhile; dir gets what came of it.
func writeAsking(t *testing.T, approval string) (file, dir string) {
	t.Helper()
	dir = t.TempDir()
	file = filepath.Join(dir, "w.yaml")
	text := `
env: {W: "` + dir + `"}
tasks:
  chatty:
    command: |
      for i in $(seq 500); do echo "noise $i"; done
      until [ -e "$W/quiet" ]; do sleep 0.02; done
      echo the last noise
  ok: {` + approval + `}
  load:
    depends_on: ok
    env: {BY: "${{ tasks.ok.outputs.by }}", FIELDS: "${{ toJSON(tasks.ok.outputs.fields) }}"}
    command: echo "$BY $FIELDS" > "$W/answer"
  then: {command: touch "$W/quiet", depends_on: ok, trigger_rule: all_done}
`
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file, dir
}

const askWithFields = `approval: {message: "Load it?\nReally?", approvers: [ada, ops], fields: {
    region: {type: string, enum: [eu, us], description: where it goes}, rows: {type: integer, maximum: 9}, note: {type: string, default: none}}}`

// TestRun_AsksOnTerminal answers an approval where it is asked, wrongly first.
func TestRun_AsksOnTerminal(t *testing.T) {
	file, dir := writeAsking(t, askWithFields)
	s := startOnTerminal(t, "run", file)
	s.reply(t, "approve or reject? ", "perhaps\r")
	s.reply(t, `"perhaps" is no answer: write approve or reject`, "approve\r")
	s.reply(t, "region: ", "\r")
	s.reply(t, "region (string) has no default: write a value", "mars\r")
	s.reply(t, "mars is not one of eu, us", "eu\r")
	s.reply(t, "rows: ", "10\r")
	s.reply(t, "10 is more than", " 7 \r")
	s.reply(t, "note: ", "\r")
	require.Equal(t, exitOK, s.exitCode(t), "%s", s.said)
	require.Equal(t, `ada {"note":"none","region":"eu","rows":7}`, appearsFile(t, s.program, filepath.Join(dir, "answer")))
	said := s.said.String()
	require.Contains(t, said, "ok asks: Load it?\r\nReally?\r\n  region (string: eu, us) where it goes\r\n  rows (integer)\r\n  note (string, default none)\r\n  (answered here as ada, one of its approvers)\r\n")
	require.Contains(t, said, "the last noise")
	require.Contains(t, said, "noise 500", "nothing that was said meanwhile is lost")
}

// TestRun_RejectsOnTerminal ends a run by a rejection.
func TestRun_RejectsOnTerminal(t *testing.T) {
	file, _ := writeAsking(t, `approval: "Load it?"`)
	s := startOnTerminal(t, "run", file)
	s.reply(t, "approve or reject? ", "R\r")
	require.Equal(t, exitFailed, s.exitCode(t), "%s", s.said)
	require.Contains(t, s.said.String(), "rejected by run")
}

// TestRun_QuestionIsTakenBack holds that a question ends with the wait of its task,
// with the input and with the run, and keeps nothing of these from ending.
func TestRun_QuestionIsTakenBack(t *testing.T) {
	t.Run("by the timeout", func(t *testing.T) {
		file, _ := writeAsking(t, `approval: {message: "Load it?", on_timeout: skip}, timeout: 1s`)
		s := startOnTerminal(t, "run", file)
		require.Equal(t, exitOK, s.exitCode(t), "%s", s.said)
		require.Contains(t, s.said.String(), "approve or reject? \r\nok does not wait for an answer any more\r\n")
	})
	t.Run("by the end of the input", func(t *testing.T) {
		file, _ := writeAsking(t, `approval: {message: "Load it?", on_timeout: skip}, timeout: 2s`)
		s := startOnTerminal(t, "run", file)
		s.reply(t, "approve or reject? ", "\x04")
		require.Equal(t, exitOK, s.exitCode(t), "%s", s.said)
		require.Contains(t, s.said.String(), "ok goes on waiting, and is not asked for again: the input has ended")
	})
	t.Run("by an interrupt", func(t *testing.T) {
		file, _ := writeAsking(t, `approval: "Load it?"`)
		s := startOnTerminal(t, "run", file)
		s.reply(t, "approve or reject? ", "\x03")
		require.Equal(t, exitInterrupted, s.exitCode(t), "%s", s.said)
		require.Contains(t, s.said.String(), "Interrupted: ending the tasks")
		left, err := os.ReadDir(s.tmp)
		require.NoError(t, err)
		require.Empty(t, left, "the private home is gone")
	})
}
