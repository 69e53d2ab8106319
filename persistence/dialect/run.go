package dialect

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// The states of a row of task_queue.
const (
	QueueReady   = "ready"   // may be claimed
	QueuePaused  = "paused"  // may be claimed when its run is resumed
	QueueLimited = "limited" // ready, but its run has no slot for it
	QueueDelayed = "delayed" // waits for the delay of its next attempt
)

// Counters are what a run knows of its task runs as a whole.
type Counters struct {
	Done    int // terminal
	Failed  int // those that make the run fail
	Active  int // queued or running: they hold the slots of max_active_tasks
	Limited int // ready, but without a slot
}

// Run is a run as a transaction knows it under the run's lock. Its methods take
// note of what happens to its task runs; Change is what is to be added to the
// stored counters.
type Run struct {
	ID              uuid.UUID
	VersionID       uuid.UUID
	Selection       string // see EncodeSelection; Graph is that of the selection
	Generation      int
	Status          miniairflow.RunStatus
	Outcome         miniairflow.RunStatus // see WorkflowRun.Outcome
	IsPaused        bool
	CancelRequested bool
	TimedOut        bool // or fails fast: its end was asked for, and it fails
	IsChild         bool
	IsBackfill      bool // or below a run of one
	TaskCount       int
	Stored          Counters
	Change          Counters
	Graph           *miniairflow.DAG

	regrouped int                 // rows that come forward because the run was changed by hand, see forward
	stillborn []miniairflow.Ended // items that failed as they were made, see FanOut
}

// Ready is a task run that may start as soon as its run has a slot for it.
type Ready struct {
	Seq      int
	Priority miniairflow.Priority
}

// Child is a pending task run after the ends of its upstream tasks were counted.
type Child struct {
	RunID    uuid.UUID
	Seq      int
	Priority miniairflow.Priority
	Upstream miniairflow.UpstreamCounts
}

// End counts task runs that have become terminal. Items count for their task only,
// see ItemEnds.
func (r *Run) End(ended ...miniairflow.Ended) {
	for _, e := range ended {
		if miniairflow.IsItem(e.Seq) {
			continue
		}
		r.Change.Done++
		if r.Graph.CountsAsFailed(e) {
			r.Change.Failed++
		}
	}
}

// Free gives back the slots of task runs that held one.
func (r *Run) Free(slots int) { r.Change.Active -= slots }

// Route says which of the children may start (the fast path) and which need a
// decision of Advance. deltas are those of the DAG's Fanout.
func Route(deltas []miniairflow.Delta, children []Child) (ready []Ready, asks []int) {
	bySeq := make(map[int]miniairflow.Delta, len(deltas))
	for _, d := range deltas {
		bySeq[d.Seq] = d
	}
	for _, c := range children {
		d := bySeq[c.Seq]
		switch {
		case d.Fast && c.Upstream.Success == c.Upstream.Total:
			ready = append(ready, Ready{Seq: c.Seq, Priority: c.Priority})
		case d.Ask || c.Upstream.Done() == c.Upstream.Total:
			asks = append(asks, c.Seq)
		}
	}
	return ready, asks
}

// admit gives the free slots to ready task runs: the highest priority first,
// then file order. While others wait for a slot all of them go behind those.
func (r *Run) admit(ready []Ready) (queued, limited []int) {
	slices.SortFunc(ready, func(a, b Ready) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Seq, b.Seq))
	})
	slots := r.slots()
	if r.Stored.Limited+r.Change.Limited > 0 {
		slots = 0
	}
	for i, task := range ready {
		if i < slots {
			queued = append(queued, task.Seq)
		} else {
			limited = append(limited, task.Seq)
		}
	}
	r.Change.Active += len(queued)
	r.Change.Limited += len(limited)
	return queued, limited
}

// feed returns how many of those that wait for a slot get one now.
func (r *Run) feed() int {
	n := min(r.slots(), r.Stored.Limited+r.Change.Limited)
	r.Change.Active += n
	r.Change.Limited -= n
	return n
}

// slots returns how many task runs may still become active.
func (r *Run) slots() int {
	return max(0, r.limit()-r.Stored.Active-r.Change.Active)
}

// limit returns the run's max_active_tasks.
func (r *Run) limit() int {
	if limit := r.Graph.Definition.MaxActiveTasks; limit > 0 {
		return limit
	}
	return miniairflow.MaxActiveTasksDefault
}

// isOver reports whether all task runs are terminal and the run is not yet.
func (r *Run) isOver() bool {
	return r.Status == miniairflow.RunRunning && r.Stored.Done+r.Change.Done == r.TaskCount
}

// IsCancelling reports whether what runs is to end: not so the tasks of finally,
// which begin when all others have ended.
func (r *Run) IsCancelling() bool { return r.CancelRequested && r.Outcome == "" }

// FailsFast says why the run is to end now because of the task runs that have just
// ended, or of items that failed as they were made; empty if it goes on. It is asked
// when their ends are counted: where nothing is left to stop, the run fails as any other.
func (r *Run) FailsFast(ended []miniairflow.Ended) string {
	isOpen := r.Status == miniairflow.RunRunning && r.Outcome == "" && !r.CancelRequested &&
		r.Stored.Done+r.Change.Done < r.Graph.DoneBeforeFinals()
	if !isOpen || !r.Graph.Definition.FailFast {
		return ""
	}
	for _, e := range slices.Concat(ended, r.stillborn) {
		task := r.Graph.TaskAt(e.Seq)
		switch {
		case e.Status != miniairflow.TaskFailed || task.AllowFailure:
		case miniairflow.IsItem(e.Seq):
			return fmt.Sprintf("fail_fast: an item of task %s failed", task.Name)
		default:
			return fmt.Sprintf("fail_fast: task %s failed", task.Name)
		}
	}
	return ""
}

// TakesPause reports whether a pause of the run, or the end of one, changes
// anything. A run that is asked to end is not paused: its tasks of finally would
// be held back, and its end with them.
func (r *Run) TakesPause(paused bool) bool {
	return !r.Status.IsTerminal() && r.IsPaused != paused && (!paused || !r.CancelRequested)
}

// finalsBegin reports whether the tasks of finally are due now, for the first time.
func (r *Run) finalsBegin() bool {
	return r.Status == miniairflow.RunRunning && r.Outcome == "" && r.Graph.HasFinals() &&
		r.Stored.Done+r.Change.Done == r.Graph.DoneBeforeFinals()
}

// Result returns how the run ends now. Tasks of finally can make it only worse.
func (r *Run) Result() miniairflow.RunStatus {
	failed := r.Stored.Failed + r.Change.Failed
	if r.Outcome != "" && (r.Outcome != miniairflow.RunSuccess || failed == 0) {
		return r.Outcome
	}
	return miniairflow.RunResult(r.CancelRequested && r.Outcome == "", r.TimedOut, failed)
}

// Place is a task run in a run.
type Place struct {
	RunID uuid.UUID
	Seq   int
}

// Feed is how many waiting task runs of a run get a slot, and the state of the
// queue that they get. The first Share of them belong to the run's share.
type Feed struct {
	RunID uuid.UUID
	Count int
	Share int
	State string
}

// Plan is what a transaction has to write, over all runs that it moved.
type Plan struct {
	Queued  []Place // may be claimed from now on, in this order
	Held    []Place // may be claimed once their run is resumed, in this order
	Limited []Place // wait for a slot, in this order
	Asks    []Place // need a decision of Advance
	Feeds   []Feed
	Forward []Forward
	Changed []*Run // their counters changed
	Finals  []*Run // their tasks of finally begin, with the Outcome that is set
	Over    []*Run // end now, with Result
	Wakes   []Wake // may let task runs of later runs start
	Notes   []Note // that somebody wants to be told of

	behind map[Place]bool // of Queued and Held: they go behind, see SortKeys
}

// Add plans for one run after its ends, freed slots and waiting ones were noted:
// ready task runs get a slot or wait for one, the tasks of finally may begin, or
// the run may be over.
func (p *Plan) Add(r *Run, ready []Ready, asks []int) {
	if r.finalsBegin() {
		fast, others := r.Graph.Finals()
		ready, asks = append(ready, r.readyOf(fast)...), append(asks, others...)
		r.Outcome = r.Result()
		p.Finals = append(p.Finals, r)
	}
	if n := r.forward(); n > 0 {
		p.Forward = append(p.Forward, Forward{RunID: r.ID, Count: n})
	}
	queued, limited := r.admit(ready)
	p.sendBehind(r, queued[r.share(len(queued)):])
	state := QueueReady
	if r.IsPaused {
		state = QueuePaused
		p.Held = appendPlaces(p.Held, r.ID, queued)
	} else {
		p.Queued = appendPlaces(p.Queued, r.ID, queued)
	}
	p.Limited = appendPlaces(p.Limited, r.ID, limited)
	slices.Sort(asks)
	p.Asks = appendPlaces(p.Asks, r.ID, slices.Compact(asks)) // no row may be asked for twice in one statement
	if n := r.feed(); n > 0 {
		p.Feeds = append(p.Feeds, Feed{RunID: r.ID, Count: n, Share: r.share(n), State: state})
	}
	if r.Change != (Counters{}) {
		p.Changed = append(p.Changed, r)
	}
	if r.isOver() {
		p.Over = append(p.Over, r)
	}
}

// readyOf returns the tasks as ready ones.
func (r *Run) readyOf(seqs []int) []Ready {
	ready := make([]Ready, len(seqs))
	for i, seq := range seqs {
		ready[i] = Ready{Seq: seq, Priority: r.Graph.Definition.Tasks[seq].Priority}
	}
	return ready
}

func appendPlaces(places []Place, runID uuid.UUID, seqs []int) []Place {
	for _, seq := range seqs {
		places = append(places, Place{RunID: runID, Seq: seq})
	}
	return places
}

// Events returns what the plan means for those who wait: runs are those that
// the transaction touched.
func (p *Plan) Events(runs []*Run) []miniairflow.Event {
	events := make([]miniairflow.Event, 0, len(runs)+3)
	for _, r := range runs {
		events = append(events, miniairflow.Event{Topic: miniairflow.TopicRun, ID: r.ID})
	}
	if len(p.Queued)+len(p.Feeds) > 0 {
		events = append(events, miniairflow.Event{Topic: miniairflow.TopicQueue})
	}
	if len(p.Asks)+len(p.Wakes) > 0 {
		events = append(events, miniairflow.Event{Topic: miniairflow.TopicDecide})
	}
	if len(p.Over) > 0 {
		events = append(events, miniairflow.Event{Topic: miniairflow.TopicRuns})
	}
	if len(Children(p.Over)) > 0 {
		events = append(events, miniairflow.Event{Topic: miniairflow.TopicChild})
	}
	if len(p.Notes) > 0 {
		events = append(events, miniairflow.Event{Topic: miniairflow.TopicNotices})
	}
	return events
}

// ClaimEvents returns the events of an exchange: those of its finishes, and one
// for each run of its claims. The news that there is something to claim is
// taken back if the exchange itself has claimed all of it, so that the hops of
// a chain do not wake every worker. Who waits for a pool is looked at by itself.
func ClaimEvents(events []miniairflow.Event, plan *Plan, claims []miniairflow.Claim) []miniairflow.Event {
	left := make(map[Place]bool, len(plan.Queued))
	for _, p := range plan.Queued {
		left[p] = true
	}
	seen := map[uuid.UUID]bool{}
	for _, c := range claims {
		delete(left, Place{RunID: c.RunID, Seq: c.Seq})
		if !seen[c.RunID] {
			seen[c.RunID] = true
			events = append(events, miniairflow.Event{Topic: miniairflow.TopicRun, ID: c.RunID})
		}
	}
	if len(left) > 0 || len(plan.Feeds) > 0 {
		return events
	}
	return slices.DeleteFunc(events, func(e miniairflow.Event) bool { return e.Topic == miniairflow.TopicQueue })
}
