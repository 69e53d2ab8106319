package crontab_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/loader/crontab"
)

// definition returns what the loader makes of an imported workflow.
func definition(t *testing.T, w crontab.Workflow) *miniairflow.Definition {
	t.Helper()
	definitions, problems := loader.Parse(w.Name+".yaml", w.YAML, loader.Limits{})
	require.Empty(t, problems, "%s", w.YAML)
	require.Len(t, definitions, 1)
	require.Equal(t, w.Name, definitions[0].Name)
	return definitions[0].Definition
}

func one(t *testing.T, text string, options crontab.Options) (*miniairflow.Definition, []crontab.Note) {
	t.Helper()
	workflows, notes, err := crontab.Import(text, options)
	require.NoError(t, err)
	require.Len(t, workflows, 1, notes)
	return definition(t, workflows[0]), notes
}

const berlin = "Europe/Berlin"

func TestImportCommands(t *testing.T) {
	for line, want := range map[string]struct{ script, stdin string }{
		"0 2 * * * /usr/bin/backup":                    {"/usr/bin/backup", ""},
		"0 2 * * *\t /usr/bin/backup --all  ":          {"/usr/bin/backup --all", ""},
		"-0 2 * * * backup":                            {"backup", ""},
		"0 2 * * * backup >/dev/null 2>&1":             {"backup >/dev/null 2>&1", ""},
		"0 2 * * * date +\\%F":                         {"date +%F", ""},
		"0 2 * * * cat%one%two":                        {"cat", "one\ntwo\n"},
		"0 2 * * * cat%one%":                           {"cat", "one\n"},
		"0 2 * * * cat % a \\% b":                      {"cat", " a % b\n"},
		"0 2 * * * a; b":                               {"set +e   # as with cron, which goes on after a failure\na; b", ""},
		"SHELL=/bin/bash\n0 2 * * * a | b":             {"set +e +o pipefail   # as with cron, which goes on after a failure\na | b", ""},
		"0 2 * * * echo \"a: b\" # no comment of YAML": {"echo \"a: b\" # no comment of YAML", ""},
		"0 2 * * * echo '${x}' \"ä\"":                  {"echo '${x}' \"ä\"", ""},
		"@daily cat%${{ x }}":                          {"cat", "$${{ x }}\n"},
	} {
		d, notes := one(t, line, crontab.Options{Timezone: berlin})
		require.Empty(t, notes, line)
		task := d.Tasks[0]
		require.Equal(t, "cd \"$HOME\"\n"+want.script+"\n", task.Command.Script, line)
		require.Equal(t, want.stdin, task.Stdin, line)
	}
}

func TestImportTimes(t *testing.T) {
	after := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for line, first := range map[string]string{
		"0 2 * * * x":               "2026-01-01T01:00:00Z",
		"@daily x":                  "2026-01-01T23:00:00Z",
		"@hourly x":                 "2026-01-01T01:00:00Z",
		"*/20 9-17 * feb mon-fri x": "2026-02-02T08:00:00Z",
		"0 0 * * 7 x":               "2026-01-03T23:00:00Z",
		"CRON_TZ=UTC\n0 2 * * * x":  "2026-01-01T02:00:00Z",
	} {
		d, notes := one(t, line, crontab.Options{Timezone: berlin})
		require.Empty(t, notes, line)
		require.Len(t, d.Schedules, 1)
		require.Equal(t, miniairflow.CatchupNone, d.Schedules[0].Catchup)
		next, err := miniairflow.NextFire(d.Schedules[0], after)
		require.NoError(t, err)
		require.Equal(t, first, next.Format(time.RFC3339), line)
	}
}

func TestImportNotes(t *testing.T) {
	for text, want := range map[string]string{
		"@reboot /opt/start":                  "line 1: start: @reboot is no time",
		"MAILTO=ops@example.org\n0 2 * * * x": "line 1: MAILTO=ops@example.org: no mail is sent",
		"SHELL=/bin/zsh\n0 2 * * * x":         "line 1: SHELL=/bin/zsh: scripts run in bash or sh here",
		"RANDOM_DELAY=5\n0 2 * * * x":         "line 1: RANDOM_DELAY has no meaning here",
		"MINIAIRFLOW_RUN_ID=5\n0 2 * * * x":   "line 1: MINIAIRFLOW_RUN_ID is left out",
		"CRON_TZ=Mars/Base\n0 2 * * * x":      "line 1: CRON_TZ: timezone \"Mars/Base\" is unknown",
		"99 2 * * * x":                        "line 1: x: cron field minute \"99\"",
		"0~9 2 * * * x":                       "line 1: x: cron field minute \"0~9\"",
		"0 2 */2 * mon x":                     "line 1: x: cron starts it on days that both day fields name",
		"0 2 * * * server &":                  "line 1: server: what it starts in the background (&)",
	} {
		_, notes := one(t, text, crontab.Options{Timezone: berlin})
		require.Len(t, notes, 1, text)
		require.Contains(t, notes[0].String(), want, text)
	}
	d, notes := one(t, "0 2 * * * root /usr/bin/backup -a", crontab.Options{System: true, Timezone: berlin})
	require.Contains(t, notes[0].String(), "line 1: backup: the user root is left out")
	require.Equal(t, "cd \"$HOME\"\n/usr/bin/backup -a\n", d.Tasks[0].Command.Script)
	_, notes = one(t, "0 2 * * * x", crontab.Options{})
	require.Contains(t, notes[0].String(), "the times are read as UTC")
}

// A line that gives no workflow is told; the others are imported.
func TestImportLosses(t *testing.T) {
	for _, line := range []string{"0 2 * *", "hello world", "0 2 * * *", "@daily", "0 2 * * * echo ${{ x }}", "0 2 * * * echo \x01"} {
		workflows, notes, err := crontab.Import("@daily first\n"+line+"\n", crontab.Options{Timezone: berlin})
		require.NoError(t, err)
		require.Len(t, workflows, 1, line)
		require.Len(t, notes, 1, line)
		require.True(t, notes[0].IsLoss)
		require.Contains(t, notes[0].String(), "line 2: not imported: ", line)
	}
	for _, text := range []string{"", "# nothing\n", "PATH=/bin\n", strings.Repeat("#\n", 1<<20)} {
		_, _, err := crontab.Import(text, crontab.Options{})
		require.Equal(t, miniairflow.CodeInvalid, miniairflow.ErrorCode(err))
	}
	_, _, err := crontab.Import("@daily x", crontab.Options{Timezone: "Mars/Base"})
	require.Equal(t, miniairflow.CodeInvalid, miniairflow.ErrorCode(err))
}

// A setting holds for the lines below it.
func TestImportSettings(t *testing.T) {
	workflows, notes, err := crontab.Import(`# m h dom mon dow command
PATH=/usr/bin:/bin
0 1 * * * a

# Sends the report.
# To everybody.
LEVEL = "a b"
HOME=/srv
0 2 * * * b

# Cleans up,
# thoroughly.
#0 3 * * * old
0 3 * * * c
`, crontab.Options{Timezone: berlin})
	require.NoError(t, err)
	require.Empty(t, notes)
	require.Len(t, workflows, 3)
	a, b, c := definition(t, workflows[0]), definition(t, workflows[1]), definition(t, workflows[2])
	require.Equal(t, map[string]string{"PATH": "/usr/bin:/bin"}, a.Env)
	require.Equal(t, map[string]string{"PATH": "/usr/bin:/bin", "LEVEL": "a b", "HOME": "/srv"}, b.Env)
	require.Equal(t, b.Env, c.Env)
	require.Empty(t, a.Description+b.Description)
	require.Equal(t, "Cleans up, thoroughly.", c.Description)
	require.Equal(t, 3, workflows[0].Line)
	require.Equal(t, "sh", a.Tasks[0].Command.Shell)
}

// At the bound only new variables are refused: one that is there takes its new value.
func TestImportBoundsSettings(t *testing.T) {
	var text strings.Builder
	for i := range 1_000 {
		fmt.Fprintf(&text, "V%d=1\n", i)
	}
	text.WriteString("@daily a\nV0=2\nMORE=1\n@daily b\n")
	workflows, notes, err := crontab.Import(text.String(), crontab.Options{Timezone: berlin})
	require.NoError(t, err)
	require.Len(t, notes, 1)
	require.Contains(t, notes[0].String(), "line 1003: MORE is left out")
	require.Equal(t, "1", definition(t, workflows[0]).Env["V0"])
	require.Equal(t, "2", definition(t, workflows[1]).Env["V0"])
}

func TestImportNames(t *testing.T) {
	lines := []string{
		"/usr/local/bin/backup.sh --all > /dev/null", "backup", "cd /srv && ./nightly.py", "python3 -u /opt/jobs/report.py daily",
		"flock -n /tmp/x.lock /opt/sync", "test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )", "nice -n 10 ionice -c3 updatedb",
		"LANG=C sort-all", "sudo -u www php /var/www/cron.php", "/opt/größe", "timeout 60 curl -s http://example.org/ping", "[ -f x ] && rm x", "pools", "***", "cd /srv",
	}
	want := []string{
		"backup", "backup-2", "nightly", "report", "sync", "cron.daily", "updatedb", "sort-all", "cron", "gr-e", "curl", "rm", "pools-job", "job", "job-2",
	}
	workflows, _, err := crontab.Import("@daily "+strings.Join(lines, "\n@daily ")+"\n", crontab.Options{Timezone: berlin})
	require.NoError(t, err)
	var got []string
	for _, w := range workflows {
		definition(t, w)
		got = append(got, w.Name)
	}
	require.Equal(t, want, got)
}

// FuzzImport requires that whatever a crontab holds, what comes out are workflow files.
func FuzzImport(f *testing.F) {
	f.Add("@daily x\n", false)
	f.Add("MAILTO=x\n0 2 * * 1-5 root cd /x && y%z\n", true)
	f.Fuzz(func(t *testing.T, text string, system bool) {
		workflows, _, err := crontab.Import(text, crontab.Options{System: system})
		if err != nil {
			require.Equal(t, miniairflow.CodeInvalid, miniairflow.ErrorCode(err))
		}
		for _, w := range workflows {
			definition(t, w)
		}
	})
}
