package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// Sizes of one exchange; what is more comes in the next one.
const (
	finishesMax = 200
	claimsMax   = 200
)

// restMax bounds the rest between two exchanges: it is as long as the last one took,
// while enough attempts run to keep the machine busy. What ends meanwhile shares the
// next exchange, so that many short tasks cost few commits.
const restMax = 3 * time.Millisecond

// Doubts are asked again after doubtGap, then ever more seldom.
const (
	doubtGap  = time.Second
	doubtsMax = 100
)

// refusal is a result that the store has not taken, and that is left out of the
// exchanges for a while so that it holds up no other.
type refusal struct {
	finish miniairflow.Finish
	until  time.Time
}

// doubt is an exchange of which we did not learn whether it happened. Nothing is
// claimed before it was asked for once. Even then it may still be on its way,
// so it is asked for again, now and then, until it can come no more.
type doubt struct {
	token   uuid.UUID
	until   time.Time
	next    time.Time
	gap     time.Duration // zero: not asked for yet
	started map[attemptID]bool
}

// pump reports ends and claims new tasks until the session is over. Being the
// only one that calls Exchange, it groups by itself: whatever ended during one
// call goes with the next one, and an idle worker waits for nobody.
func (s *session) pump(ctx context.Context) {
	hints := s.w.bus.SubscribeTopics(miniairflow.TopicQueue)
	defer hints.Close()
	cancels := s.w.bus.SubscribeTopics(miniairflow.TopicCancel)
	defer cancels.Close()
	trouble := s.w.streak("exchange")
	defer trouble.forget()
	for !s.over() && ctx.Err() == nil {
		clearHints(hints)
		clearHints(cancels)
		began := time.Now()
		again, err := s.exchange(ctx)
		// A heartbeat that followed the hint of a cancel may have been too early to
		// name what was claimed meanwhile.
		if len(cancels.Take()) > 0 {
			poke(s.missed)
		}
		switch {
		case errors.Is(err, miniairflow.ErrFenced):
			s.lose()
			return
		case ctx.Err() != nil:
			return
		case err != nil:
			sleep(ctx, trouble.failed(ctx, err))
		default:
			trouble.ended(ctx)
			changed := s.rest(ctx, min(time.Since(began), restMax))
			if again || changed {
				continue
			}
			// Without a free slot a hint of more work is of no use.
			work := hints.C()
			if _, free := s.load(); free == 0 {
				work = nil
			}
			waitFor(ctx, s.w.untilLook(s.w.cfg.Poll), s.changed, work)
		}
	}
}

// rest waits for d, but not longer than busy attempts are running. It reports
// whether there is something to do since.
func (s *session) rest(ctx context.Context, d time.Duration) (changed bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for s.isBusy() {
		select {
		case <-s.changed:
			changed = true
		case <-timer.C:
			return changed
		case <-ctx.Done():
			return changed
		}
	}
	return changed
}

// isBusy reports whether enough attempts run to keep the machine busy, and there is
// room for what ends.
func (s *session) isBusy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == serving && len(s.held) >= 2*runtime.GOMAXPROCS(0) && len(s.finished) < finishesMax
}

// load returns the finishes that are ready and how many more tasks may run.
// They stay ready until settled. Refused ones are ready again when their time is over.
func (s *session) load() (ready []miniairflow.Finish, free int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.refused = slices.DeleteFunc(s.refused, func(r refusal) bool {
		if now.Before(r.until) {
			return false
		}
		s.finished = append(s.finished, r.finish)
		return true
	})
	ready = slices.Clone(s.finished[:min(len(s.finished), finishesMax)])
	if s.phase == serving {
		free = min(max(s.w.cfg.Concurrency-len(s.held), 0), claimsMax)
	}
	return ready, free
}

// settle forgets finishes: the store has them.
func (s *session) settle(finishes []miniairflow.Finish) {
	settled := make(map[attemptID]bool, len(finishes))
	for _, f := range finishes {
		settled[finishID(f)] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = slices.DeleteFunc(s.finished, func(f miniairflow.Finish) bool { return settled[finishID(f)] })
}

// refuse leaves finishes out of the exchanges for a while.
func (s *session) refuse(finishes []miniairflow.Finish, gap time.Duration) {
	s.settle(finishes)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range finishes {
		s.refused = append(s.refused, refusal{finish: f, until: time.Now().Add(gap)})
	}
}

func finishID(f miniairflow.Finish) attemptID { return attemptID{f.RunID, f.Seq, f.Token} }

// exchange makes one call with all that is ready, and reports whether another
// one is worth it now.
func (s *session) exchange(ctx context.Context) (again bool, err error) {
	if err := s.clearDoubts(ctx); err != nil {
		return false, err
	}
	ready, free := s.load()
	if len(ready) == 0 && free == 0 {
		return false, nil
	}
	token := uuid.New()
	result, err := s.call(ctx, miniairflow.Exchange{
		SessionID: s.id, Finishes: ready, Queues: s.w.cfg.Queues, Limit: free, Token: token,
	})
	if err != nil {
		if free > 0 {
			s.doubts = append(s.doubts, &doubt{token: token, until: time.Now().Add(s.w.cfg.Lease), started: map[attemptID]bool{}})
		}
		if errors.Is(err, miniairflow.ErrLocked) && len(ready) > 0 {
			return true, s.reportByRun(ctx, ready)
		}
		if len(ready) == 0 || isTransient(err) || errors.Is(err, miniairflow.ErrFenced) || ctx.Err() != nil {
			return false, err
		}
		return true, s.reportSingly(ctx, ready)
	}
	s.reported(ctx, ready, result.Stale)
	for _, claim := range result.Claims {
		s.start(claim)
	}
	return free > 0 && len(result.Claims) == free || len(ready) == finishesMax, nil
}

// call is Store.Exchange with a limit: an answer later than the fence is of no use.
func (s *session) call(ctx context.Context, request miniairflow.Exchange) (miniairflow.ExchangeResult, error) {
	ctx, cancel := context.WithTimeout(ctx, s.w.cfg.Fence)
	defer cancel()
	result, err := s.w.cfg.Store.Exchange(ctx, request)
	if err != nil {
		return result, fmt.Errorf("exchange %d finishes for %d claims: %w", len(request.Finishes), request.Limit, err)
	}
	return result, nil
}

// reported notes that the store has the finishes.
func (s *session) reported(ctx context.Context, finishes []miniairflow.Finish, stale []bool) {
	s.settle(finishes)
	for i, f := range finishes {
		s.w.dirs.settled(f.RunID)
		if f.Next == miniairflow.TaskUpForRetry || f.Next == miniairflow.TaskWaiting {
			poke(s.w.retried)
		}
		if i < len(stale) && stale[i] {
			s.w.logger.WarnContext(ctx, "Worker: Result came too late and was discarded",
				"run_id", f.RunID, "seq", f.Seq, "attempt_status", f.Attempt)
		}
	}
}

// reportByRun reports the finishes of each run by itself after a lock was not to
// be had for all of them: a run that somebody holds holds up no other.
func (s *session) reportByRun(ctx context.Context, finishes []miniairflow.Finish) error {
	for len(finishes) > 0 {
		run := finishes[0].RunID
		part := slices.DeleteFunc(slices.Clone(finishes), func(f miniairflow.Finish) bool { return f.RunID != run })
		finishes = slices.DeleteFunc(slices.Clone(finishes), func(f miniairflow.Finish) bool { return f.RunID == run })
		result, err := s.call(ctx, miniairflow.Exchange{SessionID: s.id, Finishes: part, Token: uuid.New()})
		switch {
		case errors.Is(err, miniairflow.ErrLocked):
			s.w.logger.WarnContext(ctx, "Worker: Run is locked, its results wait", "run_id", run, "results", len(part), "error", err)
			s.refuse(part, s.w.cfg.Heartbeat)
		case err != nil:
			return err
		default:
			s.reported(ctx, part, result.Stale)
		}
	}
	return nil
}

// reportSingly reports the finishes one by one after the store refused them
// together, so that one that it cannot take holds up no other. That one ends
// its task as failed, without the outputs; if even that is refused, it waits.
func (s *session) reportSingly(ctx context.Context, finishes []miniairflow.Finish) error {
	isFinal := func(err error) bool {
		return err != nil && !isTransient(err) && !errors.Is(err, miniairflow.ErrFenced) && ctx.Err() == nil
	}
	for _, f := range finishes {
		one := miniairflow.Exchange{SessionID: s.id, Finishes: []miniairflow.Finish{f}, Token: uuid.New()}
		result, err := s.call(ctx, one)
		if isFinal(err) {
			s.w.logger.ErrorContext(ctx, "Worker: Result cannot be stored", "run_id", f.RunID, "seq", f.Seq, "error", err)
			failed := f
			failed.Attempt, failed.Next, failed.Delay, failed.Outputs = miniairflow.AttemptFailed, miniairflow.TaskFailed, 0, nil
			failed.Reason = "the result could not be stored: " + printable(miniairflow.ErrorMessage(err))
			one.Finishes[0] = failed
			result, err = s.call(ctx, one)
		}
		if isFinal(err) {
			s.w.logger.ErrorContext(ctx, "Worker: Nor can that it has failed, it will be tried again",
				"run_id", f.RunID, "seq", f.Seq, "error", err, "after", s.w.cfg.Lease.String())
			s.refuse([]miniairflow.Finish{f}, s.w.cfg.Lease)
			continue
		}
		if err != nil {
			return err
		}
		s.reported(ctx, one.Finishes, result.Stale)
	}
	return nil
}

// clearDoubts asks for the claims of exchanges with an unknown outcome and
// starts them. It fails only where one of them was never answered.
func (s *session) clearDoubts(ctx context.Context) error {
	now := time.Now()
	for _, token := range s.adopted() {
		s.doubts = append(s.doubts, &doubt{token: token, until: now.Add(s.w.cfg.Lease), started: map[attemptID]bool{}})
	}
	for _, d := range s.doubts {
		if now.Before(d.next) {
			continue
		}
		claims, err := s.w.cfg.Store.Claimed(ctx, d.token)
		if err != nil && d.gap == 0 {
			return fmt.Errorf("ask for claims of an unknown outcome: %w", err)
		}
		d.gap = max(2*d.gap, doubtGap)
		d.next = now.Add(d.gap)
		for _, claim := range claims {
			id := attemptID{runID: claim.RunID, seq: claim.Seq, token: claim.Token}
			if !d.started[id] {
				d.started[id] = true
				s.start(claim)
				poke(s.missed) // a cancel since the claim was asked for before this
			}
		}
	}
	s.doubts = slices.DeleteFunc(s.doubts, func(d *doubt) bool { return d.gap > 0 && now.After(d.until) })
	s.doubts = s.doubts[max(len(s.doubts)-doubtsMax, 0):]
	return nil
}
