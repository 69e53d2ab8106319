package persistencetest_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// drawTriggers draws after which of the workflows before it one starts, if after any.
func (g *game) drawTriggers(name string) *miniairflow.Triggers {
	if !g.follows {
		return nil
	}
	after := &miniairflow.AfterTrigger{}
	for _, f := range g.flows {
		if f.name == name {
			break
		}
		if !g.one(3, "follows none") {
			after.Workflows = append(after.Workflows, miniairflow.AfterWorkflow{Workflow: f.name, Status: pick(g, "end", miniairflow.AfterStatuses)})
		}
	}
	if len(after.Workflows) == 0 {
		return nil
	}
	after.Any, after.Match = g.one(3, "any"), pick(g, "match", miniairflow.AfterMatches)
	return &miniairflow.Triggers{After: after}
}

// movesOfTriggers are the moves of what only some sequences have.
func (g *game) movesOfTriggers() (moves []func() bool) {
	if g.follows {
		moves = append(moves, g.readEnds, g.startAfter, g.startAfter)
	}
	if g.isTimed {
		moves = append(moves, g.readDeadlines, g.noteLate, g.noteLate, g.passDeadlines)
	}
	return moves
}

// readEnds lets a scheduler read ends of runs, which it looks at some time later.
func (g *game) readEnds() bool {
	ends, err := g.db.AfterEnds(g.Context(), g.between(1, 4, "limit"))
	require.NoError(g, err)
	if len(ends) > 0 {
		g.ends = append(g.ends, ends)
	}
	return len(ends) > 0
}

// startAfter lets a scheduler look at ends that it has read, perhaps long ago, or others
// as well, and forget them if it does not crash before.
func (g *game) startAfter() bool {
	if len(g.ends) == 0 || g.one(2, "read") {
		if !g.readEnds() {
			return false
		}
	}
	ends := g.ends[max(0, len(g.ends)-1-g.between(0, 2, "ago"))]
	if g.openRuns() >= runsMax {
		return false
	}
	g.faultAt = "CreateRun"
	ends = ends[:g.between(1, len(ends), "looks")]
	for _, end := range ends {
		g.startOne(end)
	}
	if g.one(5, "crash") {
		return true
	}
	g.faultAt = "ForgetAfterEnds"
	g.certainly(func() error { return g.ForgetAfterEnds(g.Context(), ends, nil) })
	for _, end := range ends {
		if key := unnoted(end); g.owed[key] == end.Noted {
			delete(g.owed, key)
		}
	}
	return true
}

// startOne looks at an end: what it wants is there afterwards, once, and nothing else.
func (g *game) startOne(end miniairflow.AfterEnd) {
	g.Helper()
	key := g.keyAfter(end)
	count := func() int {
		return g.number(fmt.Sprintf(`SELECT count(*) FROM workflow_runs WHERE workflow_id = '%s' AND cause = 'after' AND ('%[2]s' = '' OR idempotency_key = '%[2]s')`, end.WorkflowID, key))
	}
	before := count()
	var run *miniairflow.WorkflowRun
	g.certainly(func() (err error) {
		run, err = (&miniairflow.Control{Store: ownIDs{g.Store, g}}).StartAfter(g.Context(), end)
		return err
	})
	if key == "" {
		require.Nil(g, run, "an end that starts nothing")
		require.Equal(g, before, count())
		return
	}
	require.Equal(g, 1, count(), "I1: one run for an end, or for all of a date")
	ended, err := g.db.FindRun(g.Context(), end.RunID)
	require.NoError(g, err)
	require.Equal(g, end.WorkflowID, run.WorkflowID)
	require.Equal(g, ended.LogicalDate.UTC().Format(time.DateOnly), run.LogicalDate.UTC().Format(time.DateOnly))
}

// ownIDs is a store that gives runs the ids of a game.
type ownIDs struct {
	miniairflow.Store
	game *game
}

func (o ownIDs) CreateRun(ctx context.Context, run miniairflow.NewRun) (*miniairflow.WorkflowRun, bool, error) {
	run.ID = o.game.id()
	return o.Store.CreateRun(ctx, run)
}

// keyAfter returns by which key the run is known that an end starts; empty if it starts none.
func (g *game) keyAfter(end miniairflow.AfterEnd) string {
	g.Helper()
	r, f := g.look().runs[end.RunID], g.flowOf(end.WorkflowID)
	if r == nil || !g.follow(f, r, end.Status) || !g.stands(f) {
		return ""
	}
	ended, err := g.db.FindRun(g.Context(), end.RunID)
	require.NoError(g, err)
	after, at := f.definition.After(), ended.LogicalDate.UTC()
	from, to, key := at, at.Add(time.Microsecond), "after:"+at.Format("2006-01-02T15:04:05.000000Z")
	if after.Match == miniairflow.WaitSameDay {
		from = at.Truncate(24 * time.Hour)
		to, key = from.AddDate(0, 0, 1), "after:"+at.Format(time.DateOnly)
	}
	if len(after.Workflows) == 1 {
		return "after:" + r.id.String()
	}
	if after.Any {
		return key
	}
	for _, other := range after.Workflows {
		of := g.flows[slices.IndexFunc(g.flows, func(f *flow) bool { return f.name == other.Workflow })]
		statuses := "'" + string(other.Status) + "'"
		if other.Status == miniairflow.AfterFinished {
			statuses = "'success', 'failed', 'cancelled'"
		}
		found := g.number(fmt.Sprintf(`SELECT count(*) FROM workflow_runs WHERE workflow_id = '%s' AND status IN (%s) AND selection = '' AND backfill_id IS NULL
			AND logical_date >= %s AND logical_date < %s`, of.id, statuses, g.moment(from), g.moment(to)))
		if found == 0 && of.id != r.workflow {
			return ""
		}
	}
	return key
}

// follow reports whether a workflow starts after a run that has ended so.
func (g *game) follow(f *flow, r *runView, status miniairflow.RunStatus) bool {
	after := f.definition.After()
	return after != nil && slices.ContainsFunc(after.Workflows, func(w miniairflow.AfterWorkflow) bool {
		return w.Workflow == g.flowOf(r.workflow).name && (w.Status == miniairflow.AfterFinished || string(w.Status) == string(status))
	})
}

// stands reports whether a workflow may start: it is neither retired nor paused.
func (g *game) stands(f *flow) bool {
	return g.number(`SELECT count(*) FROM workflows WHERE id = '`+f.id.String()+`' AND paused_at IS NULL AND retired_at IS NULL`) == 1
}

// unnoted returns an end without when it was noted.
func unnoted(end miniairflow.AfterEnd) miniairflow.AfterEnd {
	end.Noted = 0
	return end
}

// readNotes reads what is noted of ends and deadlines.
func (g *game) readNotes(v *view) {
	g.Helper()
	if g.follows {
		v.ends = map[miniairflow.AfterEnd]int64{}
		g.each(`SELECT workflow_run_id, workflow_id, status, noted FROM after_ends`, func(scan func(...any)) {
			var end miniairflow.AfterEnd
			var noted int64
			scan(&end.RunID, &end.WorkflowID, &end.Status, &noted)
			v.ends[end] = noted
		})
	}
	if g.isTimed {
		g.readTiming(v)
	}
}

// compareEnds checks that each end of a run that a workflow starts after is noted until
// somebody has looked at it, and nothing else.
func (g *game) compareEnds(before, after view) {
	g.Helper()
	if !g.follows {
		return
	}
	for id, r := range after.runs {
		was := before.runs[id]
		hasEnded := r.status.IsTerminal() && r.status != miniairflow.RunSkipped && r.selection == "" && !r.isBackfill
		if !hasEnded || was != nil && was.status == r.status && was.generation == r.generation {
			continue
		}
		for _, f := range g.flows {
			if !g.follow(f, r, r.status) || !g.stands(f) {
				continue
			}
			end := miniairflow.AfterEnd{RunID: id, WorkflowID: f.id, Status: r.status}
			noted, isNoted := after.ends[end]
			if was == nil || was.status != r.status { // else it may have ended so again
				require.True(g, isNoted && noted != g.owed[end], "an end of a run is not noted")
			}
			if isNoted {
				g.owed[end] = noted
			}
		}
	}
	require.Equal(g, g.owed, after.ends, "the ends that nobody has looked at")
}
