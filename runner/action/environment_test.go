package action_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// environ runs `env` and returns what a task sees.
func environ(t *testing.T, in action.Input) map[string]string {
	t.Helper()
	result, log := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	vars := map[string]string{}
	for _, entry := range strings.Split(strings.TrimSuffix(log, "\x00"), "\x00") {
		name, value, _ := strings.Cut(entry, "=")
		vars[name] = value
	}
	return vars
}

func TestEnvironmentIsAnAllowList(t *testing.T) {
	for name, value := range map[string]string{
		"HOME": "/home/x", "LANG": "C.UTF-8", "LC_TIME": "C", "TZ": "Asia/Tokyo", "SSL_CERT_DIR": "/certs", "USER": "u",
		"DATABASE_URL": "postgres://u:canary@h/d", "MINIAIRFLOW_DATABASE_URL": "canary", "MINIAIRFLOW_TOKEN": "canary",
		"AWS_SECRET_ACCESS_KEY": "canary", "GITHUB_TOKEN": "canary", "BASH_ENV": "/canary", "LD_PRELOAD": "", "HTTPS_PROXY": "proxy",
	} {
		t.Setenv(name, value)
	}
	in := program(t, "env", "-0")
	in.AllowEnv = []string{"HTTPS_PROXY", "DATABASE_URL", "MINIAIRFLOW_TOKEN", "NOT_SET"}
	in.Task.Env = map[string]string{"GREETING": "hello", "LANG": "de_DE.UTF-8", "MINIAIRFLOW_TASK": "forged"}
	vars := environ(t, in)

	for name, want := range map[string]string{
		"HOME": "/home/x", "LANG": "de_DE.UTF-8", "LC_TIME": "C", "TZ": "Asia/Tokyo", "SSL_CERT_DIR": "/certs", "USER": "u",
		"HTTPS_PROXY": "proxy", "GREETING": "hello", "MINIAIRFLOW_TASK": "t", "PWD": in.Dir,
	} {
		require.Equal(t, want, vars[name], name)
	}
	for name, value := range vars {
		require.NotContains(t, value, "canary", name)
	}
	for _, name := range []string{"DATABASE_URL", "MINIAIRFLOW_DATABASE_URL", "MINIAIRFLOW_TOKEN", "NOT_SET", "GITHUB_TOKEN", "LD_PRELOAD", "BASH_ENV"} {
		require.NotContains(t, vars, name)
	}
}

func TestAttemptIsToldAboutItself(t *testing.T) {
	in := program(t, "env", "-0")
	in.Claim = miniairflow.Claim{
		RunID: uuid.MustParse("01890000-0000-7000-8000-000001000000"), Seq: 2, Attempt: 3,
		Run: &miniairflow.WorkflowRun{
			Number:            142,
			WorkflowName:      "daily-etl",
			LogicalDate:       time.Date(2026, 11, 22, 3, 0, 0, 0, time.FixedZone("", 3600)),
			DataIntervalStart: time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC),
			DataIntervalEnd:   time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC),
		},
	}
	vars := environ(t, in)
	for name, want := range map[string]string{
		"MINIAIRFLOW_RUN_ID":              "01890000-0000-7000-8000-000001000000",
		"MINIAIRFLOW_RUN_NUMBER":          "142",
		"MINIAIRFLOW_WORKFLOW":            "daily-etl",
		"MINIAIRFLOW_TASK":                "t",
		"MINIAIRFLOW_ATTEMPT":             "3",
		"MINIAIRFLOW_ATTEMPT_ID":          "01890000-0000-7000-8000-000001000003.3",
		"MINIAIRFLOW_LOGICAL_DATE":        "2026-11-22T02:00:00Z",
		"MINIAIRFLOW_DATA_INTERVAL_START": "2026-11-21T02:00:00Z",
		"MINIAIRFLOW_DATA_INTERVAL_END":   "2026-11-22T02:00:00Z",
		"MINIAIRFLOW_RUN_DIR":             in.RunDir,
	} {
		require.Equal(t, want, vars[name], name)
	}
	require.Equal(t, vars["MINIAIRFLOW_SCRATCH"], vars["TMPDIR"])
	require.True(t, strings.HasPrefix(vars["TMPDIR"], in.ScratchRoot))
}

func TestFileMaySetTMPDIR(t *testing.T) {
	in := program(t, "env", "-0")
	in.Task.Env = map[string]string{"TMPDIR": "/fast"}
	require.Equal(t, "/fast", environ(t, in)["TMPDIR"])
}

// TestTextArrivesUnchanged hands random text, quotes and line ends and all, to a
// program by the three ways there are.
func TestTextArrivesUnchanged(t *testing.T) {
	in := script(t, "")
	runner := newRunner(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != 0 })).Draw(t, "text")
		in := in
		argv := []string{"bash", "-c", `printf '%s\n' "$1" "$TEXT"; cat`, "bash", text}
		in.Task = &miniairflow.Task{Name: "t", Command: &miniairflow.Command{Argv: argv}, Env: map[string]string{"TEXT": text}, Stdin: text}
		var log bytes.Buffer
		result := runner.Run(context.Background(), in, &log)
		require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
		require.Equal(t, text+"\n"+text+"\n"+text, log.String())
	})
}
