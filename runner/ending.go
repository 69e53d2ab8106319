package runner

import (
	"context"
	"time"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// farewell is how long a session that ends because its process does may try to
// report the last results, beyond the time that ending tasks takes.
const farewell = 5 * time.Second

// bid ends the session in the store and gives back what it still holds there,
// so that the tasks which were ended here start elsewhere at once.
func (s *session) bid(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	s.mu.Lock()
	why := or(s.why, miniairflow.EndStopped)
	s.mu.Unlock()
	err := s.w.cfg.Store.EndSession(ctx, s.id, why)
	if err == nil {
		_, err = reapAll(ctx, s.w.cfg.Store)
	}
	if err != nil {
		s.w.logger.WarnContext(ctx, "Worker: Session left to its lease", "session", s.id, "error", err)
	}
}

// watchStop drains the session when ctx ends, ends its tasks when that takes
// too long, and leaves the session when the store does not answer then.
func (s *session) watchStop(ctx context.Context, closed <-chan struct{}) {
	select {
	case <-closed:
		return
	case <-ctx.Done():
	}
	s.raise(draining)
	drain := time.NewTimer(s.w.cfg.DrainTimeout)
	defer drain.Stop()
	select {
	case <-closed:
		return
	case <-drain.C:
		s.w.logger.WarnContext(s.attempts, "Worker: Drain timeout is over, ending all tasks", "session", s.id, "running", len(s.holds()))
	case <-s.late:
	case <-s.w.abort:
	}
	s.end(miniairflow.EndStopped)
	last := time.NewTimer(s.w.cfg.Grace + farewell)
	defer last.Stop()
	select {
	case <-closed:
	case <-last.C:
		s.abandon()
	}
}

// watchEnd bounds how long the session lives on after it began to end its tasks.
// One attempt that does not end must not keep the others from being lost, for
// nobody takes them while this session beats, nor the worker from new ones; nor must
// one that still tidies up. Where nothing but results is left they are still offered:
// a lease without beats soon frees the others.
func (s *session) watchEnd(closed <-chan struct{}, stopBeats context.CancelFunc) {
	select {
	case <-closed:
		return
	case <-s.ends:
	}
	limit := time.NewTimer(s.w.cfg.Grace + s.w.cfg.EndTimeout)
	defer limit.Stop()
	select {
	case <-closed:
		return
	case <-limit.C:
	}
	stopBeats()
	if len(s.holds()) > 0 || s.over() {
		s.abandon()
	}
}

// abandon makes nobody wait for the session any longer. It is called once by
// each of two goroutines at most.
func (s *session) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.left:
		return
	default:
	}
	s.w.logger.ErrorContext(s.attempts, "Worker: Session does not end and is left behind, its attempts become lost",
		"session", s.id, "running", len(s.held), "unreported", len(s.finished))
	close(s.left)
	s.disown()
}

// awaitAttempts waits for the attempts, but for those that are left behind.
func (s *session) awaitAttempts() {
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-s.left:
	}
}

// end ends every task of the session. Their attempts are not reported: they
// become lost, and the tasks run again elsewhere.
func (s *session) end(why miniairflow.EndReason) {
	s.mu.Lock()
	s.why = or(s.why, why)
	s.mu.Unlock()
	s.raise(ending)
	s.endAll(action.ErrLost)
}

// watchFence ends every task when for Fence neither a heartbeat has succeeded nor
// the server was proven to be down: others may soon believe this worker dead, so
// nothing of it may run any longer. Results that were ready before are still
// reported, if the store comes back in time.
func (s *session) watchFence(closed <-chan struct{}) {
	timer := time.NewTimer(s.untilFence())
	defer timer.Stop()
	for {
		select {
		case <-closed:
			return
		case <-timer.C:
		}
		if left := s.untilFence(); left > 0 {
			timer.Reset(left)
			continue
		}
		if s.at() < ending {
			s.w.logger.WarnContext(s.attempts, "Worker: No contact with the database, ending all tasks",
				"session", s.id, "fence", s.w.cfg.Fence.String())
		}
		close(s.late)
		s.end(miniairflow.EndContactLost)
		return
	}
}

// lose is called when the store has said that the session is over.
func (s *session) lose() {
	if s.raise(fenced) {
		s.w.logger.WarnContext(s.attempts, "Worker: Session was ended by others, ending all tasks", "session", s.id)
		s.disown()
		s.endAll(action.ErrLost)
	}
}
