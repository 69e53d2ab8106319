package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// TestFollowLogs_NeverRan follows the logs of a run some of whose tasks never
// start: it must end with the run, from before the run has started.
func TestFollowLogs_NeverRan(t *testing.T) {
	eachInstallation(t, func(t *testing.T, i *installation) {
		i.write(t, "mixed.yaml", `
tasks:
  fails: {command: echo to stdout; exit 3}
  not_asked: {noop: true, depends_on: fails}
  left_out: {noop: true, when: "${{ run.number > 100 }}"}
`)
		i.serve(t)
		c := i.client(t)
		appears(t, c, "mixed")
		_, err := c.setPaused(t.Context(), "mixed", true, "")
		require.NoError(t, err)
		run, err := c.trigger(t.Context(), map[string]any{"workflow": "mixed"})
		require.NoError(t, err)

		p := start(t, "runs", "logs", "-f", run.ID, "--server", c.url, "--token", c.token)
		_, err = c.setPaused(t.Context(), "mixed", false, "")
		require.NoError(t, err)
		require.Equal(t, exitOK, p.exitCode(t), "%s", p.said)
		require.Equal(t, "==> fails <==\nto stdout\n==> not_asked <==\n==> left_out <==\n", p.said.String())
	})
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

// TestFollowLogs_ServerRestarts follows a log over the death of its server: what
// was told is not told again, and the end comes.
func TestFollowLogs_ServerRestarts(t *testing.T) {
	i := newInstallation(t, "")
	i.addr = freeAddress(t)
	gate := filepath.Join(t.TempDir(), "gate")
	i.write(t, "gated.yaml", fmt.Sprintf(`
tasks:
  wait:
    command: |
      echo before the gate
      until [ -e %q ]; do sleep 0.02; done
      echo behind the gate
`, gate))
	i.serve(t)
	c := i.client(t)
	appears(t, c, "gated")
	run, err := c.trigger(t.Context(), map[string]any{"workflow": "gated"})
	require.NoError(t, err)
	ctx, done := context.WithTimeout(t.Context(), patience)
	defer done()
	told := make(chan struct{})
	var tasks []taskRunView
	require.Eventually(t, func() bool {
		tasks, err = c.findTaskRuns(ctx, run.ID)
		return err == nil && count(tasks, "running") == 1
	}, patience, 10*time.Millisecond)
	first := &watchingWriter{text: "before the gate", then: func() { close(told) }}
	followed := make(chan error, 1)
	go func() { followed <- c.followLog(ctx, first, tasks[0].ID, 1, 0) }()
	<-told
	i.kill(t)
	require.NoError(t, os.WriteFile(gate, nil, 0o600))
	i.serve(t)

	require.NoError(t, <-followed)
	require.Equal(t, 1, strings.Count(first.buf.String(), "before the gate"))
	_, states := collect(ctx, t, i.client(t), run.ID)
	require.Equal(t, state("success"), states[""])
	var second bytes.Buffer
	require.NoError(t, c.followLog(ctx, &second, tasks[0].ID, 0, 0))
	require.Equal(t, "before the gate\nbehind the gate\n", second.String(), "the log of the attempt that was made again")
}

func TestResubscribe(t *testing.T) {
	full := errors.New("disk full")
	tests := map[string]struct {
		answers  []error // of the calls, nil: a connection that just ends; after the last one it completes
		patience time.Duration
		want     error
		calls    int
	}{
		"completes":                    {nil, time.Minute, nil, 1},
		"breaks and goes on":           {[]error{io.ErrUnexpectedEOF, nil}, time.Minute, nil, 3},
		"the database is away":         {[]error{miniairflow.Errorf(miniairflow.CodeUnavailable, "away")}, time.Minute, nil, 2},
		"gone":                         {[]error{miniairflow.ErrNotFound}, time.Minute, miniairflow.ErrNotFound, 1},
		"the output cannot be written": {[]error{finalError{full}}, time.Minute, full, 1},
		"never answers":                {[]error{full, full, full}, 0, full, 1},
		"ends at once for ever":        {[]error{nil, nil}, 0, errNoAnswer, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			calls := 0
			err := (&client{}).resubscribe(t.Context(), tt.patience, func() (bool, error) {
				calls++
				if calls > len(tt.answers) {
					return true, nil
				}
				return false, tt.answers[calls-1]
			})
			require.ErrorIs(t, err, tt.want)
			require.Equal(t, tt.calls, calls)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := (&client{}).resubscribe(ctx, time.Minute, func() (bool, error) { cancel(); return false, full })
	require.ErrorIs(t, err, context.Canceled)
}

// A command that waits for a server that is away does not do so in silence.
func TestResubscribe_TellsOfTheOutage(t *testing.T) {
	var said strings.Builder
	c, calls := &client{notices: &said}, 0
	require.NoError(t, c.resubscribe(t.Context(), time.Minute, func() (bool, error) {
		calls++
		return calls > 6, io.ErrUnexpectedEOF
	}))
	require.Equal(t, "miniairflow: lost the server, trying again for 1m0s: unexpected EOF\n", said.String())
}

// TestClient_WrongServer holds that what is no Mini Airflow is told in one
// sentence, and a wrong token is not tried again and again.
func TestClient_WrongServer(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer right" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
	}))
	defer other.Close()
	for token, want := range map[string]string{"right": "answers 404 Not Found and no GraphQL", "wrong": "refuses the token"} {
		c, err := remoteClient(&config{Token: token, Home: t.TempDir()}, other.URL)
		require.NoError(t, err)
		_, err = c.findWorkflow(t.Context(), "x")
		require.ErrorContains(t, err, want)
		require.Equal(t, exitUnreachable, exitCode(err))
		if token == "wrong" {
			err = c.followLog(t.Context(), io.Discard, "x", 0, 0)
			require.ErrorContains(t, err, want)
			require.Equal(t, exitUnreachable, exitCode(err))
		}
		require.NoError(t, c.close())
	}
}

// TestRunningServer_Stale holds that the note of a server that was killed leads
// nobody to a stranger on its port.
func TestRunningServer_Stale(t *testing.T) {
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	defer stranger.Close()
	home := t.TempDir()
	remove, err := writeServerFile(home, stranger.URL, "")
	require.NoError(t, err)
	_, ok := runningServer(t.Context(), &config{Home: home})
	require.True(t, ok, "this process lives")
	_, ok = runningServer(t.Context(), &config{Home: home, DatabaseURL: "sqlite:///elsewhere.db"})
	require.False(t, ok, "another database is meant")

	dead := exec.Command("true")
	require.NoError(t, dead.Run())
	note := fmt.Sprintf(`{"url": %q, "pid": %d}`, stranger.URL, dead.Process.Pid)
	require.NoError(t, os.WriteFile(serverFilePath(home), []byte(note), 0o600))
	_, ok = runningServer(t.Context(), &config{Home: home})
	require.False(t, ok)
	remove()
	require.FileExists(t, serverFilePath(home), "the note of another process stays")
}
