package persistencetest_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// view is what matters of the database at one moment.
type view struct {
	runs     map[uuid.UUID]*runView
	sessions map[uuid.UUID]sessionView
	pools    map[string]int
	ends     map[miniairflow.AfterEnd]int64 // that are noted, and when
}

type runView struct {
	id, workflow, version uuid.UUID
	selection             string
	status, outcome       miniairflow.RunStatus
	generation            int
	cancelled             bool // asked for
	paused, timedOut      bool
	isApart               bool // does not count in max_active_runs
	isBackfill            bool // or a child run below one
	timing                *timing
	reason                string
	tasks                 []taskView        // by seq
	items                 map[int]*taskView // by seq
}

// all returns the task runs by seq, those of items included.
func (r *runView) all() iter.Seq2[int, taskView] {
	return func(yield func(int, taskView) bool) {
		for seq, t := range r.tasks {
			if !yield(seq, t) {
				return
			}
		}
		for _, seq := range slices.Sorted(maps.Keys(r.items)) {
			if !yield(seq, *r.items[seq]) {
				return
			}
		}
	}
}

type taskView struct {
	status                            miniairflow.TaskStatus
	attempt, failures, losses, reopen int
	queued                            queueView // state is empty without a row
	token                             string    // of the open attempt
	session                           string
	isAsked                           bool
	isOfPast                          bool // it waits for the run before, see askForPasts
}

type queueView struct {
	state, queue, pool string
	slots              int
	priority           int
	sortKey            int64
}

type sessionView struct {
	status miniairflow.WorkerStatus
	beat   int64
	alive  bool // its lease
	queues []string
	places int // that it has in all
}

// mark returns a text that changes with each write to the database, whoever writes.
// PostgreSQL's also changes with what happens to be written in vain.
func (g *game) mark() string {
	g.Helper()
	mark := ""
	g.each(map[string]string{
		"sqlite":   `SELECT data_version || ' ' || total_changes() FROM pragma_data_version`, // of others, and its own
		"postgres": `SELECT CAST(pg_current_snapshot() AS text)`,
	}[g.dialect], func(scan func(...any)) { scan(&mark) })
	return mark
}

// look returns the view of now, and reads it when something was written since it did.
func (g *game) look() view {
	g.Helper()
	if mark := g.mark(); mark != g.lookedAt {
		g.lookedLast, g.lookedAt = g.read(), mark
	}
	return g.lookedLast
}

// read reads a view.
func (g *game) read() view {
	g.Helper()
	v := view{runs: map[uuid.UUID]*runView{}, sessions: map[uuid.UUID]sessionView{}, pools: map[string]int{}}
	g.each(`SELECT id, workflow_id, version_id, selection, status, outcome, generation, cancel_requested_at IS NOT NULL, paused_at IS NOT NULL, timed_out, type IN ('child', 'backfill'), backfill_id IS NOT NULL, reason
		FROM workflow_runs`, func(scan func(...any)) {
		r := &runView{items: map[int]*taskView{}}
		scan(&r.id, &r.workflow, &r.version, &r.selection, &r.status, &r.outcome, &r.generation, &r.cancelled, &r.paused, &r.timedOut, &r.isApart, &r.isBackfill, &r.reason)
		v.runs[r.id] = r
	})
	g.each(`SELECT t.workflow_run_id, t.seq, t.status, t.attempt, t.failures, t.losses, t.reopens,
			coalesce(q.state, ''), coalesce(q.queue, ''), coalesce(q.pool, ''), coalesce(q.pool_slots, 0), coalesce(q.priority, 0), coalesce(q.sort_key, 0),
			coalesce(CAST(o.token AS text), ''), coalesce(CAST(o.session_id AS text), ''), d.seq IS NOT NULL, coalesce(p.reason, '') <> ''
		FROM task_runs t
		LEFT JOIN task_queue q ON q.workflow_run_id = t.workflow_run_id AND q.seq = t.seq
		LEFT JOIN task_open o ON o.workflow_run_id = t.workflow_run_id AND o.seq = t.seq
		LEFT JOIN task_decisions d ON d.workflow_run_id = t.workflow_run_id AND d.seq = t.seq
		LEFT JOIN task_pasts p ON p.workflow_run_id = t.workflow_run_id AND p.seq = t.seq
		ORDER BY t.workflow_run_id, t.seq`, func(scan func(...any)) {
		var id uuid.UUID
		var seq int
		var t taskView
		q := &t.queued
		scan(&id, &seq, &t.status, &t.attempt, &t.failures, &t.losses, &t.reopen, &q.state, &q.queue, &q.pool, &q.slots, &q.priority, &q.sortKey,
			&t.token, &t.session, &t.isAsked, &t.isOfPast)
		r := v.runs[id]
		if miniairflow.IsItem(seq) {
			r.items[seq] = &t
			return
		}
		require.Len(g, r.tasks, seq)
		r.tasks = append(r.tasks, t)
	})
	alive := map[string]string{
		"sqlite": `lease_until > unixepoch() * 1000000`, "postgres": `lease_until > now()`,
	}[g.dialect]
	g.each(`SELECT id, status, beat, `+alive+`, CAST(queues AS text), concurrency FROM workers`, func(scan func(...any)) {
		var id uuid.UUID
		var s sessionView
		var queues string
		scan(&id, &s.status, &s.beat, &s.alive, &queues, &s.places)
		require.NoError(g, json.Unmarshal([]byte(queues), &s.queues))
		v.sessions[id] = s
	})
	g.each(`SELECT name, slots FROM pools`, func(scan func(...any)) {
		var name string
		var slots int
		scan(&name, &slots)
		v.pools[name] = slots
	})
	g.readNotes(&v)
	return v
}

// each calls do for each row of a query.
func (g *game) each(query string, do func(scan func(...any))) {
	g.Helper()
	rows, err := g.prepare(g, query).QueryContext(g.Context()) //nolint:sqlclosecheck // newBoard closes the statement
	require.NoError(g, err)
	defer rows.Close()
	for rows.Next() {
		do(func(into ...any) { require.NoError(g, rows.Scan(into...)) })
	}
	require.NoError(g, rows.Err())
}

// dag returns the shape of a version.
func (g *game) dag(version uuid.UUID) *miniairflow.DAG {
	g.Helper()
	if g.dags[version] == nil {
		v, err := g.db.FindVersion(g.Context(), version)
		require.NoError(g, err)
		g.dags[version], err = miniairflow.NewDAG(v.Definition)
		require.NoError(g, err)
	}
	return g.dags[version]
}

// states returns the states of a run's task runs.
func (r *runView) states() []miniairflow.TaskStatus {
	states := make([]miniairflow.TaskStatus, len(r.tasks))
	for i := range r.tasks {
		states[i] = r.tasks[i].status
	}
	return states
}

// isCancelling reports whether nothing but the tasks of finally may start.
func (r *runView) isCancelling() bool { return r.cancelled && r.outcome == "" }

// compare judges what a step has changed.
func (g *game) compare(before, after view) {
	g.Helper()
	for id, was := range before.runs {
		is := after.runs[id]
		if is == nil {
			require.True(g, was.status.IsTerminal(), "I4: a run was deleted before its end")
			continue
		}
		g.compareRuns(was, is)
	}
	for _, r := range after.runs {
		g.compareTasks(before.runs[r.id], r)
		g.judgeDeadlines(r)
		g.judgeRun(r)
	}
}

func (g *game) compareRuns(was, is *runView) {
	g.Helper()
	require.GreaterOrEqual(g, is.generation, was.generation)
	if is.generation == was.generation {
		require.Equal(g, was.version, is.version, "I14: another version within a generation")
		// A run that was opened again may have been marked to its end before its start.
		atOnce := was.status == miniairflow.RunPending && was.generation > 1 && is.status.IsTerminal()
		require.True(g, was.status == is.status || was.status.CanTransition(is.status) || atOnce, "I4: run %s → %s", was.status, is.status)
	}
}

// compareTasks judges what became of the task runs of a run; was is nil for a new one.
func (g *game) compareTasks(was, is *runView) {
	g.Helper()
	for seq, after := range is.all() {
		before := taskView{status: miniairflow.TaskPending}
		if found := (view{runs: map[uuid.UUID]*runView{is.id: was}}).task(is.id, seq); found != nil {
			before = *found
		}
		if was != nil && was.generation == is.generation && before == after {
			continue
		}
		require.GreaterOrEqual(g, after.reopen, before.reopen)
		require.GreaterOrEqual(g, after.attempt, before.attempt, "I5: an attempt is gone")
		require.LessOrEqual(g, after.attempt, before.attempt+1, "I5: more than one attempt in one step")
		if after.attempt > before.attempt && was != nil && was.generation == is.generation {
			require.False(g, was.isCancelling() && is.isCancelling() && !g.dag(is.version).IsFinal(seq), "I13: an attempt opened after a cancellation")
			require.False(g, was.paused && is.paused, "an attempt opened in a paused run")
		}
		if before.reopen == after.reopen {
			require.True(g, mayBecome(before.status, after.status), "I4: task run %d: %s → %s", seq, before.status, after.status)
			g.judgeDecision(is, seq, before, after)
		}
	}
}

// mayBecome reports whether one call may change a task run from one state to
// the other; what it queues it may claim as well.
func mayBecome(from, to miniairflow.TaskStatus) bool {
	return from == to || from.CanTransition(to) || from == miniairflow.TaskPending && to == miniairflow.TaskRunning
}

// judgeDecision checks a task run that was undecided before the step and is not any more.
func (g *game) judgeDecision(r *runView, seq int, before, after taskView) {
	g.Helper()
	if miniairflow.IsItem(seq) || before.status != miniairflow.TaskPending || before.queued.state != "" ||
		after.status == miniairflow.TaskPending && after.queued.state == "" || after.status == miniairflow.TaskCancelled {
		return
	}
	dag := g.ownDAG(r)
	if dag.IsLeftOut(seq) {
		require.Equal(g, miniairflow.TaskSkipped, after.status, "a task run that is not chosen")
		return
	}
	task, states := &dag.Definition.Tasks[seq], r.states()
	counts := dag.UpstreamOf(seq, states)
	verdict := miniairflow.VerdictRun
	if !dag.IsRoot(seq) {
		verdict = task.TriggerRule.Decide(counts)
	}
	if verdict == miniairflow.VerdictRun && task.When == "false" {
		verdict = miniairflow.VerdictSkip
	}
	got := miniairflow.VerdictRun
	switch after.status {
	case miniairflow.TaskSkipped:
		got = miniairflow.VerdictSkip
	case miniairflow.TaskUpstreamFailed:
		got = miniairflow.VerdictUpstreamFailed
	}
	require.Equal(g, verdict, got, "I2: task run %d (%s, when %q) is %s: %s", seq, task.TriggerRule, task.When, after.status, counts)
	if dag.IsFinal(seq) {
		for main := range dag.Mains {
			require.True(g, states[main].IsTerminal(), "I2: a task of finally began before task %d had ended", main)
		}
	}
}

// judgeRun checks a run by itself: its result, and that something will move it on.
func (g *game) judgeRun(r *runView) {
	g.Helper()
	if len(r.tasks) == 0 {
		return
	}
	dag, states := g.ownDAG(r), r.states()
	done, mainsFailed, failed, mainsDone := 0, 0, 0, 0
	for seq, s := range states {
		if !s.IsTerminal() {
			continue
		}
		done++
		bad := 0
		if s != miniairflow.TaskSuccess && s != miniairflow.TaskSkipped && !dag.Definition.Tasks[seq].AllowFailure {
			bad = 1
		}
		failed += bad
		if !dag.IsFinal(seq) {
			mainsFailed += bad
			mainsDone++
		}
	}
	if r.status.IsTerminal() {
		result := miniairflow.RunResult(r.cancelled, r.timedOut, mainsFailed)
		if result == miniairflow.RunSuccess && failed > 0 {
			result = miniairflow.RunFailed
		}
		require.Equal(g, len(states), done, "I6: the run is over and its task runs are not")
		require.Equal(g, result, r.status, "I7: the result does not follow from %v", states)
		return
	}
	if r.status == miniairflow.RunPending {
		return
	}
	require.Equal(g, mainsDone == dag.Mains && dag.HasFinals(), r.outcome != "", "the tasks of finally are due and have not begun, or have and are not")
	for seq := range states {
		require.Empty(g, g.stuck(r, dag, states, seq), "I10: task run %d (%s) of %v", seq, dag.Definition.Tasks[seq].TriggerRule, states)
	}
}

// stuck says why nobody will ever move a task run of a running run; empty if
// somebody will.
func (g *game) stuck(r *runView, dag *miniairflow.DAG, states []miniairflow.TaskStatus, seq int) string {
	t := r.tasks[seq]
	switch {
	case states[seq].IsTerminal(), t.token != "", t.queued.state != "", t.isAsked, t.isOfPast:
		return ""
	case states[seq] == miniairflow.TaskWaiting && dag.Definition.Tasks[seq].ForEach != nil:
		return "" // for its items, see the invariants
	case states[seq] != miniairflow.TaskPending:
		return fmt.Sprintf("is %s and neither queued nor open", states[seq])
	case dag.IsFinal(seq) && r.outcome == "":
		return "" // its turn comes
	case dag.IsRoot(seq):
		return "waits for nobody and is not decided"
	}
	if verdict := dag.Definition.Tasks[seq].TriggerRule.Decide(dag.UpstreamOf(seq, states)); verdict != miniairflow.VerdictWait {
		return "is not decided though its rule says " + string(verdict)
	}
	return ""
}
