package runner

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// outageMax is how long tasks go on while the database server is proven to be down.
const outageMax = 5 * time.Minute

// phase is how far a session is. It only rises.
type phase int

const (
	serving  phase = iota // takes new tasks
	draining              // lets its tasks finish
	ending                // its tasks are being ended; results are still reported
	fenced                // the store takes nothing from it any more
)

// session is the time for which a worker is known to the store under one id.
// Its goroutines are the pump, which owns all exchanges, the heartbeats, and
// one for each attempt; they share what mu guards.
type session struct {
	w  *Worker
	id uuid.UUID

	attempts context.Context // parent of every attempt's
	endAll   context.CancelCauseFunc
	owned    context.Context // ends when the store takes nothing from the session any more, or nobody waits for that
	disown   context.CancelFunc
	running  sync.WaitGroup // of the attempts' goroutines
	changed  chan struct{}  // tells the pump of a finish or a new phase
	missed   chan struct{}  // tells the heartbeats of claims that may have missed a cancel
	ends     chan struct{}  // closed when the tasks are being ended
	late     chan struct{}  // closed when the fence has passed
	left     chan struct{}  // closed when nobody waits for the session any more
	doubts   []*doubt       // of the pump, no one else's

	mu       sync.Mutex
	phase    phase
	why      miniairflow.EndReason // it ends
	held     map[attemptID]*attempt
	finished []miniairflow.Finish    // not reported yet, oldest first
	refused  []refusal               // the same, but left alone for a while
	lastBeat time.Time               // start of the last good heartbeat
	lastGood time.Time               // the same, or of a later proof that the server is down for everybody
	dropped  map[attemptID]time.Time // ended here without a result: not to be taken up again
	strange  map[attemptID]bool      // that the last heartbeat told of and nobody here knows
	adopt    []uuid.UUID             // tokens of such ones, for the pump to ask for
}

// attemptID names an attempt that this session holds.
type attemptID struct {
	runID uuid.UUID
	seq   int
	token uuid.UUID
}

// attempt is one attempt that runs here.
type attempt struct {
	claim    miniairflow.Claim
	cancel   context.CancelCauseFunc
	owned    context.Context // ends when others may run its task, and nothing of it is taken any more
	disown   context.CancelFunc
	notAfter func() time.Time // the fence: nothing of it may start later
	files    string           // the directory of its workflow's files; empty: it has none of its own
	later    []func()         // to be done when its end was handed on; of its goroutine alone
}

func (a *attempt) id() attemptID {
	return attemptID{runID: a.claim.RunID, seq: a.claim.Seq, token: a.claim.Token}
}

// newSession returns a session that the store knows since began.
func newSession(w *Worker, id uuid.UUID, began time.Time) *session {
	s := &session{
		w: w, id: id, lastBeat: began, lastGood: began, dropped: map[attemptID]time.Time{},
		changed: make(chan struct{}, 1), missed: make(chan struct{}, 1),
		ends: make(chan struct{}), late: make(chan struct{}), left: make(chan struct{}),
		held: map[attemptID]*attempt{},
	}
	s.attempts, s.endAll = context.WithCancelCause(context.Background())
	s.owned, s.disown = context.WithCancel(context.Background())
	return s
}

// run serves until the session is over: fenced, past its own fence, drained by
// an operator, or ctx has ended, and its tasks too. Attempts that do not end when
// they are told to are left behind.
func (s *session) run(ctx context.Context) {
	defer s.disown()
	beats, stopBeats := context.WithCancel(s.owned)
	defer stopBeats()
	closed := make(chan struct{})
	var helpers sync.WaitGroup
	helpers.Go(func() { s.watchStop(ctx, closed) })
	helpers.Go(func() { s.watchFence(closed) })
	helpers.Go(func() { s.watchEnd(closed, stopBeats) })
	helpers.Go(func() { s.heartbeats(beats) })

	s.pump(s.owned)
	s.awaitAttempts()
	close(closed)
	stopBeats()
	helpers.Wait()
	s.endAll(nil)
	if s.at() < fenced {
		s.bid(ctx)
	}
}

// at returns the phase.
func (s *session) at() phase {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase
}

// raise enters phase p and reports whether it did: a later one may have been
// reached before.
func (s *session) raise(p phase) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase >= p {
		return false
	}
	if s.phase < ending && p >= ending {
		close(s.ends)
	}
	s.phase = p
	poke(s.changed)
	return true
}

// untilFence returns how long the last good heartbeat still allows tasks to run.
func (s *session) untilFence() time.Duration {
	return time.Until(s.fence())
}

// fence returns the time after which nothing of this session may start, as of now.
func (s *session) fence() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastGood.Add(s.w.cfg.Fence)
}

// over reports whether there is nothing left to do: all tasks ended, all
// results reported, but for those that the store refuses, which then are lost.
func (s *session) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == fenced || s.phase >= draining && len(s.held) == 0 && len(s.finished) == 0
}

// start begins a claimed attempt. Past the fence it does not: the attempt ends
// as lost when the session does.
func (s *session) start(claim miniairflow.Claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase >= ending || time.Since(s.lastGood) >= s.w.cfg.Fence || s.knows(attemptID{claim.RunID, claim.Seq, claim.Token}) {
		return
	}
	ctx, cancel := context.WithCancelCause(s.attempts)
	a := &attempt{claim: claim, cancel: cancel, notAfter: s.fence}
	a.owned, a.disown = context.WithCancel(s.owned)
	s.held[a.id()] = a
	s.running.Go(func() {
		finish, done := s.w.perform(ctx, a)
		given := errors.Is(context.Cause(ctx), action.ErrLost) || a.owned.Err() != nil
		cancel(nil)
		a.disown()
		s.ended(a, finish, done)
		if !done && !given {
			// Its process was lost here, and so were all others of this session: it
			// ends, so that they start anew at once.
			s.end(miniairflow.EndGuardianDied)
		}
		s.w.tidy(s.attempts, a)
	})
}

// ended takes the end of an attempt. Without done there is nothing to report.
func (s *session) ended(a *attempt, finish miniairflow.Finish, done bool) {
	s.mu.Lock()
	delete(s.held, a.id())
	if done {
		s.finished = append(s.finished, finish)
	} else {
		s.dropped[a.id()] = time.Now()
	}
	s.mu.Unlock()
	poke(s.changed)
}

// knows reports whether the attempt runs here, has ended here, or was given up
// here. The caller holds mu.
func (s *session) knows(id attemptID) bool {
	return s.held[id] != nil || !s.dropped[id].IsZero() ||
		slices.ContainsFunc(s.finished, func(f miniairflow.Finish) bool { return id == finishID(f) }) ||
		slices.ContainsFunc(s.refused, func(r refusal) bool { return id == finishID(r.finish) })
}

// alive notes a heartbeat that succeeded and was begun at the given time.
func (s *session) alive(began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastBeat, s.lastGood = began, began
}

// outage notes a proof, begun at the given time, that the server is down. Nobody
// can take our tasks while it is, and after it every reaper counts from anew: so
// tasks may go on, though not for ever.
func (s *session) outage(began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if began.Sub(s.lastBeat) < outageMax {
		s.lastGood = began
	}
}

// reconcile looks at the open attempts of this session that a heartbeat was not
// told to be held. One alone may be a claim that is just arriving; of one that is
// still strange at the next heartbeat the reply was lost, and the pump asks for it.
func (s *session) reconcile(unknown []miniairflow.HeldAttempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.strange
	s.strange = make(map[attemptID]bool, len(unknown))
	for _, h := range unknown {
		id := attemptID{h.RunID, h.Seq, h.Token}
		if s.knows(id) {
			continue
		}
		s.strange[id] = true
		if before[id] && !slices.Contains(s.adopt, h.Token) {
			s.adopt = append(s.adopt, h.Token)
			poke(s.changed)
		}
	}
	// What the store has not told of for so long is not open any more.
	maps.DeleteFunc(s.dropped, func(id attemptID, at time.Time) bool {
		return time.Since(at) > 2*s.w.cfg.Lease && !slices.ContainsFunc(unknown, func(h miniairflow.HeldAttempt) bool {
			return id == attemptID{h.RunID, h.Seq, h.Token}
		})
	})
}

// adopted returns the tokens that the pump is to ask for, and forgets them.
func (s *session) adopted() []uuid.UUID {
	s.mu.Lock()
	defer s.mu.Unlock()
	tokens := s.adopt
	s.adopt = nil
	return tokens
}
