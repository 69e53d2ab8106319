package persistencetest_test

import (
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sauravritesh63/miniairflow"
)

// moves are the calls of a sequence. Those at the front are drawn more often.
func (g *game) moves() []func() bool {
	all := []func() bool{
		g.exchange, g.startRuns, g.decideNow, g.exchange, g.trigger, g.rerun, g.answerApproval, g.exchange, g.decideLate, g.exchange, g.reap,
		g.heartbeat, g.passTime, g.promote, g.late, g.join, g.setPool, g.pauseRun, g.watch, g.repeatExchange, g.readDecisions,
		g.crash, g.fence, g.sleep, g.expire, g.cancel, g.timeOut, g.edit, g.readSchedules, g.fire, g.drainOne, g.addFlow,
		g.forgetRuns, g.repeatRerun, g.loseWorker, g.endAbandoned, g.endReplaced,
		g.askForPasts, g.passSlots, g.passSlots, g.addBackfill, g.advanceBackfills, g.advanceBackfills, g.steerBackfill,
	}
	for _, move := range []struct {
		name string
		play func() bool
	}{
		{"cancel", g.cancel},
		{"decide late", g.decideLate},
		{"edit", g.edit},
		{"lose worker", g.loseWorker},
		{"rerun", g.rerun},
	} {
		if isOften(move.name) {
			all = slices.Insert(all, 4, move.play, move.play)
		}
	}
	return append(all, g.movesOfTriggers()...)
}

// startRuns starts pending runs (T2).
func (g *game) startRuns() bool {
	before := g.now
	limit := rapid.IntRange(1, 3).Draw(g.rt, "limit")
	g.certainly(func() error {
		_, err := g.StartRuns(g.Context(), limit)
		return err
	})
	after, started := g.look(), 0
	for id, was := range before.runs {
		if was.status == miniairflow.RunPending && after.runs[id].status != miniairflow.RunPending {
			started++
			require.False(g, was.paused, "T2: a paused run was started")
			if was.isApart || g.hasPasts(was.workflow) {
				continue // whatever the limit has become, and for those that later runs wait for the database says it
			}
			active := 0
			for _, r := range after.runs {
				if r.workflow == was.workflow && r.status == miniairflow.RunRunning && !r.isApart {
					active++
				}
			}
			require.LessOrEqual(g, active, g.flowOf(was.workflow).definition.MaxActiveRuns, "I9: max_active_runs")
		}
	}
	return started > 0
}

// decided is what a scheduler has read of a run, and its answer.
type decided struct {
	runID      uuid.UUID
	generation int
	changes    []miniairflow.Change
}

// readDecisions reads open requests and takes the decisions, as an advancer
// does, which are written at some later time.
func (g *game) readDecisions() bool {
	undecided, err := g.db.Undecided(g.Context(), 5)
	require.NoError(g, err)
	if len(undecided) == 0 {
		return false
	}
	id := undecided[rapid.IntRange(0, len(undecided)-1).Draw(g.rt, "run")]
	open, err := g.db.LoadDecisions(g.Context(), id, rapid.IntRange(1, 3).Draw(g.rt, "nodes"))
	require.NoError(g, err)
	part := open.Nodes
	if g.one(2, "cascade") {
		part = g.withBelow(open)
	}
	g.seen = append(g.seen, decided{runID: id, generation: open.Run.Generation, changes: g.decisions(open, part)})
	return true
}

// withBelow returns the nodes of the requests and all pending ones below them.
func (g *game) withBelow(open miniairflow.Decisions) []miniairflow.Node {
	g.Helper()
	dag := g.dagFor(open.Run)
	var seqs []int
	for seq := range dag.Upstream {
		seqs = append(seqs, seq)
	}
	// One snapshot for all, see Advance; what reads results of the same part is left out.
	part, err := g.db.LoadNodes(g.Context(), open.Run.ID, seqs)
	require.NoError(g, err)
	for _, n := range open.Nodes {
		if n.Fan != nil {
			part = append(part, n) // it waits for items, and is below none that is pending
		}
	}
	return slices.DeleteFunc(part, func(n miniairflow.Node) bool {
		isOpen := slices.ContainsFunc(open.Nodes, func(o miniairflow.Node) bool { return o.Seq == n.Seq })
		return !isOpen && (dag.Definition.Tasks[n.Seq].HasCondition() || dag.IsFinal(n.Seq))
	})
}

func (g *game) decisions(open miniairflow.Decisions, part []miniairflow.Node) []miniairflow.Change {
	g.Helper()
	var asked []int
	for _, n := range open.Nodes {
		asked = append(asked, n.Seq)
	}
	own := conditions
	own.Past = g.db.past(open.Run, g.dagFor(open.Run))
	return miniairflow.Advance(g.dagFor(open.Run), part, asked, own)
}

// decideNow reads and answers at once.
func (g *game) decideNow() bool {
	if !g.readDecisions() {
		return false
	}
	g.answer(g.seen[len(g.seen)-1])
	return true
}

// decideLate answers what some scheduler has read, perhaps long ago, perhaps
// for the second time.
func (g *game) decideLate() bool {
	if len(g.seen) == 0 {
		return g.readDecisions()
	}
	g.answer(g.seen[max(0, len(g.seen)-1-rapid.IntRange(0, 9).Draw(g.rt, "ago"))])
	return true
}

func (g *game) answer(d decided) {
	g.Helper()
	isThere := g.now.runs[d.runID] != nil
	err := g.sure(func() error { return g.ApplyChanges(g.Context(), d.runID, d.generation, d.changes) })
	if isThere {
		require.NoError(g, err)
	} else {
		require.ErrorIs(g, err, miniairflow.ErrNotFound)
	}
}

// promote makes due retries claimable.
func (g *game) promote() bool {
	before := g.now
	promoted := 0
	g.certainly(func() (err error) {
		promoted, _, err = g.PromoteRetries(g.Context(), rapid.IntRange(1, 5).Draw(g.rt, "limit"))
		return err
	})
	after := g.look()
	for _, r := range before.runs {
		for seq, was := range r.all() {
			is := after.task(r.id, seq)
			if was.queued.state == "delayed" && is.queued.state != "delayed" {
				require.Contains(g, []string{"ready", "limited", "paused"}, is.queued.state)
				require.Equal(g, r.paused && is.queued.state != "limited", is.queued.state == "paused", "a retry in a paused run")
			}
		}
	}
	return promoted > 0
}

// expire fails what was queued for too long.
func (g *game) expire() bool {
	before := g.now
	failed := 0
	g.certainly(func() (err error) {
		failed, _, err = g.FailExpired(g.Context(), rapid.IntRange(1, 5).Draw(g.rt, "limit"))
		return err
	})
	after := g.look()
	for _, r := range before.runs {
		for seq, was := range r.all() {
			if was.status == miniairflow.TaskQueued && after.task(r.id, seq).status == miniairflow.TaskFailed {
				require.Positive(g, g.dag(r.version).TaskAt(seq).QueueTimeout)
				require.Equal(g, "ready", was.queued.state)
			}
		}
	}
	return failed > 0
}

// readSchedules lets a scheduler read what is due and plan it; others may plan
// the same, and it is fired at some later time.
func (g *game) readSchedules() bool {
	due, err := g.db.DueSchedules(g.Context(), 10)
	require.NoError(g, err)
	if len(due.Due) == 0 || g.openRuns() >= runsMax {
		return false
	}
	for range rapid.IntRange(1, 2).Draw(g.rt, "schedulers") {
		var fires []miniairflow.Fire
		for _, c := range due.Due {
			plan, err := miniairflow.PlanFire(c, due.Now)
			require.NoError(g, err)
			f := miniairflow.Fire{Cursor: c, NextAt: plan.Next, Left: plan.Left}
			for _, s := range plan.Slots {
				f.Runs = append(f.Runs, miniairflow.NewRun{
					ID: g.id(), WorkflowID: c.WorkflowID, VersionID: c.VersionID, Type: miniairflow.RunScheduled, ScheduleName: c.Schedules.Name(),
					LogicalDate: s.LogicalDate, DataIntervalStart: s.DataIntervalStart, Overlap: c.Schedules[0].Overlap, RunAfter: s.RunAfter,
				})
			}
			fires = append(fires, f)
		}
		g.fires = append(g.fires, fires)
	}
	return true
}

// fire lets schedulers fire what they have planned, perhaps long ago or again (T1).
func (g *game) fire() bool {
	if len(g.fires) == 0 {
		return g.readSchedules()
	}
	fires := g.fires[max(0, len(g.fires)-1-rapid.IntRange(0, 3).Draw(g.rt, "ago"))]
	expected := 0
	for _, f := range fires {
		if g.cursor(f.Cursor) {
			expected++
		}
	}
	print := ""
	if expected == 0 {
		print = g.print()
	}
	fault := g.fault
	moved := 0
	err := g.sure(func() (err error) {
		moved, err = g.FireSchedules(g.Context(), fires)
		return err
	})
	require.NoError(g, err)
	if expected == 0 {
		require.Equal(g, print, g.print(), "I11: a cursor that others moved was fired")
	}
	if fault == "" {
		require.Equal(g, expected, moved)
	}
	for _, f := range fires {
		for _, run := range f.Runs {
			n := g.number(`SELECT count(*) FROM workflow_runs WHERE type = 'scheduled' AND workflow_id = '` + run.WorkflowID.String() +
				`' AND schedule_name = '` + run.ScheduleName + `' AND logical_date = ` + g.moment(run.LogicalDate))
			require.LessOrEqual(g, n, 1, "I1: a slot with two runs")
			left := g.number(`SELECT count(*) FROM missed_slots WHERE workflow_id = '` + run.WorkflowID.String() +
				`' AND schedule_name = '` + run.ScheduleName + `' AND ` + g.moment(run.LogicalDate) + ` BETWEEN first_slot AND last_slot`)
			require.False(g, n+left == 0 && expected == len(fires), "I11: a slot without a run")
		}
	}
	return expected > 0
}

// cursor reports whether a cursor is still where a scheduler has seen it.
func (g *game) cursor(c miniairflow.ScheduleCursor) bool {
	g.Helper()
	at := "next_at IS NULL"
	if c.NextAt != nil {
		at = "next_at = " + g.moment(*c.NextAt)
	}
	active, finished := "is_active = 1", "is_finished = 0"
	if g.dialect == "postgres" {
		active, finished = "is_active", "NOT is_finished"
	}
	return g.number(`SELECT count(*) FROM schedules WHERE workflow_id = '`+c.WorkflowID.String()+`' AND name = '`+c.Schedules.Name()+
		`' AND hash = '`+c.Hash+`' AND since = `+g.moment(c.Since)+` AND `+at+` AND `+active+` AND `+finished) == 1
}

// moment returns a time as a literal of the dialect.
func (g *game) moment(at time.Time) string {
	if g.dialect == "postgres" {
		return "timestamptz '" + at.UTC().Format("2006-01-02 15:04:05.999999Z07:00") + "'"
	}
	return strconv.FormatInt(at.UnixMicro(), 10)
}

// finish goes on until all runs are over; it must not take for ever.
func (g *game) finish() {
	g.Helper()
	g.isEnding = true
	sessions, err := g.Sessions(g.Context())
	require.NoError(g, err)
	for _, w := range sessions.Workers {
		fenced, err := g.FenceSession(g.Context(), w.ID, w.Beat)
		require.NoError(g, err)
		require.True(g, fenced)
	}
	for _, f := range g.flows {
		if f.isRetired {
			g.write(f, f.definition)
		}
		_, err := g.SetPaused(g.Context(), f.id, false, user)
		require.NoError(g, err)
	}
	for _, name := range pools {
		_, err := g.SetPool(g.Context(), miniairflow.Pool{Name: name, Slots: 3}, user)
		require.NoError(g, err)
	}
	p := &player{id: g.id(), queues: []string{"default", "gpu"}}
	w := miniairflow.Worker{ID: p.id, Name: "last", Hostname: "host", PID: 1, Version: "test", Queues: p.queues, Concurrency: 10}
	require.NoError(g, g.StartSession(g.Context(), w, lease))
	rounds := g.roundsLeft()
	for range rounds {
		if g.finishMore(p) {
			g.judgeBy(g.whole)
			return
		}
	}
	require.Fail(g, "I10: a run hangs", "after %d rounds", rounds)
}

// itemsDrawn is how many items a task has at most.
const itemsDrawn = 4

// roundsLeft bounds the rounds of finishMore that end all runs, even if they go
// one after the other and their tasks as well: each round ends what the one
// before has claimed, and there are no more attempts than all retries.
func (g *game) roundsLeft() int {
	g.Helper()
	g.now = g.look()
	rounds := 2              // the first lets paused runs go on
	var versions []uuid.UUID // of the runs that go on, and of those to come
	for _, r := range g.now.runs {
		if !r.status.IsTerminal() {
			versions = append(versions, r.version)
		}
	}
	versions = append(versions, g.backfillVersions()...)
	for _, version := range versions {
		rounds += 2 // to begin and to end
		for _, t := range g.dag(version).Definition.Tasks {
			runs := 1
			if t.DependsOnPast {
				rounds += 3 // until the run before is over, and somebody has told that it went well
			}
			if t.ForEach != nil {
				runs = 1 + itemsDrawn
			}
			rounds += runs * (2 + t.RetryPolicy().Count)
			if t.Workflow != nil {
				rounds += 2 * runs // looks before and after the end of a child run
			}
		}
	}
	return rounds
}

// finishMore does what is to be done, once, and reports whether all runs are over.
func (g *game) finishMore(p *player) bool {
	g.Helper()
	_, err := g.Reap(g.Context(), 100)
	require.NoError(g, err)
	g.judge()
	_, err = g.StartRuns(g.Context(), 100)
	require.NoError(g, err)
	g.judge()
	for answers := 0; g.decideNow(); answers++ {
		require.Less(g, answers, 100, "I10: a request for a decision is never answered")
		g.judge()
	}
	g.shift("task_queue SET due_at = due_at - %s WHERE state = 'delayed' AND "+forNoChild, 3*time.Hour)
	_, _, err = g.PromoteRetries(g.Context(), 100)
	require.NoError(g, err)
	g.judge()
	request := miniairflow.Exchange{SessionID: p.id, Queues: p.queues, Limit: 50, Token: g.id()}
	for _, c := range p.claims {
		request.Finishes = append(request.Finishes, g.end(c))
	}
	p.claims = nil
	result, err := g.Exchange(g.Context(), request)
	require.NoError(g, err)
	p.claims = result.Claims
	g.judge()
	g.clearPasts()
	isOver := g.finishBackfills()
	for _, r := range g.now.runs {
		if r.paused && !r.status.IsTerminal() {
			_, err := g.SetRunPaused(g.Context(), r.id, false, user)
			require.NoError(g, err)
		}
		isOver = isOver && r.status.IsTerminal()
	}
	return isOver
}
