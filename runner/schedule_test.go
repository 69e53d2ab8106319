package runner_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
)

// missed moves the cursors of all schedules, which have none yet, to the full
// minute that was the given number of minutes ago, as if nothing had been up since.
func (s *system) missed(minutes int) time.Time {
	s.t.Helper()
	due, err := s.store.DueSchedules(s.t.Context(), 100)
	require.NoError(s.t, err)
	require.NotEmpty(s.t, due.Due)
	from := due.Now.Truncate(time.Minute).Add(-time.Duration(minutes) * time.Minute)
	var fires []miniairflow.Fire
	for _, cursor := range due.Due {
		fires = append(fires, miniairflow.Fire{Cursor: cursor, NextAt: from})
	}
	moved, err := s.store.FireSchedules(s.t.Context(), fires)
	require.NoError(s.t, err)
	require.Equal(s.t, len(fires), moved)
	return from
}

// runs returns all runs of a workflow, the oldest slot first.
func (s *system) runs(workflow string) []*miniairflow.WorkflowRun {
	s.t.Helper()
	w, err := s.store.FindWorkflowByName(s.t.Context(), workflow)
	require.NoError(s.t, err)
	runs, err := s.store.FindRuns(s.t.Context(), miniairflow.RunFilter{WorkflowID: w.ID, Limit: 200})
	require.NoError(s.t, err)
	slices.SortFunc(runs, func(a, b *miniairflow.WorkflowRun) int { return a.LogicalDate.Compare(b.LogicalDate) })
	return runs
}

// slots returns the logical dates of the runs that are not younger than last.
func slots(runs []*miniairflow.WorkflowRun, last time.Time) []time.Time {
	var dates []time.Time
	for _, r := range runs {
		if !r.LogicalDate.After(last) {
			dates = append(dates, r.LogicalDate)
		}
	}
	return dates
}

// However many schedulers look at the same due slots, each gets one run.
func TestSchedulersMakeOneRunPerSlot(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		files := map[string]string{}
		for i := range 5 {
			files[fmt.Sprintf("w%d.yaml", i)] = `
schedule: {cron: "* * * * *", catchup: all}
params: {slot: {type: string, default: "${{ run.logical_date }}"}}
max_active_runs: 100
tasks: {a: {noop: true}}`
		}
		s.load(files)
		from := s.missed(20)
		for range 3 {
			s.scheduler()
		}
		s.worker("w1")
		last := from.Add(20 * time.Minute)
		var want []time.Time
		for at := from; !at.After(last); at = at.Add(time.Minute) {
			want = append(want, at)
		}
		for i := range 5 {
			name := fmt.Sprintf("w%d", i)
			s.await("all slots of "+name, func() bool {
				runs := s.runs(name)
				return len(slots(runs, last)) >= len(want) &&
					!slices.ContainsFunc(runs, func(r *miniairflow.WorkflowRun) bool { return !r.IsTerminal() })
			})
			runs := s.runs(name)
			require.Equal(t, want, slots(runs, last))
			for _, r := range runs {
				require.Equal(t, miniairflow.RunSuccess, r.Status)
				require.Equal(t, miniairflow.RunScheduled, r.Type)
				require.Equal(t, r.LogicalDate.Add(-time.Minute), r.DataIntervalStart)
				require.NotEmpty(t, r.Params["slot"])
			}
		}
	})
}

// A schedule that cannot be computed and one whose parameters cannot be resolved
// do not stop the others.
func TestBadScheduleStopsNoOther(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{"good.yaml": "schedule: {cron: \"* * * * *\", catchup: all}\ntasks: {a: {noop: true}}"})
		every := miniairflow.Schedule{Cron: "* * * * *", Timezone: "UTC", Catchup: miniairflow.CatchupAll, Overlap: miniairflow.OverlapQueue}
		never := every
		never.Cron = "no cron at all"
		bad := func(name string, schedule miniairflow.Schedule, params ...miniairflow.Param) miniairflow.DefinitionAt {
			return miniairflow.DefinitionAt{Definition: &miniairflow.Definition{
				Name: name, IsActive: true, MaxActiveRuns: 1, MaxActiveTasks: 1, Params: params,
				Schedules: []miniairflow.Schedule{schedule},
				Tasks:     []miniairflow.Task{{Name: "a", Noop: true, TriggerRule: miniairflow.AllSuccess, Queue: "default"}},
			}}
		}
		_, err := store.SyncFiles(t.Context(), []miniairflow.FileSync{{Path: "bad.yaml", Definitions: []miniairflow.DefinitionAt{
			bad("uncomputable", never), bad("unresolvable", every, miniairflow.Param{Name: "p", Type: miniairflow.ParamString}),
		}}})
		require.NoError(t, err)
		from := s.missed(3)
		s.scheduler()
		s.worker("w1")
		s.await("the good schedule", func() bool { return len(slots(s.runs("good"), from.Add(3*time.Minute))) == 4 })
		require.Empty(t, s.runs("uncomputable"))
		require.Empty(t, s.runs("unresolvable"))
		unresolvable, err := store.FindWorkflowByName(t.Context(), "unresolvable")
		require.NoError(t, err)
		s.await("the slots without a run", func() bool {
			missed, err := store.FindMissedSlots(t.Context(), miniairflow.MissedFilter{WorkflowID: unresolvable.ID})
			require.NoError(t, err)
			return len(missed) == 1 && missed[0].First.Equal(from) && missed[0].Count >= 4 && missed[0].Reason == miniairflow.MissedUnresolved
		})
		// The schedule that can be computed has gone on.
		s.await("the schedule to go on", func() bool {
			due, err := store.DueSchedules(t.Context(), 10)
			require.NoError(t, err)
			return len(due.Due) == 1 && due.Due[0].WorkflowName == "uncomputable"
		})
	})
}

// With overlap: skip, slots that find max_active_runs reached are kept as skipped.
func TestOverlapSkip(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{"w.yaml": `
schedule: {cron: "* * * * *", catchup: all, overlap: skip}
tasks: {a: {command: sleep 60}}`})
		from := s.missed(4)
		s.scheduler()
		s.worker("w1")
		s.await("five slots", func() bool { return len(slots(s.runs("w"), from.Add(4*time.Minute))) == 5 })
		runs := s.runs("w")
		s.reach(runs[0].ID, "a", miniairflow.TaskRunning)
		for _, r := range s.runs("w")[1:] {
			require.Equal(t, miniairflow.RunSkipped, r.Status)
			require.NotEmpty(t, r.Reason)
		}
		_, err := s.control.CancelRun(t.Context(), runs[0].ID, miniairflow.Actor{Name: "test"})
		require.NoError(t, err)
		require.Equal(t, miniairflow.RunCancelled, s.finish(runs[0].ID).Status)
	})
}

// Runs beyond max_active_runs wait, and start as soon as another one ends.
func TestMaxActiveRuns(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{"w.yaml": `
max_active_runs: 2
params: {dir: {type: string}}
env: {DIR: "${{ params.dir }}"}
tasks:
  a:
    command: |
      for slot in 1 2; do
        if mkdir "$DIR/$slot" 2>/dev/null; then sleep 0.1; rmdir "$DIR/$slot"; exit 0; fi
      done
      exit 1`})
		dir := t.TempDir()
		s.scheduler()
		s.scheduler()
		s.worker("w1")
		s.worker("w2")
		for range 8 {
			s.trigger("w", map[string]any{"dir": dir})
		}
		for _, r := range s.runs("w") {
			require.Equal(t, miniairflow.RunSuccess, s.finish(r.ID).Status, "a third run was active")
		}
	})
}

// A finished run is deleted once it is older than the time to keep, and so is what is
// known of slots without a run.
func TestRetention(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{
			"done.yaml": "tasks: {a: {command: echo hello}}",
			"open.yaml": "tasks: {a: {command: echo hello, queue: nobody}}",
			"late.yaml": "schedule: '* * * * *'\ntasks: {a: {noop: true}}",
		})
		s.missed(3)
		late, err := s.control.SetPaused(t.Context(), "late", true, miniairflow.Actor{Name: "test"})
		require.NoError(t, err)
		without := func() int {
			count, err := store.CountMissedSlots(t.Context(), miniairflow.MissedFilter{WorkflowID: late.ID}, 10)
			require.NoError(t, err)
			return count
		}
		require.Equal(t, 1, without())
		s.scheduler()
		s.worker("w1")
		done, open := s.trigger("done", nil), s.trigger("open", nil)
		s.finish(done)
		spawn(t, runner.NewScheduler(runner.SchedulerConfig{Store: store, Evaluator: s.eval, KeepFor: time.Nanosecond}).Run)
		s.await("the end of the old run", func() bool {
			_, err := store.FindRun(t.Context(), done)
			return miniairflow.ErrorCode(err) == miniairflow.CodeNotFound
		})
		require.False(t, s.run(open).IsTerminal())
		s.await("the end of the old slots without a run", func() bool { return without() == 0 })
	})
}

// The parameters of a manual run see the time of its trigger as run_after,
// whatever its logical date is.
func TestRunAfterOfAManualRun(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{"w.yaml": "params: {after: {type: datetime, default: \"${{ run.run_after }}\"}}\ntasks: {a: {noop: true}}"})
		before, err := store.Now(t.Context())
		require.NoError(t, err)
		run, err := s.control.TriggerWorkflow(t.Context(), miniairflow.TriggerRequest{Workflow: "w", LogicalDate: before.AddDate(-1, 0, 0)})
		require.NoError(t, err)
		require.False(t, run.RunAfter.Before(before))
		after, err := time.Parse(time.RFC3339Nano, run.Params["after"].(string))
		require.NoError(t, err)
		require.False(t, after.Before(before.Truncate(time.Second)))
	})
}

// Entries without a name make one run where they fall together; one with a name has
// runs of its own. Both have the values that they give, and jitter makes the runs of a
// schedule late by one time, not their slots.
func TestScheduleEntries(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{"w.yaml": `
params: {region: {type: string, enum: [eu, us]}, at: {type: datetime, default: "${{ run.run_after }}"}}
schedule:
  - {cron: "* * * * *", catchup: all, params: {region: eu}}
  - {every: 2m, catchup: all, params: {region: eu}}
  - {name: us, every: 3m, catchup: all, max_catchup: 2, jitter: 50s, params: {region: us, at: "${{ run.logical_date }}"}}
max_active_runs: 100
tasks: {a: {noop: true}}`})
		from := s.missed(12)
		s.scheduler()
		s.worker("w1")
		last := from.Add(12 * time.Minute)
		var plain, named []*miniairflow.WorkflowRun
		s.await("all slots", func() bool {
			plain, named = nil, nil
			for _, r := range s.runs("w") {
				switch {
				case r.LogicalDate.After(last):
				case r.ScheduleName == "us":
					named = append(named, r)
				default:
					plain = append(plain, r)
				}
			}
			return len(plain) >= 13 && len(named) >= 2
		})
		require.Len(t, plain, 13)
		for i, r := range plain {
			require.Empty(t, r.ScheduleName)
			require.Equal(t, from.Add(time.Duration(i)*time.Minute), r.LogicalDate)
			require.Equal(t, r.LogicalDate, r.RunAfter)
			require.Equal(t, r.LogicalDate.Add(-time.Minute), r.DataIntervalStart)
			require.Equal(t, "eu", r.Params["region"])
		}
		require.Len(t, named, 2, "the newest two")
		delay := named[0].RunAfter.Sub(named[0].LogicalDate)
		require.Less(t, delay, 50*time.Second)
		for _, r := range named {
			require.Zero(t, r.LogicalDate.Unix()%180)
			require.Equal(t, delay, r.RunAfter.Sub(r.LogicalDate))
			require.Equal(t, r.LogicalDate.Add(-3*time.Minute), r.DataIntervalStart)
			require.Equal(t, "us", r.Params["region"])
			require.Equal(t, r.LogicalDate.Format(time.RFC3339), r.Params["at"])
		}
	})
}

// With overlap: cancel_running the run of a newer slot takes the place of the one that
// runs, which is told so. Others of the workflow go on.
func TestOverlapCancelRunning(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{"w.yaml": `
max_active_runs: 2
schedule: {every: 1s, overlap: cancel_running}
tasks: {a: {command: sleep 60}}`})
		s.worker("w1")
		manual := s.trigger("w", nil)
		s.scheduler()
		s.reach(manual, "a", miniairflow.TaskRunning)
		var old *miniairflow.WorkflowRun
		s.await("a run that makes room", func() bool {
			cancelled, err := store.FindRuns(t.Context(), miniairflow.RunFilter{Statuses: []miniairflow.RunStatus{miniairflow.RunCancelled}})
			require.NoError(t, err)
			for _, r := range cancelled {
				if r.StartedAt != nil {
					old = r
				}
			}
			return old != nil
		})
		require.Equal(t, miniairflow.RunScheduled, old.Type)
		require.Contains(t, old.Reason, "overlap: cancel_running: w#")
		require.Contains(t, old.Reason, "takes its place")
		require.Equal(t, miniairflow.RunRunning, s.run(manual).Status)
		_, err := s.control.SetPaused(t.Context(), "w", true, miniairflow.Actor{Name: "test"})
		require.NoError(t, err)
		for _, r := range s.runs("w") {
			_, err := s.control.CancelRun(t.Context(), r.ID, miniairflow.Actor{Name: "test"})
			require.NoError(t, err)
			s.finish(r.ID)
		}
	})
}

// What is not over at its deadline is noted, also a task and a run that have not
// started, and nothing is ended.
func TestLateRuns(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{
			"w.yaml": "deadline: +50ms\ntasks:\n  a: {command: sleep 0.3}\n  b: {command: echo hello, depends_on: [a], deadline: +10ms}\n  c: {noop: true, deadline: +1h}",
			"p.yaml": "deadline: +10ms\ntasks: {a: {noop: true}}",
			"u.yaml": "deadline: usual\ntasks: {a: {noop: true, deadline: usual}, b: {noop: true}}",
		})
		_, err := s.control.SetPaused(t.Context(), "p", true, miniairflow.Actor{Name: "test"})
		require.NoError(t, err)
		s.scheduler()
		s.worker("w1")
		late, waits := s.trigger("w", nil), s.trigger("p", nil)
		require.Equal(t, miniairflow.RunSuccess, s.finish(late).Status)
		s.await("all marks", func() bool {
			marks, err := store.LateMarks(t.Context(), []uuid.UUID{late, waits})
			require.NoError(t, err)
			return len(marks[late]) == 2 && len(marks[waits]) == 1
		})
		require.NotNil(t, s.run(late).LateAt)
		require.Equal(t, miniairflow.RunPending, s.run(waits).Status)

		usual := s.run(s.trigger("u", nil))
		for i := range 5 { // made up for, and not slow
			madeUp, _, err := store.CreateRun(t.Context(), miniairflow.NewRun{
				ID: uuid.New(), WorkflowID: usual.WorkflowID, VersionID: usual.VersionID, Type: miniairflow.RunScheduled,
				LogicalDate: time.Now().Add(-time.Duration(30+i) * time.Hour),
			})
			require.NoError(t, err)
			s.finish(madeUp.ID)
		}
		for range miniairflow.UsualRunsMax + 1 { // which say nothing
			part, err := s.control.TriggerWorkflow(t.Context(), miniairflow.TriggerRequest{
				Workflow: "u", Selection: miniairflow.Selection{Only: []string{"b"}}, By: miniairflow.Actor{Name: "test"},
			})
			require.NoError(t, err)
			s.finish(part.ID)
		}
		overdue, _, err := store.CreateRun(t.Context(), miniairflow.NewRun{
			ID: uuid.New(), WorkflowID: usual.WorkflowID, VersionID: usual.VersionID, Type: miniairflow.RunScheduled, LogicalDate: time.Now().Add(-time.Hour),
		})
		require.NoError(t, err)
		s.await("the mark of a run that takes longer than those before", func() bool { return s.run(overdue.ID).LateAt != nil })
		marks, err := store.LateMarks(t.Context(), []uuid.UUID{overdue.ID})
		require.NoError(t, err)
		require.Len(t, marks[overdue.ID], 2)
		require.ElementsMatch(t, []string{"", "a"}, []string{marks[overdue.ID][0].Task, marks[overdue.ID][1].Task})
		s.finish(usual.ID)
		require.Nil(t, s.run(usual.ID).LateAt)
	})
}
