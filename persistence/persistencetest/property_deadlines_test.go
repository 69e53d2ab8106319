package persistencetest_test

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// Deadlines of the random sequences have passed at once, or do not pass unless time
// jumps (passDeadlines).
const (
	soon = time.Microsecond
	far  = 8000 * time.Hour
)

// drawDeadlines gives a workflow and its tasks deadlines.
func (g *game) drawDeadlines(d *miniairflow.Definition) {
	if !g.isTimed {
		return
	}
	draw := func() *miniairflow.Deadline {
		return pick(g, "deadline", []*miniairflow.Deadline{nil, {After: miniairflow.Duration(soon)}, {After: miniairflow.Duration(far)}})
	}
	d.Deadline = draw()
	for i := range d.Tasks {
		d.Tasks[i].Deadline = draw()
	}
}

// timing is what is known of the deadlines of a run.
type timing struct {
	runAfter, finished, lateAfter int64 // microseconds; 0: none
	isLate                        bool
	marks                         []string // tasks; empty: the run
}

// readTiming reads what is known of deadlines into a view.
func (g *game) readTiming(v *view) {
	g.Helper()
	query := map[string]string{
		"sqlite": `
			SELECT id, run_after, coalesce(finished_at, 0), coalesce(late_after, 0), late_at IS NOT NULL,
				(SELECT coalesce(group_concat(task || ';', ''), '') FROM late_marks WHERE workflow_run_id = id) FROM workflow_runs`,
		"postgres": `
			SELECT id, micros(run_after), coalesce(micros(finished_at), 0), coalesce(micros(late_after), 0), late_at IS NOT NULL,
				(SELECT coalesce(string_agg(task || ';', ''), '') FROM late_marks WHERE workflow_run_id = id) FROM workflow_runs`,
	}[g.dialect]
	for _, column := range []string{"run_after", "finished_at", "late_after"} {
		query = strings.Replace(query, "micros("+column+")", "CAST(extract(epoch FROM "+column+") * 1000000 AS bigint)", 1)
	}
	g.each(query, func(scan func(...any)) {
		var id uuid.UUID
		var t timing
		var marks string
		scan(&id, &t.runAfter, &t.finished, &t.lateAfter, &t.isLate, &marks)
		t.marks = strings.SplitAfter(marks, ";")
		t.marks = t.marks[:len(t.marks)-1]
		slices.Sort(t.marks)
		v.runs[id].timing = &t
	})
}

// lateLook is what a scheduler has seen of the deadlines of a run.
type lateLook struct {
	look miniairflow.DeadlineLook
	late []miniairflow.LateMark
	next *time.Time
}

// readDeadlines lets a scheduler judge deadlines, which it keeps some time later.
func (g *game) readDeadlines() bool {
	due, err := g.db.DueDeadlines(g.Context(), g.between(1, 3, "limit"))
	require.NoError(g, err)
	if g.isAhead {
		due.Now = due.Now.Add(2 * far)
	}
	for _, look := range due.Due {
		dag := g.dagFor(look.Run)
		ends := map[string]time.Time{}
		if seqs := dag.Definition.DeadlineTasks(); len(seqs) > 0 {
			results, err := g.db.TaskResults(g.Context(), look.Run.ID, seqs)
			require.NoError(g, err)
			for _, t := range results {
				if t.FinishedAt != nil {
					ends[t.Name] = *t.FinishedAt
				}
			}
		}
		l := lateLook{look: look}
		l.late, l.next = miniairflow.JudgeDeadlines(dag, look.Run, ends, nil, due.Now)
		g.looks = append(g.looks, l)
	}
	return len(due.Due) > 0
}

// noteLate lets a scheduler keep what it has seen, perhaps long ago.
func (g *game) noteLate() bool {
	if len(g.looks) == 0 || g.one(2, "read") {
		if !g.readDeadlines() {
			return false
		}
	}
	l := g.looks[max(0, len(g.looks)-1-g.between(0, 3, "ago"))]
	r, print := g.look().runs[l.look.Run.ID], g.print()
	g.certainly(func() error { return g.NoteLate(g.Context(), l.look, l.late, l.next) })
	if r == nil || r.timing.lateAfter != l.look.At.UnixMicro() {
		require.Equal(g, print, g.print(), "a look that another one has overtaken")
		return true
	}
	next, marks := int64(0), slices.Clone(r.timing.marks)
	if l.next != nil {
		next = l.next.UnixMicro()
	}
	for _, mark := range l.late {
		marks = append(marks, mark.Task+";")
	}
	slices.Sort(marks)
	after := g.look().runs[r.id].timing
	require.Equal(g, next, after.lateAfter, "the next look")
	require.Equal(g, slices.Compact(marks), after.marks, "each mark once")
	require.Equal(g, len(marks) > 0, after.isLate)
	return true
}

// passDeadlines lets all deadlines pass.
func (g *game) passDeadlines() bool {
	g.isAhead = true
	g.shift("workflow_runs SET late_after = late_after - %s WHERE late_after IS NOT NULL", 3*far)
	return true
}

// judgeDeadlines checks of a run that nobody has opened again: what was over its deadline
// is marked, or somebody looks at it; and nothing else is marked.
func (g *game) judgeDeadlines(r *runView) {
	g.Helper()
	if r.timing == nil || r.generation > 1 || r.status == miniairflow.RunSkipped {
		return
	}
	marked := func(task string) bool { return slices.Contains(r.timing.marks, task+";") }
	dag := g.ownDAG(r)
	d := dag.Definition
	if d.Deadline == nil {
		require.False(g, marked(""), "the run has no deadline")
	} else {
		isInTime := r.timing.finished != 0 && r.timing.finished <= r.timing.runAfter+d.Deadline.After.Std().Microseconds()
		require.False(g, isInTime && marked("") && !g.isAhead, "the run was over in time")
		require.True(g, isInTime || marked("") || r.timing.lateAfter != 0, "nobody looks at the deadline of the run")
	}
	for seq := range d.Tasks {
		task := &d.Tasks[seq]
		if task.Deadline == nil || dag.IsLeftOut(seq) {
			require.False(g, marked(task.Name), "the task has no deadline, or the run leaves it out")
			continue
		}
		isOver := task.Deadline.After.Std() == far && (r.status.IsTerminal() || seq < len(r.tasks) && r.tasks[seq].status.IsTerminal())
		require.True(g, isOver || marked(task.Name) || r.timing.lateAfter != 0, "nobody looks at the deadline of task %d", seq)
	}
}
