package dialect

import "github.com/google/uuid"

// ShareMax bounds the rows of a run that are claimed by their age: a run whose
// rows all came at once would hold up every later run until the last of them is
// claimed. The others go behind those of all runs, in the order in which they came.
// A worker that has nothing better to do may claim them, so the run still gets all
// of max_active_tasks. With each slot that comes back to the run one of them comes
// forward, as old as that moment. So a later run waits for at most ShareMax rows of
// each earlier one, and for as many as that had attempts running; a run of any size
// goes on at the pace at which its share is claimed; and inside a run first come
// is first served.
//
// This costs a claim nothing, as its index stays what it is, and nothing at all
// for runs whose max_active_tasks is not above ShareMax. Keys that are spaced in
// time instead are fair only if tasks are as fast as the spacing supposes, and true
// turns of the runs need to know whose turn it is: a row that each claim changes.
const ShareMax = 256

// BehindKey is added to the sort keys of rows that go behind those of all runs.
// Both dialects have an index of the rows from this key on.
const BehindKey = 1 << 60

// Forward is how many rows of a run that went behind come forward.
type Forward struct {
	RunID uuid.UUID
	Count int
}

// forward returns how many of the run's rows that went behind come forward now,
// if there are so many. It must be called before new slots are given.
func (r *Run) forward() int {
	if r.limit() <= ShareMax {
		return 0
	}
	return r.regrouped - min(0, r.Change.Active)
}

// share returns how many of the n task runs that have just got a slot belong to
// the run's share. The others go behind.
func (r *Run) share(n int) int {
	before := r.Stored.Active + r.Change.Active - n
	return min(n, max(0, ShareMax-before))
}

// SortKeys returns the sort keys of places that come into the queue now
// (microseconds), in their order.
func (p *Plan) SortKeys(now int64, places []Place) []int64 {
	keys := make([]int64, len(places))
	for i, place := range places {
		keys[i] = now + int64(i)
		if p.behind[place] {
			keys[i] += BehindKey
		}
	}
	return keys
}

// sendBehind notes that the task runs go behind those of all runs.
func (p *Plan) sendBehind(r *Run, seqs []int) {
	for _, seq := range seqs {
		if p.behind == nil {
			p.behind = map[Place]bool{}
		}
		p.behind[Place{RunID: r.ID, Seq: seq}] = true
	}
}
