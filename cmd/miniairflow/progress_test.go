package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// shownTask returns a task run that has taken the given time.
func shownTask(index int, name string, status state, took time.Duration) taskRunView {
	start := noon.Add(-took)
	return taskRunView{Index: index, Name: name, Status: status, Attempt: 1, StartedAt: &start}
}

func terminal(width, height int, tasks ...taskRunView) *progress {
	start := noon.Add(-90 * time.Second)
	return &progress{
		label: "etl#7", width: width, height: height, tasks: tasks, said: map[int]state{},
		run: &runView{Status: "running", StartedAt: &start},
	}
}

func TestProgress_Rows(t *testing.T) {
	reason := "exit code 3\x1b[2J\nand more"
	failed := shownTask(1, "load", "failed", time.Second)
	failed.FinishedAt, failed.Attempt, failed.Reason = &noon, 2, &reason
	p := terminal(100, 20, shownTask(0, "extract", "running", 2500*time.Millisecond), failed, taskRunView{Index: 2, Name: "report", Status: "pending"})
	require.Equal(t, []string{
		"  ⠋ running         extract                          2.5s",
		"  ✗ failed          load                             1.0s  attempt 2  exit code 3 [2J and more",
		"  · pending         report                              -",
		"etl#7 running  1m30s  1 running  1 failed  1 pending",
	}, p.rows(noon))

	p.colours, p.frame = true, 11
	require.Equal(t, "  \x1b[36m⠙ running         extract                          2.5s\x1b[0m", p.rows(noon)[0])
}

func TestProgress_RowsFitTheTerminal(t *testing.T) {
	var tasks []taskRunView
	long := strings.Repeat("very long ", 30)
	for i, status := range []state{"pending", "success", "success", "running", "pending", "failed", "queued", "skipped", "up_for_retry"} {
		task := shownTask(i, strings.Repeat("n", 60), status, time.Second)
		task.Reason = &long
		tasks = append(tasks, task)
	}
	p := terminal(40, 8, tasks...)
	rows := p.rows(noon)
	require.Len(t, rows, 7, "one line is left free")
	for _, row := range rows {
		require.LessOrEqual(t, len([]rune(row)), 39, "a line that wraps breaks the block: %q", row)
	}
	text := strings.Join(rows, "\n")
	for _, moving := range []string{"running", "failed", "up_for_retry"} {
		require.Contains(t, text, moving, "what moves or needs a look comes first")
	}
	require.Contains(t, text, "… and 4 more")
}

func TestProgress_NoteStaysAboveTheBlock(t *testing.T) {
	var out bytes.Buffer
	p := terminal(80, 20, shownTask(0, "a", "running", time.Second))
	p.out = &out
	p.draw(noon)
	p.note("Interrupted", "twice")
	require.Equal(t, 1, strings.Count(out.String(), "\x1b[2A\x1b[J"), "the block is taken away once, before the note: %q", out.String())
	require.Contains(t, out.String(), "\x1b[2A\x1b[JInterrupted\ntwice\n  ⠋ running", "and drawn again below it")
}

func TestProgress_PlainLines(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, "etl#7")
	defer p.close()
	run := &runView{Status: "running"}
	pending, running := taskRunView{Name: "a", Status: "pending"}, shownTask(0, "a", "running", time.Second)
	for range 2 {
		p.update(run, []taskRunView{pending})
		p.update(run, []taskRunView{running})
	}
	done := running
	done.Status, done.FinishedAt = "success", &noon
	run = &runView{Status: "success", StartedAt: running.StartedAt, FinishedAt: &noon}
	p.update(run, []taskRunView{done})
	p.update(run, nil)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 3, "each state once: %q", lines)
	require.Regexp(t, `^\d\d:\d\d:\d\d  running +a$`, lines[0])
	require.Regexp(t, `^\d\d:\d\d:\d\d  success +a  1.0s$`, lines[1])
	require.Equal(t, "etl#7 success  1.0s  1 success", lines[2])
}

func TestRedactURL(t *testing.T) {
	for given, want := range map[string]string{
		"postgres://u:p@ss@host:5432/db?sslmode=disable":    "postgres://u@host:5432/db?sslmode=disable",
		"postgres://u:secret@host/db":                       "postgres://u@host/db",
		"postgres://host/db?password=secret&sslmode=prefer": "postgres://host/db?sslmode=prefer",
		"postgres://u:secret@host:port%zz/db":               "postgres://…",
		"sqlite:///home/a b/x.db":                           "sqlite:///home/a b/x.db",
	} {
		require.Equal(t, want, redactURL(given))
	}
}
