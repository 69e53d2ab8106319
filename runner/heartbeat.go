package runner

import (
	"context"
	"errors"
	"time"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// heartbeatGap is the least time between two heartbeats, however many cancels
// are asked for.
const heartbeatGap = 50 * time.Millisecond

// heartbeats keeps the session alive until ctx ends, and learns in return which
// attempts are to be cancelled and which are not ours any more. A cancel that
// is hinted at is asked for at once; without the hint the next beat brings it.
func (s *session) heartbeats(ctx context.Context) {
	hints := s.w.bus.SubscribeTopics(miniairflow.TopicCancel)
	defer hints.Close()
	trouble := s.w.streak("heartbeat")
	defer trouble.forget()
	wait, last := s.w.cfg.Heartbeat, time.Now()
	for {
		hint := hints.C()
		if trouble.failures > 0 {
			hint = nil // a hint must not defeat the backoff
		}
		s.awaitBeat(ctx, s.w.pulse.Wait(wait), hint)
		if rest := heartbeatGap - time.Since(last); rest > 0 {
			sleep(ctx, rest)
		}
		if ctx.Err() != nil {
			return
		}
		clearHints(hints)
		err := s.beat(ctx)
		last = time.Now()
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, miniairflow.ErrFenced):
			s.lose()
			return
		case err != nil:
			wait = min(trouble.failed(ctx, err), s.w.cfg.Heartbeat)
		default:
			trouble.ended(ctx)
			wait = s.w.cfg.Heartbeat
		}
	}
}

// awaitBeat waits for d, a hint of a cancel, claims that may have missed one, or
// the end.
func (s *session) awaitBeat(ctx context.Context, d time.Duration, hint <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-hint:
	case <-s.missed:
	}
}

// beat makes one heartbeat and follows its answer.
func (s *session) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.w.cfg.Fence/2)
	defer cancel()
	began := time.Now()
	answer, err := s.w.cfg.Store.Heartbeat(ctx, s.id, s.holds(), s.w.cfg.Lease)
	if errors.Is(err, miniairflow.ErrServerDown) {
		s.outage(began)
	}
	if err != nil {
		return err
	}
	s.alive(began)
	s.reconcile(answer.Unknown)
	s.cancel(answer.Cancel)
	s.release(answer.NotOwned)
	if answer.Draining {
		s.w.drained.Store(true)
		s.raise(draining)
	}
	return nil
}

// holds returns the attempts that run here.
func (s *session) holds() []miniairflow.HeldAttempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := make([]miniairflow.HeldAttempt, 0, len(s.held))
	for id := range s.held {
		held = append(held, miniairflow.HeldAttempt{RunID: id.runID, Seq: id.seq, Token: id.token})
	}
	return held
}

// cancel ends those of the attempts that still run here.
func (s *session) cancel(attempts []miniairflow.HeldAttempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range attempts {
		if a := s.held[attemptID{runID: h.RunID, seq: h.Seq, token: h.Token}]; a != nil {
			a.cancel(action.ErrCancelled)
		}
	}
}

// release ends those of the attempts that still run here: they are not ours any
// more, also where they were cancelled before.
func (s *session) release(attempts []miniairflow.HeldAttempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range attempts {
		if a := s.held[attemptID{runID: h.RunID, seq: h.Seq, token: h.Token}]; a != nil {
			a.disown()
			a.cancel(action.ErrLost)
		}
	}
}
