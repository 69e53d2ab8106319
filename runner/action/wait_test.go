package action_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// noon is when the first look of every wait here begins.
var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// waitFor returns the Input of the first look of a task that waits.
func waitFor(t *testing.T, spec miniairflow.Wait) action.Input {
	t.Helper()
	in := script(t, "")
	in.Task = &miniairflow.Task{Name: "t", Wait: &spec}
	in.Look = action.Look{Since: noon, Now: noon}
	return in
}

// later returns the Input of the look after the one that gave result.
func later(t *testing.T, in action.Input, result action.Result) action.Input {
	t.Helper()
	require.NotNil(t, result.Again, result.Reason)
	require.Equal(t, miniairflow.AttemptRunning, result.Status)
	in.Look.Now = in.Look.Now.Add(result.Again.After)
	in.Look.Memory, in.LogFrom = result.Again.Memory, 1 // its log has something
	return in
}

func TestWaitForATime(t *testing.T) {
	for name, c := range map[string]struct {
		spec miniairflow.Wait
		wait []time.Duration
	}{
		"a duration":           {miniairflow.Wait{Duration: miniairflow.Duration(10 * time.Minute)}, []time.Duration{10 * time.Minute}},
		"until":                {miniairflow.Wait{Until: "2026-01-31T13:30:00Z"}, []time.Duration{90 * time.Minute}},
		"until in a zone":      {miniairflow.Wait{Until: "2026-01-31T15:30:00+02:00"}, []time.Duration{90 * time.Minute}},
		"until a time gone by": {miniairflow.Wait{Until: "2020-01-31T13:30:00Z"}, nil},
		"the clock is looked at daily": {
			miniairflow.Wait{Until: "2026-02-02T13:00:00Z"}, []time.Duration{24 * time.Hour, 24 * time.Hour, time.Hour},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := waitFor(t, c.spec)
			for _, want := range c.wait {
				result, _ := run(t, in)
				in = later(t, in, result)
				require.Equal(t, want, result.Again.After)
				require.Contains(t, result.Reason, "waits until 2026-")
			}
			result, _ := run(t, in)
			require.Equal(t, action.Result{Status: miniairflow.AttemptSuccess}, result)
		})
	}
}

func TestWaitUntilNonsense(t *testing.T) {
	result, _ := run(t, waitFor(t, miniairflow.Wait{Until: "tomorrow"}))
	require.Equal(t, miniairflow.AttemptFailed, result.Status)
	require.Equal(t, `wait.until: "tomorrow" is no time: write it as 2026-01-31T06:00:00Z`, result.Reason)
}

func TestWaitForAFile(t *testing.T) {
	in := waitFor(t, miniairflow.Wait{File: "in/ready.csv", Interval: miniairflow.Duration(5 * time.Second)})
	result, log := run(t, in)
	require.Equal(t, "waits for file in/ready.csv, which is not there", result.Reason)
	require.Equal(t, 5*time.Second, result.Again.After)
	require.Equal(t, "miniairflow: waits for file in/ready.csv, which is not there\n", log)
	in = later(t, in, result)
	result, log = run(t, in)
	require.Empty(t, log, "it is told once")
	in = later(t, in, result)
	require.NoError(t, os.MkdirAll(filepath.Join(in.Dir, "in"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(in.Dir, "in", "ready.csv"), nil, 0o600))
	result, log = run(t, in)
	require.Equal(t, action.Result{Status: miniairflow.AttemptSuccess}, result)
	require.Equal(t, "miniairflow: it is over after 3 looks\n", log)
}

func TestWaitForAFileThatIsStillWritten(t *testing.T) {
	in := waitFor(t, miniairflow.Wait{File: "f", StableFor: miniairflow.Duration(40 * time.Second)})
	path := filepath.Join(in.Dir, "f")
	require.NoError(t, os.WriteFile(path, []byte("half"), 0o600))
	first, _ := run(t, in)
	require.Equal(t, "waits for file f to stay as it is for 40s", first.Reason)
	require.Equal(t, 30*time.Second, first.Again.After)
	in = later(t, in, first)
	require.NoError(t, os.WriteFile(path, []byte("whole!"), 0o600))
	second, _ := run(t, in)
	in = later(t, in, second)
	third, _ := run(t, in)
	require.Equal(t, 10*time.Second, third.Again.After, "no longer than it takes")
	in = later(t, in, third)
	require.NoError(t, os.Remove(path))
	gone, _ := run(t, in)
	require.Contains(t, gone.Reason, "is not there")
	in = later(t, in, gone)
	require.NoError(t, os.WriteFile(path, []byte("whole!"), 0o600))
	again, _ := run(t, in)
	require.NotNil(t, again.Again, "it counts from when the file came back")
	in = later(t, in, again)
	in.Look.Now = in.Look.Now.Add(40 * time.Second)
	last, _ := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, last.Status)
}

func TestWaitForACommand(t *testing.T) {
	in := waitFor(t, miniairflow.Wait{
		Command: &miniairflow.Command{Script: `echo look; [ -e ready ] && echo "rows=7" >> "$MINIAIRFLOW_OUTPUT"`, Shell: "bash"},
	})
	in.Task.Outputs = map[string]miniairflow.OutputType{"rows": miniairflow.OutputInteger}
	result, log := run(t, in)
	require.Equal(t, 30*time.Second, result.Again.After)
	require.Contains(t, log, "look\n")
	in = later(t, in, result)
	require.NoError(t, os.WriteFile(filepath.Join(in.Dir, "ready"), nil, 0o600))
	result, _ = run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status)
	require.Equal(t, map[string]any{"rows": int64(7)}, result.Outputs)

	in = waitFor(t, miniairflow.Wait{Command: &miniairflow.Command{Script: "exit 2", Shell: "bash"}})
	result, _ = run(t, in)
	require.Equal(t, miniairflow.AttemptFailed, result.Status)
	require.Equal(t, "exit code 2", result.Reason)
}

func TestWaitTimesOut(t *testing.T) {
	in := waitFor(t, miniairflow.Wait{File: "f"})
	in.Task.Timeout = miniairflow.Duration(45 * time.Second)
	result, _ := run(t, in)
	require.Equal(t, 30*time.Second, result.Again.After)
	in = later(t, in, result)
	result, _ = run(t, in)
	require.Equal(t, 15*time.Second, result.Again.After, "the last look is when the time is over")
	in = later(t, in, result)
	late := in
	result, log := run(t, in)
	require.Equal(t, miniairflow.AttemptTimedOut, result.Status)
	require.Equal(t, "timed out after 45s: waits for file f, which is not there", result.Reason)
	require.Contains(t, log, result.Reason)
	require.NoError(t, os.WriteFile(filepath.Join(late.Dir, "f"), nil, 0o600))
	result, _ = run(t, late)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, "it came just in time")
}

func TestWaitWithAMemoryOfOthers(t *testing.T) {
	in := waitFor(t, miniairflow.Wait{File: "f"})
	in.Look.Memory = "{"
	result, _ := run(t, in)
	require.Equal(t, miniairflow.AttemptFailed, result.Status)
}

func TestWaitForAnAnswer(t *testing.T) {
	ready := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write([]byte(`{"rows": 7}`))
	}))
	t.Cleanup(server.Close)
	in := waitFor(t, miniairflow.Wait{HTTP: &miniairflow.HTTP{URL: server.URL}, Interval: miniairflow.Duration(5 * time.Second)})
	in.Task.Outputs = map[string]miniairflow.OutputType{"rows": miniairflow.OutputInteger}
	result, _ := run(t, in)
	require.Contains(t, result.Reason, "waits for an answer: GET "+server.URL)
	require.Contains(t, result.Reason, "answered 503 Service Unavailable, expected 2xx")
	require.Equal(t, 5*time.Second, result.Again.After)
	in = later(t, in, result)
	ready = true
	result, _ = run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Equal(t, map[string]any{"rows": int64(7)}, result.Outputs)

	server.Close()
	result, _ = run(t, in)
	require.NotNil(t, result.Again, "a server that is not there yet may come")
	in.Task.Wait.HTTP.URL = "http://"
	result, _ = run(t, in)
	require.Equal(t, miniairflow.AttemptFailed, result.Status)
	require.Equal(t, "cannot send the request: the url names no host", result.Reason)
}
