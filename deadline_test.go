package miniairflow_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// deadlineOf is a deadline as a file says it.
func deadlineOf(t *testing.T, text string) *miniairflow.Deadline {
	t.Helper()
	d, err := miniairflow.ParseDeadline(text)
	require.NoError(t, err)
	require.Equal(t, text, d.String())
	return &d
}

func TestParseDeadline(t *testing.T) {
	deadlineOf(t, "00:00")
	deadlineOf(t, "+1h30m")
	deadlineOf(t, "usual")
	for _, bad := range []string{"", "6:00", "24:00", "06:60", "2h", "+", "+0s", "+-1h", "+367d", "06:00:00", "6am"} {
		_, err := miniairflow.ParseDeadline(bad)
		require.ErrorContains(t, err, "is no deadline", bad)
	}
}

// A time of day is the first one on or after the logical date, by the clocks of the
// schedule; where clocks leave it out it is the moment when they go over it.
func TestClockDeadlines(t *testing.T) {
	for _, tt := range []struct{ zone, clock, logical, want string }{
		{"UTC", "06:00", "2026-03-01T02:00:00Z", "2026-03-01T06:00:00Z"},
		{"UTC", "06:00", "2026-03-01T06:00:00Z", "2026-03-01T06:00:00Z"},
		{"UTC", "06:00", "2026-03-01T06:00:01Z", "2026-03-02T06:00:00Z"},
		{"Europe/Berlin", "06:00", "2026-03-28T23:30:00Z", "2026-03-29T04:00:00Z"},
		{"Europe/Berlin", "02:30", "2026-03-29T00:10:00Z", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "02:30", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"},
		{"Europe/Berlin", "02:30", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"},
		{"Europe/Berlin", "02:30", "2026-10-25T00:45:00Z", "2026-10-26T01:30:00Z"},
	} {
		d := &miniairflow.Definition{
			Schedules: []miniairflow.Schedule{{Cron: "* * * * *", Timezone: "UTC", Name: "other"}, {Cron: "* * * * *", Timezone: tt.zone}},
			Deadline:  deadlineOf(t, tt.clock),
		}
		run := &miniairflow.WorkflowRun{ID: uuid.New(), Type: miniairflow.RunScheduled, LogicalDate: instant(t, tt.logical)}
		late, next := miniairflow.JudgeDeadlines(dag(t, d), run, nil, nil, run.LogicalDate.Add(-1))
		require.Empty(t, late)
		require.Equal(t, instant(t, tt.want), *next, tt)
		run.Type = miniairflow.RunBackfill
		_, next = miniairflow.JudgeDeadlines(dag(t, d), run, nil, nil, run.LogicalDate)
		require.Nil(t, next, "only the runs of schedules have a time of day")
	}
}

func TestJudgeDeadlines(t *testing.T) {
	start := instant(t, "2026-03-01T02:00:00Z")
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	d := &miniairflow.Definition{
		Deadline: deadlineOf(t, "+1h"),
		Tasks:    []miniairflow.Task{{Name: "a", Deadline: deadlineOf(t, "+10m")}, {Name: "b", Deadline: deadlineOf(t, "+20m")}, {Name: "c"}},
	}
	require.True(t, d.HasDeadlines())
	run := &miniairflow.WorkflowRun{ID: uuid.New(), Status: miniairflow.RunPending, RunAfter: start}
	judge := func(minutes int, ends map[string]time.Time) (names []string, next *time.Time) {
		late, next := miniairflow.JudgeDeadlines(dag(t, d), run, ends, nil, at(minutes))
		for _, m := range late {
			names = append(names, m.Task)
		}
		return names, next
	}
	names, next := judge(0, nil)
	require.Empty(t, names)
	require.Equal(t, at(10), *next)
	names, next = judge(10, nil)
	require.Equal(t, []string{"a"}, names, "it has not even started")
	require.Equal(t, at(20), *next)
	names, next = judge(25, map[string]time.Time{"a": at(9), "b": at(21)})
	require.Equal(t, []string{"b"}, names, "it ended after its deadline")
	require.Equal(t, at(60), *next)
	ended := at(20)
	run.FinishedAt = &ended
	names, next = judge(90, map[string]time.Time{"a": at(12)})
	require.Equal(t, []string{"a"}, names, "the run was over in time, and with it b")
	require.Nil(t, next)
}

// A run is late that takes longer than those before it, by a measure that one slow run
// of them does not move.
func TestUsualLimit(t *testing.T) {
	minutes := func(took ...int) (all []time.Duration) {
		for _, m := range took {
			all = append(all, time.Duration(m)*time.Minute)
		}
		return all
	}
	require.Zero(t, miniairflow.UsualLimit(minutes(5, 5, 5, 5)), "too few")
	require.Equal(t, 10*time.Minute, miniairflow.UsualLimit(minutes(5, 4, 600, 5, 6)))
	require.Equal(t, time.Minute+2*time.Second, miniairflow.UsualLimit(slices.Repeat([]time.Duration{2 * time.Second}, 5)))

	start := instant(t, "2026-03-01T02:00:00Z")
	d := &miniairflow.Definition{Deadline: deadlineOf(t, "usual")}
	run := &miniairflow.WorkflowRun{ID: uuid.New(), Status: miniairflow.RunPending, RunAfter: start}
	late, next := miniairflow.JudgeDeadlines(dag(t, d), run, nil, nil, start)
	require.Empty(t, late)
	require.Nil(t, next, "nothing is usual yet")
	_, next = miniairflow.JudgeDeadlines(dag(t, d), run, nil, map[string]time.Duration{"": 10 * time.Minute}, start)
	require.Equal(t, start.Add(10*time.Minute), *next)
	late, _ = miniairflow.JudgeDeadlines(dag(t, d), run, nil, map[string]time.Duration{"": 10 * time.Minute}, start.Add(10*time.Minute))
	require.Len(t, late, 1, "also one that has not started")

	d.Tasks = []miniairflow.Task{{Name: "a", Deadline: deadlineOf(t, "usual")}, {Name: "b", Deadline: deadlineOf(t, "+1h")}}
	require.Equal(t, []string{"a"}, d.UsualTasks())
	late, _ = miniairflow.JudgeDeadlines(dag(t, d), run, nil, map[string]time.Duration{"a": 3 * time.Minute}, start.Add(3*time.Minute))
	require.Equal(t, []miniairflow.LateMark{{RunID: run.ID, Task: "a", Deadline: start.Add(3 * time.Minute)}}, late)
}

// dag returns the shape of a definition.
func dag(t *testing.T, d *miniairflow.Definition) *miniairflow.DAG {
	t.Helper()
	g, err := miniairflow.NewDAG(d)
	require.NoError(t, err)
	return g
}

// A task that a run leaves out is not late in it.
func TestDeadlinesOfSomeTasks(t *testing.T) {
	start := instant(t, "2026-03-01T02:00:00Z")
	d := &miniairflow.Definition{Tasks: []miniairflow.Task{{Name: "a", Deadline: deadlineOf(t, "+1h")}, {Name: "b", Deadline: deadlineOf(t, "+1h")}}}
	some, err := dag(t, d).Select(&miniairflow.Selection{Only: []string{"b"}})
	require.NoError(t, err)
	late, _ := miniairflow.JudgeDeadlines(some, &miniairflow.WorkflowRun{RunAfter: start}, nil, nil, start.Add(2*time.Hour))
	require.Equal(t, []miniairflow.LateMark{{Task: "b", Deadline: start.Add(time.Hour)}}, late)
}
