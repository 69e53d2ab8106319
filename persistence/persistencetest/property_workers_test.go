package persistencetest_test

import (
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sauravritesh63/miniairflow"
)

// player is a worker and what it believes.
type player struct {
	id     uuid.UUID
	name   string
	queues []string
	claims []miniairflow.Claim
	unsent []miniairflow.Finish // ended, and perhaps not stored: the reply was lost
	doubts []uuid.UUID          // exchanges whose claims it has not learnt
	silent bool                 // it does nothing for a while, as a stopped process
}

// playersMax bounds the workers that live at once.
const playersMax = 4

// join lets a worker begin.
func (g *game) join() bool {
	if len(g.players) >= playersMax {
		return false
	}
	p := &player{id: g.id(), queues: pick(g, "queues", [][]string{{"default"}, {"default"}, {"default", "gpu"}, {"gpu", "default"}, {"gpu"}, {"gpu"}})}
	p.name = fmt.Sprintf("w%d", g.ids)
	w := miniairflow.Worker{ID: p.id, Name: p.name, Hostname: "host", PID: 1, Version: "test", Queues: p.queues, Concurrency: 10}
	g.certainly(func() error { return g.StartSession(g.Context(), w, lease) })
	g.players = append(g.players, p)
	return true
}

// awake draws a worker that is not silent, or nil.
func (g *game) awake() *player {
	var some []*player
	for _, p := range g.players {
		if !p.silent {
			some = append(some, p)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return pick(g, "worker", some)
}

// exchange lets a worker end some of what it holds and claim more.
func (g *game) exchange() bool {
	p := g.awake()
	if p == nil {
		return g.join()
	}
	g.clearDoubts(p)
	n := rapid.IntRange(0, len(p.claims)).Draw(g.rt, "finishes")
	for _, c := range p.claims[:n] {
		p.unsent = append(p.unsent, g.end(c))
	}
	p.claims = slices.Clone(p.claims[n:])
	request := miniairflow.Exchange{
		SessionID: p.id, Finishes: p.unsent, Queues: p.queues, Limit: rapid.IntRange(0, 4).Draw(g.rt, "limit"), Token: g.id(),
	}
	return g.send(p, request) || n > 0
}

// send makes an exchange and judges its result.
func (g *game) send(p *player, request miniairflow.Exchange) bool {
	g.Helper()
	before := g.now
	stale, open := g.expectStale(before, request.Finishes)
	session := before.sessions[p.id]
	idle := session.status == miniairflow.WorkerInactive || open == 0 && (request.Limit == 0 || session.status != miniairflow.WorkerActive || !session.alive)
	print := ""
	if idle {
		print = g.print()
	}
	result, err := g.Exchange(g.Context(), request)
	if idle {
		require.Equal(g, print, g.print(), "I8: an exchange that may change nothing did")
	}
	switch {
	case miniairflow.ErrorCode(err) == miniairflow.CodeUnavailable:
		if request.Limit > 0 {
			p.doubts = append(p.doubts, request.Token)
		}
		return true
	case session.status == miniairflow.WorkerInactive:
		require.ErrorIs(g, err, miniairflow.ErrFenced)
		g.leave(p)
		return true
	}
	require.NoError(g, err)
	require.Equal(g, stale, result.Stale)
	p.unsent = nil
	p.claims = append(p.claims, result.Claims...)
	after := g.look()
	g.judgeFinishes(before, after, request.Finishes)
	g.judgeClaims(before, after, request, result.Claims)
	return len(request.Finishes)+len(result.Claims) > 0
}

// end draws how a claim's attempt ends.
func (g *game) end(c miniairflow.Claim) miniairflow.Finish {
	status := pick(g, "end", []miniairflow.AttemptStatus{
		miniairflow.AttemptSuccess, miniairflow.AttemptSuccess, miniairflow.AttemptFailed, miniairflow.AttemptFailed,
		miniairflow.AttemptTimedOut, miniairflow.AttemptCancelled,
	})
	f := miniairflow.Finish{RunID: c.RunID, Seq: c.Seq, Token: c.Token, Attempt: status}
	task := g.dag(c.VersionID).TaskAt(c.Seq)
	if task.Workflow != nil {
		if aside, waits := g.lookAtChild(c, task.Workflow.Name); waits {
			return aside
		}
	}
	looksAgain := task.Wait != nil && g.one(2, "looks again") || task.Approval != nil && !g.one(4, "gives up")
	if looksAgain && !g.isEnding {
		f.Attempt, f.Next, f.Delay = miniairflow.AttemptRunning, miniairflow.TaskWaiting, retryDelay.Std()
		f.Memory = fmt.Sprintf("look %d", g.ids)
		return f
	}
	if status == miniairflow.AttemptFailed {
		code := pick(g, "exit code", []int{1, 1, neverCode, skipCode})
		f.ExitCode = &code
	}
	f.Next, f.Delay = miniairflow.FinishOf(task, c.Failures, status, f.ExitCode)
	if status == miniairflow.AttemptSuccess {
		f.Outputs = map[string]any{"n": int64(g.ids)}
	}
	return f
}

// expectStale says which of the finishes are stale, and how many end an attempt.
func (g *game) expectStale(v view, finishes []miniairflow.Finish) (stale []bool, open int) {
	g.Helper()
	stale = make([]bool, len(finishes))
	for i, f := range finishes {
		if t := v.task(f.RunID, f.Seq); t != nil && t.token == f.Token.String() {
			open++
			continue
		}
		where := fmt.Sprintf(`WHERE token = '%s' AND workflow_run_id = '%s' AND seq = %d`, f.Token, f.RunID, f.Seq)
		if f.Next == miniairflow.TaskWaiting {
			stale[i] = g.number(`SELECT count(*) FROM task_waits `+where)+g.number(`SELECT count(*) FROM task_attempts `+where+` AND status <> 'lost'`) == 0
			continue
		}
		stale[i] = g.number(fmt.Sprintf(`SELECT count(*) FROM task_attempts %s AND status = '%s'`, where, f.Attempt)) == 0
	}
	return stale, open
}

// task returns a task run, or nil.
func (v view) task(runID uuid.UUID, seq int) *taskView {
	r := v.runs[runID]
	switch {
	case r == nil:
		return nil
	case miniairflow.IsItem(seq):
		return r.items[seq]
	case seq >= len(r.tasks):
		return nil
	}
	return &r.tasks[seq]
}

// judgeFinishes checks that each open attempt ended as its worker said.
func (g *game) judgeFinishes(before, after view, finishes []miniairflow.Finish) {
	g.Helper()
	for _, f := range finishes {
		was, is := before.task(f.RunID, f.Seq), after.task(f.RunID, f.Seq)
		if was == nil || was.token != f.Token.String() {
			continue
		}
		r := before.runs[f.RunID]
		next := f.Next
		// With fail_fast another of the finishes may have ended the run.
		isStopped := r.isCancelling() || !r.cancelled && after.runs[f.RunID].cancelled
		if (next == miniairflow.TaskUpForRetry || next == miniairflow.TaskWaiting) && isStopped && !g.dag(r.version).IsFinal(f.Seq) {
			next = miniairflow.TaskCancelled
		}
		require.Equal(g, next, is.status, "the end that the worker told")
		if next == miniairflow.TaskWaiting {
			var wait miniairflow.TaskWait
			g.certainly(func() (err error) {
				wait, err = g.FindWait(g.Context(), f.RunID, f.Seq)
				return err
			})
			require.Equal(g, [2]any{was.attempt, f.Memory}, [2]any{wait.Attempt, wait.Memory})
		}
		failures := was.failures
		if f.Attempt == miniairflow.AttemptFailed || f.Attempt == miniairflow.AttemptTimedOut {
			failures++
		}
		require.Equal(g, failures, is.failures)
	}
}

// clearDoubts asks for the claims of exchanges whose reply was lost.
func (g *game) clearDoubts(p *player) {
	g.Helper()
	for _, token := range p.doubts {
		var claims []miniairflow.Claim
		g.certainly(func() (err error) {
			claims, err = g.Claimed(g.Context(), token)
			return err
		})
		p.claims = append(p.claims, claims...)
	}
	p.doubts = nil
}

// repeatExchange sends a claim and a finish of it, both twice: replies can be
// lost more than once.
func (g *game) repeatExchange() bool {
	p := g.awake()
	if p == nil || g.now.sessions[p.id].status != miniairflow.WorkerActive {
		return false
	}
	request := miniairflow.Exchange{SessionID: p.id, Queues: p.queues, Limit: 2, Token: g.id()}
	var first, second miniairflow.ExchangeResult
	g.certainly(func() (err error) {
		first, err = g.Exchange(g.Context(), request)
		return err
	})
	if len(first.Claims) == 0 {
		return false
	}
	g.judge()
	print := g.print()
	second, err := g.Exchange(g.Context(), request)
	require.NoError(g, err)
	require.Equal(g, claimKeys(first.Claims), claimKeys(second.Claims), "the same exchange has the same claims")
	require.Equal(g, print, g.print(), "the same exchange again claims nothing")
	request = miniairflow.Exchange{SessionID: p.id, Token: g.id(), Finishes: []miniairflow.Finish{g.end(first.Claims[0])}}
	p.claims = append(p.claims, first.Claims[1:]...)
	g.certainly(func() (err error) {
		second, err = g.Exchange(g.Context(), request)
		return err
	})
	require.Equal(g, []bool{false}, second.Stale)
	print = g.print()
	second, err = g.Exchange(g.Context(), request)
	require.NoError(g, err)
	require.Equal(g, []bool{false}, second.Stale, "the first outcome is returned")
	require.Equal(g, print, g.print(), "I8: the repeated finish changes nothing")
	return true
}

func claimKeys(claims []miniairflow.Claim) []miniairflow.AttemptKey {
	var keys []miniairflow.AttemptKey
	for _, c := range claims {
		keys = append(keys, miniairflow.AttemptKey{RunID: c.RunID, Seq: c.Seq, Attempt: c.Attempt})
	}
	return keys
}

// heartbeat lets a worker learn what it must know, and do it.
func (g *game) heartbeat() bool {
	p := g.awake()
	if p == nil {
		return false
	}
	var held []miniairflow.HeldAttempt
	for _, c := range p.claims {
		held = append(held, miniairflow.HeldAttempt{RunID: c.RunID, Seq: c.Seq, Token: c.Token})
	}
	v := g.now
	var result miniairflow.HeartbeatResult
	err := g.sure(func() (err error) {
		result, err = g.Heartbeat(g.Context(), p.id, held, lease)
		return err
	})
	session := v.sessions[p.id]
	if session.status == miniairflow.WorkerInactive {
		require.ErrorIs(g, err, miniairflow.ErrFenced)
		g.leave(p)
		return true
	}
	require.NoError(g, err)
	require.Equal(g, session.status == miniairflow.WorkerDraining, result.Draining)
	var cancel, lost []miniairflow.HeldAttempt
	for _, h := range held {
		r, t := v.runs[h.RunID], v.task(h.RunID, h.Seq)
		switch {
		case t == nil || t.token != h.Token.String() || t.session != p.id.String():
			lost = append(lost, h)
		case r.isCancelling() && !g.dag(r.version).IsFinal(h.Seq):
			cancel = append(cancel, h)
		}
	}
	require.ElementsMatch(g, cancel, result.Cancel, "T6: attempts to cancel")
	require.ElementsMatch(g, lost, result.NotOwned, "T6: attempts that are not the worker's")
	g.judgeUnknown(v, p, held, result.Unknown)
	p.claims = slices.DeleteFunc(p.claims, func(c miniairflow.Claim) bool {
		return slices.Contains(lost, miniairflow.HeldAttempt{RunID: c.RunID, Seq: c.Seq, Token: c.Token})
	})
	for _, h := range result.Unknown {
		if !slices.Contains(p.doubts, h.Token) && !slices.ContainsFunc(p.unsent, func(f miniairflow.Finish) bool { return f.Token == h.Token && f.Seq == h.Seq }) {
			p.doubts = append(p.doubts, h.Token)
		}
	}
	return true
}

// judgeUnknown checks that a heartbeat names the attempts that the worker does
// not know of.
func (g *game) judgeUnknown(v view, p *player, held, got []miniairflow.HeldAttempt) {
	g.Helper()
	var unknown []miniairflow.HeldAttempt
	for _, r := range v.runs {
		for seq, t := range r.all() {
			if t.session != p.id.String() {
				continue
			}
			h := miniairflow.HeldAttempt{RunID: r.id, Seq: seq, Token: uuid.MustParse(t.token)}
			if !slices.Contains(held, h) {
				unknown = append(unknown, h)
			}
		}
	}
	require.ElementsMatch(g, unknown, got, "T6: attempts that the worker does not know")
}
