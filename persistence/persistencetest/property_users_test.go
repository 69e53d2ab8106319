package persistencetest_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sauravritesh63/miniairflow"
)

// flow is a workflow file and its last valid content.
type flow struct {
	name       string
	definition *miniairflow.Definition
	id         uuid.UUID
	version    uuid.UUID
	isRetired  bool
}

const (
	flowsMax = 3
	runsMax  = 6 // that are not over
)

var user = miniairflow.Actor{Name: "user", Reason: "because"}

func (g *game) drawDefinition(name string) *miniairflow.Definition {
	d := definition(name, g.drawTasks(name, rapid.IntRange(1, 6).Draw(g.rt, "tasks"), rapid.IntRange(0, 2).Draw(g.rt, "finals"))...)
	d.MaxActiveTasks = rapid.IntRange(1, 6).Draw(g.rt, "max_active_tasks")
	d.MaxActiveRuns = rapid.IntRange(1, 2).Draw(g.rt, "max_active_runs")
	if g.one(3, "limited") {
		d.Timeout = miniairflow.Duration(2 * time.Hour)
	}
	d.FailFast = g.one(4, "fail_fast")
	if g.one(2, "scheduled") {
		d.Schedules = []miniairflow.Schedule{{
			Cron: "0 * * * *", Timezone: "UTC", Catchup: pick(g, "catchup", miniairflow.Catchups), Overlap: pick(g, "overlap", miniairflow.Overlaps),
		}}
	}
	d.Triggers = g.drawTriggers(name)
	g.drawDeadlines(d)
	return d
}

// addFlow writes the file of a new workflow.
func (g *game) addFlow() bool {
	if len(g.flows) >= flowsMax {
		return false
	}
	f := &flow{name: fmt.Sprintf("f%d", len(g.flows))}
	g.flows = append(g.flows, f)
	g.write(f, g.drawDefinition(f.name))
	return true
}

// write syncs the file of a workflow: with other content, or as it is.
func (g *game) write(f *flow, d *miniairflow.Definition) {
	g.Helper()
	d = toldOfAll(d)
	file := miniairflow.FileSync{Path: f.name + ".yaml", Definitions: []miniairflow.DefinitionAt{{Definition: d, Line: 1, Column: 1}}}
	g.certainly(func() error {
		_, err := g.SyncFiles(g.Context(), []miniairflow.FileSync{file})
		return err
	})
	f.definition, f.isRetired = d, false
	g.settled(f)
}

// toldOfAll returns a workflow of which somebody is told whatever happens.
func toldOfAll(d *miniairflow.Definition) *miniairflow.Definition {
	told, notices := *d, tells("https://example.org/")
	told.Notify, told.Tasks = notices, slices.Clone(d.Tasks)
	for i := range told.Tasks {
		told.Tasks[i].Notify = notices
	}
	return &told
}

// settled checks that the latest version is the last valid content of the file.
func (g *game) settled(f *flow) {
	g.Helper()
	w, err := g.db.FindWorkflowByName(g.Context(), f.name)
	require.NoError(g, err)
	v, err := g.db.FindVersion(g.Context(), w.VersionID)
	require.NoError(g, err)
	require.Equal(g, f.definition.Hash(), v.Hash, "I15: the latest version is not the last valid content")
	require.Equal(g, f.isRetired, w.RetiredAt != nil, "I15")
	f.id, f.version = w.ID, w.VersionID
}

// edit changes the file of a workflow: for the worse, as it is, one more task,
// other contents of the same tasks, or all of it.
func (g *game) edit() bool {
	f := pick(g, "flow", g.flows)
	switch pick(g, "edit", []string{"same", "more", "rewired", "rewired", "other", "broken", "gone", "pause"}) {
	case "same":
		g.write(f, f.definition)
	case "more":
		d := *f.definition
		if slices.ContainsFunc(d.Tasks, func(t miniairflow.Task) bool { return t.Finally }) || len(d.Tasks) > 8 {
			return false
		}
		d.Tasks = append(slices.Clone(d.Tasks), task(fmt.Sprintf("t%d", len(d.Tasks)), d.Tasks[0].Name))
		g.write(f, &d)
	case "rewired":
		d, finals := *f.definition, 0
		for i := range d.Tasks {
			if d.Tasks[i].Finally {
				finals++
			}
		}
		d.Tasks = g.drawTasks(f.name, len(d.Tasks)-finals, finals)
		g.write(f, &d)
		if r := g.someRun(func(r *runView) bool { return r.workflow == f.id }); r != nil { // there is hardly ever one that goes over to it
			g.judge()
			g.rerunOf(r, true)
		}
	case "other":
		g.write(f, g.drawDefinition(f.name))
	case "broken":
		problem := miniairflow.ImportError{File: f.name + ".yaml", Line: 1, Message: "is broken"}
		g.certainly(func() error {
			_, err := g.SyncFiles(g.Context(), []miniairflow.FileSync{{Path: f.name + ".yaml", Problems: []miniairflow.ImportError{problem}}})
			return err
		})
		g.settled(f)
	case "gone":
		g.certainly(func() error { return g.RetireFile(g.Context(), f.name+".yaml") })
		f.isRetired = true
		g.settled(f)
	default:
		paused := g.one(2, "pause")
		g.certainly(func() error {
			_, err := g.SetPaused(g.Context(), f.id, paused, user)
			return err
		})
	}
	return true
}

// trigger creates a run, and perhaps the same again.
func (g *game) trigger() bool {
	f := pick(g, "flow", g.flows)
	if g.openRuns() >= runsMax {
		return false
	}
	id := g.id()
	run := miniairflow.NewRun{ID: id, WorkflowID: f.id, VersionID: f.version, Type: miniairflow.RunManual, IdempotencyKey: id.String(), By: user}
	if g.one(3, "partial") {
		run.Selection = g.drawSelection(f.definition)
	}
	if len(g.triggers) > 0 && g.one(4, "again") {
		run = pick(g, "trigger", g.triggers)
		if g.one(2, "other id") {
			run.ID = id
		}
	}
	before := g.now
	if run.ID != id && before.runs[run.ID] == nil {
		return false // it was deleted: nobody repeats a call after so long
	}
	err := g.sure(func() error {
		_, _, err := g.CreateRun(g.Context(), run)
		return err
	})
	if miniairflow.ErrorCode(err) == miniairflow.CodeConflict {
		require.True(g, g.flowOf(run.WorkflowID).isRetired)
		return true
	}
	require.NoError(g, err)
	known := 0
	for _, r := range g.triggers {
		if r.IdempotencyKey == run.IdempotencyKey && before.runs[r.ID] != nil {
			known++
		}
	}
	require.Len(g, g.look().runs, len(before.runs)+1-min(known, 1), "I1: one run per idempotency key")
	if known == 0 {
		g.triggers = append(g.triggers, run)
	}
	return true
}

func (g *game) flowOf(id uuid.UUID) *flow {
	for _, f := range g.flows {
		if f.id == id {
			return f
		}
	}
	return nil
}

func (g *game) openRuns() (n int) {
	for _, r := range g.now.runs {
		if !r.status.IsTerminal() {
			n++
		}
	}
	return n
}

// someRun draws a run that accept takes, in the order of their making; nil without one.
func (g *game) someRun(accept func(*runView) bool) *runView {
	var some []*runView
	for _, r := range g.now.runs {
		if accept(r) {
			some = append(some, r)
		}
	}
	if len(some) == 0 {
		return nil
	}
	slices.SortFunc(some, func(a, b *runView) int { return slices.Compare(a.id[:], b.id[:]) })
	return pick(g, "run", some)
}

// cancel asks for the end of a run.
func (g *game) cancel() bool {
	r := g.someRun(func(*runView) bool { return true })
	if r == nil || !g.one(3, "cancel") {
		return false
	}
	print := ""
	still := r.status.IsTerminal() || r.cancelled || r.outcome != ""
	if still {
		print = g.print()
	}
	g.certainly(func() error {
		_, err := g.CancelRun(g.Context(), miniairflow.Cancel{RunID: r.id, By: user})
		return err
	})
	if still {
		require.Equal(g, print, g.print(), "T8: there was nothing to cancel")
		return true
	}
	after := g.look().runs[r.id]
	if r.status == miniairflow.RunPending {
		require.Equal(g, miniairflow.RunCancelled, after.status)
		return true
	}
	require.True(g, after.cancelled && !after.paused, "T8: it is asked to end, and may")
	dag := g.dag(r.version)
	for seq, t := range after.all() {
		if !dag.IsFinal(seq) {
			waits := t.status == miniairflow.TaskWaiting && dag.TaskAt(seq).ForEach != nil && !miniairflow.IsItem(seq)
			require.True(g, t.status.IsTerminal() || t.token != "" || waits, "T8: task run %d is %s", seq, t.status)
		}
	}
	return true
}

// timeOut ends the runs that are past their deadline.
func (g *game) timeOut() bool {
	overdue, _, err := g.db.OverdueRuns(g.Context(), 10)
	require.NoError(g, err)
	for _, id := range overdue {
		r := g.look().runs[id]
		require.True(g, r.status == miniairflow.RunRunning && !r.cancelled && r.outcome == "")
		g.certainly(func() error {
			_, err := g.CancelRun(g.Context(), miniairflow.Cancel{RunID: id, TimedOut: true})
			return err
		})
	}
	return len(overdue) > 0
}

// pauseRun pauses a run or lets it go on.
func (g *game) pauseRun() bool {
	r := g.someRun(func(r *runView) bool { return !r.status.IsTerminal() })
	if r == nil {
		return false
	}
	paused := !r.paused
	g.certainly(func() error {
		_, err := g.SetRunPaused(g.Context(), r.id, paused, user)
		return err
	})
	print := g.print()
	_, err := g.db.SetRunPaused(g.Context(), r.id, paused, user)
	require.NoError(g, err)
	require.Equal(g, print, g.print(), "T9: a pause that was there changes nothing")
	require.Equal(g, paused && !r.cancelled, g.look().runs[r.id].paused, "T9: what is to end is not paused")
	return true
}

// pools are the names that tasks use; only some of them are there. Most are for
// the first, so that they come into each other's way.
var pools = []string{"p0", "p0", "p0", "p1", "p2"}

// setPool makes, changes or deletes a pool.
func (g *game) setPool() bool {
	name := pick(g, "pool", pools)
	if g.one(6, "delete") {
		_, known := g.now.pools[name]
		err := g.db.DeletePool(g.Context(), name, user)
		if !known {
			require.ErrorIs(g, err, miniairflow.ErrNotFound)
			return false
		}
		require.NoError(g, err)
		return true
	}
	pool := miniairflow.Pool{Name: name, Slots: rapid.IntRange(0, 4).Draw(g.rt, "slots"), Description: "drawn"}
	g.certainly(func() error {
		_, err := g.SetPool(g.Context(), pool, user)
		return err
	})
	require.Equal(g, pool.Slots, g.look().pools[name])
	return true
}

// forgetRuns deletes runs that are over.
func (g *game) forgetRuns() bool {
	if !g.one(4, "really") {
		return false
	}
	now, err := g.db.Now(g.Context())
	require.NoError(g, err)
	deleted := 0
	g.certainly(func() (err error) {
		deleted, err = g.DeleteRuns(g.Context(), now.Add(time.Second), 2)
		return err
	})
	return deleted > 0
}

// folded is what a subscriber made of the changes of a run.
type folded struct {
	revision int64
	run      *miniairflow.WorkflowRun
	tasks    map[int]*miniairflow.TaskRun
}

// watch lets a subscriber read on, and compares what it knows with the run.
func (g *game) watch() bool {
	r := g.someRun(func(*runView) bool { return true })
	if r == nil {
		return false
	}
	f := g.folded[r.id]
	if f == nil {
		f = &folded{tasks: map[int]*miniairflow.TaskRun{}}
		g.folded[r.id] = f
	}
	var changes miniairflow.RunChanges
	g.certainly(func() (err error) {
		changes, err = g.RunChanges(g.Context(), r.id, f.revision)
		return err
	})
	require.GreaterOrEqual(g, changes.Revision, f.revision, "I18: a cursor never goes back")
	f.revision = changes.Revision
	if changes.Run != nil {
		f.run = changes.Run
	}
	for _, t := range changes.TaskRuns {
		f.tasks[t.Seq] = t
	}
	all, err := g.db.RunChanges(g.Context(), r.id, 0)
	require.NoError(g, err)
	require.Equal(g, all.Run, f.run, "I18: the changes of a run are not the run")
	require.Len(g, f.tasks, len(all.TaskRuns))
	for _, t := range all.TaskRuns {
		require.Equal(g, t, f.tasks[t.Seq], "I18: the changes of a task run are not the task run")
	}
	return true
}
