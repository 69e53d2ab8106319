package persistencetest_test

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// passSlots lets some hours go by for schedules, and fires what is due then: the
// runs of before are so much older. Slots are unique, so all of them move far away
// first, and then back.
func (g *game) passSlots() bool {
	const century = 100 * 365 * 24 * time.Hour
	hours := g.moveCursors()
	for _, by := range []time.Duration{century + hours, -century} {
		g.shift("workflow_runs SET logical_date = logical_date - %[1]s, data_interval_start = data_interval_start - %[1]s WHERE type = 'scheduled'", by)
		g.shift("task_pasts SET logical_date = logical_date - %s", by)
	}
	return g.readSchedules() && g.fire()
}

// moveCursors lets some hours go by for the cursors of schedules, and returns how
// long that was. No two times are the same: a cursor that comes back to where it was
// would be taken for one that nobody has moved.
func (g *game) moveCursors() time.Duration {
	g.Helper()
	g.shifts++
	hours := 3*time.Hour + time.Duration(g.shifts)*time.Second
	g.shift("schedules SET next_at = next_at - %s WHERE next_at IS NOT NULL", hours)
	g.shift("schedules SET since = since - %s", hours)
	g.shift("missed_slots SET first_slot = first_slot - %[1]s, last_slot = last_slot - %[1]s", hours)
	return hours
}

// askForPasts asks again about all task runs that wait for their past, as a
// scheduler does now and then: a run that is deleted has told nobody.
func (g *game) askForPasts() bool {
	asked := 0
	g.certainly(func() (err error) {
		asked, err = g.AskForPasts(g.Context(), 1000) // more than there are: of some it would take any
		return err
	})
	return asked > 0
}

// hasPasts reports whether a run of a workflow has tasks that depend on the past.
func (g *game) hasPasts(workflow uuid.UUID) bool {
	for _, r := range g.now.runs {
		if r.workflow == workflow && len(g.dag(r.version).Pasts) > 0 {
			return true
		}
	}
	return false
}

// clearPasts lets runs go on that wait for what has ended badly: somebody says that
// it went well or, where that is refused, gives up the run that waits.
func (g *game) clearPasts() {
	g.Helper()
	ids := slices.SortedFunc(maps.Keys(g.now.runs), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	for _, id := range ids {
		r := g.now.runs[id]
		dag := g.dag(r.version)
		for _, seq := range dag.Pasts {
			if r.status != miniairflow.RunRunning || r.tasks[seq].status != miniairflow.TaskPending {
				continue
			}
			name := dag.Definition.Tasks[seq].Name
			past, err := g.db.FindPast(g.Context(), r.id, []string{name})
			require.NoError(g, err)
			if past.Reason(name) == "" || !past.Run.IsTerminal() {
				continue
			}
			before := g.dag(past.Run.VersionID).Definition.Tasks
			mark := miniairflow.Rerun{
				ID: g.id(), RunID: past.Run.ID, Kind: miniairflow.RerunMark, Status: miniairflow.TaskSuccess, By: user,
				Seqs: []int{slices.IndexFunc(before, func(t miniairflow.Task) bool { return t.Name == name })},
			}
			if _, err := g.db.Rerun(g.Context(), mark); err != nil {
				_, err = g.db.CancelRun(g.Context(), miniairflow.Cancel{RunID: r.id, By: user})
				require.NoError(g, err)
			}
			g.judge()
			return // the states of the others may have changed with it
		}
	}
	g.askForPasts()
}
