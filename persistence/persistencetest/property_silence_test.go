package persistencetest_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sauravritesh63/miniairflow"
)

// sleep stops a worker as SIGSTOP does, or lets it go on.
func (g *game) sleep() bool {
	if len(g.players) == 0 {
		return false
	}
	p := pick(g, "worker", g.players)
	p.silent = !p.silent
	return true
}

// leave forgets a worker; its results may arrive yet.
func (g *game) leave(p *player) {
	for _, c := range p.claims {
		g.air = append(g.air, g.end(c))
	}
	g.air = append(g.air, p.unsent...)
	g.players = slices.DeleteFunc(g.players, func(q *player) bool { return q == p })
}

// crash ends a worker without a word, or with one.
func (g *game) crash() bool {
	if len(g.players) == 0 || !g.one(3, "really") {
		return false
	}
	p := pick(g, "worker", g.players)
	if g.one(2, "word") {
		g.certainly(func() error { return g.EndSession(g.Context(), p.id, "") })
	}
	g.leave(p)
	return true
}

// late lets a result arrive that its worker sent long ago.
func (g *game) late() bool {
	if len(g.air) == 0 || len(g.players) == 0 {
		return false
	}
	i := rapid.IntRange(0, len(g.air)-1).Draw(g.rt, "late")
	f := g.air[i]
	p := pick(g, "by", g.players)
	before := g.now
	stale, open := g.expectStale(before, []miniairflow.Finish{f})
	print := ""
	if open == 0 {
		print = g.print()
	}
	result, err := g.Exchange(g.Context(), miniairflow.Exchange{SessionID: p.id, Finishes: []miniairflow.Finish{f}})
	if open == 0 {
		require.Equal(g, print, g.print(), "I8: a late result changed something")
	}
	if errors.Is(err, miniairflow.ErrFenced) {
		require.Equal(g, miniairflow.WorkerInactive, before.sessions[p.id].status)
		return true
	}
	if miniairflow.ErrorCode(err) == miniairflow.CodeUnavailable {
		return true
	}
	require.NoError(g, err)
	require.Equal(g, stale, result.Stale)
	g.air = slices.Delete(g.air, i, i+1)
	return true
}

// fence ends sessions that a reaper saw silent. Its look may be an old one.
func (g *game) fence() bool {
	sessions, err := g.db.Sessions(g.Context())
	require.NoError(g, err)
	if len(sessions.Workers) == 0 || !g.one(2, "really") {
		return false
	}
	w := pick(g, "session", sessions.Workers)
	beat := w.Beat - int64(rapid.IntRange(0, 1).Draw(g.rt, "old look"))
	var fenced bool
	err = g.sure(func() (err error) {
		fenced, err = g.FenceSession(g.Context(), w.ID, beat)
		return err
	})
	require.NoError(g, err)
	status := g.look().sessions[w.ID].status
	require.Equal(g, beat == w.Beat, status == miniairflow.WorkerInactive, "T7: the compare-and-set on the beat")
	require.False(g, fenced && status != miniairflow.WorkerInactive)
	return true
}

// reap takes back what inactive sessions hold, and nothing else.
func (g *game) reap() bool {
	before := g.now
	orphans := map[string]bool{}
	for id, s := range before.sessions {
		orphans[id.String()] = s.status == miniairflow.WorkerInactive
	}
	limit := rapid.IntRange(1, 5).Draw(g.rt, "limit")
	reaped := 0
	g.certainly(func() (err error) {
		reaped, err = g.Reap(g.Context(), limit)
		return err
	})
	after := g.look()
	for _, r := range before.runs {
		for seq, was := range r.all() {
			is := after.task(r.id, seq)
			if was.token == "" || is.token == was.token {
				continue
			}
			require.True(g, orphans[was.session], "I8: an attempt of a living session was reaped")
			task := g.dag(r.version).TaskAt(seq)
			next := miniairflow.TaskQueued
			switch {
			case r.isCancelling() && !task.Finally:
				next = miniairflow.TaskCancelled
			case task.OnLost == miniairflow.LostFail, was.losses == miniairflow.LossesMax-1:
				next = miniairflow.TaskFailed
			}
			// With fail_fast another of the lost attempts may have ended the run.
			if now := after.runs[r.id]; next == miniairflow.TaskQueued && !task.Finally && !r.cancelled && now.cancelled {
				next = miniairflow.TaskCancelled
			}
			require.Equal(g, next, is.status, "T7: after loss %d, on_lost %q", was.losses+1, task.OnLost)
			require.Equal(g, was.losses+1, is.losses)
		}
	}
	return reaped > 0
}

// loseWorker lets a worker die that holds claims, and takes them back at once.
func (g *game) loseWorker() bool {
	p := g.awake()
	if p == nil || len(p.claims) == 0 {
		return false
	}
	session := g.now.sessions[p.id]
	if session.status == miniairflow.WorkerInactive {
		return false
	}
	g.certainly(func() error {
		_, err := g.FenceSession(g.Context(), p.id, session.beat)
		return err
	})
	g.leave(p)
	g.judge()
	return g.reap()
}

// drainOne asks a worker to take nothing new.
func (g *game) drainOne() bool {
	if len(g.players) == 0 || !g.one(3, "really") {
		return false
	}
	p := pick(g, "worker", g.players)
	status := g.now.sessions[p.id].status
	err := g.sure(func() error {
		_, err := g.DrainWorker(g.Context(), p.name, miniairflow.Actor{Name: "user"})
		return err
	})
	if status == miniairflow.WorkerInactive {
		require.ErrorIs(g, err, miniairflow.ErrNotFound)
		return true
	}
	require.NoError(g, err)
	require.Equal(g, miniairflow.WorkerDraining, g.look().sessions[p.id].status)
	return true
}

// passTime lets an hour or two go by for some of what waits for a time.
func (g *game) passTime() bool {
	what := pick(g, "what", []string{
		"task_queue SET due_at = due_at - %s WHERE state = 'delayed'",
		"task_queue SET expires_at = expires_at - %s WHERE expires_at IS NOT NULL",
		"workers SET lease_until = lease_until - %s WHERE status <> 'inactive'",
		"workflow_runs SET deadline_at = deadline_at - %s WHERE deadline_at IS NOT NULL",
		"",
	})
	if what == "" {
		g.moveCursors()
		return true
	}
	g.shift(what, 3*time.Hour)
	return true
}

// shift moves times of the database back.
func (g *game) shift(update string, by time.Duration) {
	g.Helper()
	amount := fmt.Sprintf("%d", by.Microseconds())
	if g.dialect == "postgres" {
		amount = fmt.Sprintf("interval '%d microseconds'", by.Microseconds())
	}
	_, err := g.back.ExecContext(g.Context(), "UPDATE "+fmt.Sprintf(update, amount))
	require.NoError(g, err)
}
