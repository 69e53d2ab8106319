package dialect

import (
	"cmp"
	"slices"

	"github.com/sauravritesh63/miniairflow"
)

// Pool returns the pool of the run's task run at that place; empty: none. An
// open attempt holds slots of the same one, since a run gets another version only
// when nothing of it runs.
func (r *Run) Pool(seq int) string { return r.Graph.TaskAt(seq).Pool }

// Pools returns the pools of all the run's tasks, each once.
func (r *Run) Pools() []string {
	var pools []string
	for seq := range r.Graph.Definition.Tasks {
		if pool := r.Pool(seq); pool != "" {
			pools = append(pools, pool)
		}
	}
	slices.Sort(pools)
	return slices.Compact(pools)
}

// Candidate is a row of the queue that may be claimed as far as its queue goes.
type Candidate struct {
	Place
	Priority miniairflow.Priority
	SortKey  int64
	Queue    string
	Pool     string // empty: none
	Slots    int    // of the pool
	// IsElsewhere says that only others serve the queue, and that one of them could
	// start it now: slots are kept for it.
	IsElsewhere bool
}

// Choose returns the candidates that a claim of at most limit takes, in order:
// the highest priority first, then the oldest. free is what each pool has left;
// candidates that its pool could never hold are not among them. One that does not
// fit now holds back those behind it in its pool, so that it is not starved; it
// does not matter whether this claim could have taken it.
func Choose(candidates []Candidate, free map[string]int, limit int) []Candidate {
	slices.SortStableFunc(candidates, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.SortKey, b.SortKey))
	})
	left := make(map[string]int, len(free))
	for pool, slots := range free {
		left[pool] = slots
	}
	var chosen []Candidate
	for _, c := range candidates {
		if len(chosen) == limit {
			break
		}
		if c.Pool != "" {
			if c.Slots > left[c.Pool] {
				left[c.Pool] = 0
				continue
			}
			left[c.Pool] -= c.Slots
		}
		if !c.IsElsewhere {
			chosen = append(chosen, c)
		}
	}
	return chosen
}
