package persistencetest_test

import (
	"cmp"
	"slices"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// candidate is a task run that an exchange claimed, or might have claimed.
type candidate struct {
	runID uuid.UUID
	seq   int
	queueView
	isNew bool // it came into the queue with this very exchange
	// isElsewhere says that the worker does not serve its queue, and that another
	// one could start it now: its pool keeps slots for it.
	isElsewhere bool
}

// order is that of claims: the highest priority first, then the oldest. What
// came with the exchange itself is younger than all that was there.
func (a candidate) order(b candidate) int {
	if c := cmp.Compare(b.priority, a.priority); c != 0 {
		return c
	}
	switch {
	case a.isNew != b.isNew && a.isNew:
		return 1
	case a.isNew != b.isNew:
		return -1
	case a.isNew:
		return 0
	}
	return cmp.Compare(a.sortKey, b.sortKey)
}

// judgeClaims checks which task runs an exchange has claimed (T4): the first
// ones, as many as asked for and no more, within the slots of their pools.
func (g *game) judgeClaims(before, after view, request miniairflow.Exchange, claims []miniairflow.Claim) {
	g.Helper()
	session := before.sessions[request.SessionID]
	if request.Limit == 0 || session.status != miniairflow.WorkerActive || !session.alive {
		require.Empty(g, claims, "T4: a session that may claim nothing did")
		return
	}
	require.LessOrEqual(g, len(claims), request.Limit)
	var taken, left []candidate
	for _, c := range claims {
		is := after.task(c.RunID, c.Seq)
		require.Equal(g, request.Token.String(), is.token)
		require.Equal(g, is.attempt, c.Attempt, "I5: the number of the claim")
		require.Equal(g, is.failures, c.Failures)
		taken = append(taken, g.candidateOf(before, after, c.RunID, c.Seq))
	}
	elsewhere := after.queuesWithPlaces()
	for _, r := range after.runs {
		for seq, t := range r.all() {
			isOwn := slices.Contains(request.Queues, t.queued.queue)
			if t.queued.state == "ready" && (isOwn || elsewhere[t.queued.queue]) {
				c := g.candidateOf(before, after, r.id, seq)
				c.isElsewhere = !isOwn
				left = append(left, c)
			}
		}
	}
	isFull := len(claims) == request.Limit
	plain := func(c candidate) bool { return c.pool == "" && !c.isElsewhere }
	g.judgeOrder(filter(taken, plain), filter(left, plain), isFull)
	g.judgePools(after, taken, left, isFull)
}

// queuesWithPlaces returns the queues of the workers that could start something now.
func (v view) queuesWithPlaces() map[string]bool {
	taken := map[string]int{}
	for _, r := range v.runs {
		for _, t := range r.all() {
			taken[t.session]++
		}
	}
	queues := map[string]bool{}
	for id, s := range v.sessions {
		if s.status != miniairflow.WorkerActive || !s.alive || taken[id.String()] >= s.places {
			continue
		}
		for _, q := range s.queues {
			queues[q] = true
		}
	}
	return queues
}

// candidateOf returns a task run as it stood in the queue.
func (g *game) candidateOf(before, after view, runID uuid.UUID, seq int) candidate {
	c := candidate{runID: runID, seq: seq}
	if was := before.task(runID, seq); was != nil && was.queued.state == "ready" {
		c.queueView = was.queued
		return c
	}
	c.isNew = true
	if c.queueView = after.task(runID, seq).queued; c.state == "" {
		// The row has come and gone within the exchange.
		task := g.dag(after.runs[runID].version).TaskAt(seq)
		c.queueView = queueView{queue: task.Queue, priority: int(task.Priority), pool: task.Pool, slots: task.PoolSlots}
	}
	return c
}

func (g *game) judgeOrder(taken, left []candidate, isFull bool) {
	g.Helper()
	if !isFull {
		require.Empty(g, left, "T4: left in the queue though the worker wanted more")
	}
	for _, t := range taken {
		for _, l := range left {
			require.LessOrEqual(g, t.order(l), 0, "T4: claimed before its turn")
		}
	}
}

// judgePools checks, for each pool, that the first ones were taken up to the
// first that does not fit, but for those that never fit.
func (g *game) judgePools(after view, taken, left []candidate, isFull bool) {
	g.Helper()
	used := map[string]int{}
	for _, r := range after.runs {
		dag := g.dag(r.version)
		for seq, t := range r.all() {
			if t.token != "" {
				used[dag.TaskAt(seq).Pool] += dag.TaskAt(seq).PoolSlots
			}
		}
	}
	for _, c := range taken {
		if c.pool != "" {
			slots, known := after.pools[c.pool]
			require.True(g, known, "I9: a claim of a pool that is not there")
			require.LessOrEqual(g, used[c.pool], slots, "I9: pool %s", c.pool)
		}
	}
	for pool, slots := range after.pools {
		waiting := filter(left, func(c candidate) bool { return c.pool == pool && c.slots <= slots })
		if len(waiting) == 0 {
			continue
		}
		first, free := nextOf(waiting, slots-used[pool])
		if first == nil {
			continue
		}
		fits := first.slots <= free && !first.isElsewhere
		require.False(g, fits && !isFull, "T4: pool %s has %d of %d slots free and %d are wanted", pool, free, slots, first.slots)
		for _, c := range taken {
			if c.pool == pool {
				require.LessOrEqual(g, c.order(*first), 0, "T4: pool %s: claimed before its turn", pool)
			}
			if fits {
				require.LessOrEqual(g, c.order(*first), 0, "T4: claimed before one that pool %s has slots for", pool)
			}
		}
	}
}

// nextOf returns the first of those that wait for a pool that the worker could
// claim, or the one of another queue that holds it back, and what is free for it:
// slots are kept for those of other queues before it. It returns nil if nothing is
// held back.
func nextOf(waiting []candidate, free int) (*candidate, int) {
	// All of them are in the queue still, so their keys tell the order of new ones too.
	slices.SortFunc(waiting, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.sortKey, b.sortKey))
	})
	for i := range waiting {
		if c := &waiting[i]; !c.isElsewhere || c.slots > free {
			return c, free
		}
		free -= waiting[i].slots
	}
	return nil, free
}

func filter[T any](all []T, keep func(T) bool) []T {
	var kept []T
	for _, item := range all {
		if keep(item) {
			kept = append(kept, item)
		}
	}
	return kept
}
