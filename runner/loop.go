package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// Defaults of the settings that several parts share.
const (
	PollDefault  = 2 * time.Second
	LeaseDefault = 30 * time.Second
)

// Delays between the tries of something that fails.
const (
	retryDelayMin = 100 * time.Millisecond
	retryDelayMax = 5 * time.Second
)

// unknown is the wait of a pass that knows of nothing to come.
const unknown = time.Duration(math.MaxInt64)

// loop is one duty, done for ever: at once, then whenever something hints that
// there is work, and in any case every poll at least, since a hint may be lost.
type loop struct {
	name   string
	topics []miniairflow.Topic
	poll   time.Duration
	kick   <-chan struct{} // a hint from within the process; may be nil
	// pass does all work there is now. It returns how long until there is more
	// by what it knows, or unknown.
	pass func(ctx context.Context) (time.Duration, error)
}

// loops runs loops over one store and knows whether any of them fails.
type loops struct {
	bus     *miniairflow.Bus
	logger  *slog.Logger
	pulse   *Pulse
	failing atomic.Int32
}

// run does the loop's duty until ctx ends. It never gives up: after an error it
// waits, longer each time up to retryDelayMax, and tries again.
func (l *loops) run(ctx context.Context, loop loop) {
	hints := l.bus.SubscribeTopics(loop.topics...)
	defer hints.Close()
	trouble := l.streak(loop.name)
	defer trouble.forget()
	for ctx.Err() == nil {
		clearHints(hints)
		wait, err := l.try(ctx, loop)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			sleep(ctx, trouble.failed(ctx, err))
		default:
			trouble.ended(ctx)
			waitFor(ctx, min(wait, l.untilLook(loop.poll)), hints.C(), loop.kick)
		}
	}
}

// try makes one pass. A panic is its failure like any other: one workflow or run
// that the code cannot stand must not end the process, and with it all others.
func (l *loops) try(ctx context.Context, loop loop) (wait time.Duration, err error) {
	err = safely(func() (err error) {
		wait, err = loop.pass(ctx)
		return err
	})
	return wait, err
}

// safely returns a panic as an error.
func safely(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return do()
}

// untilLook returns how long to wait for the next look of looks that are to be at
// most poll apart. Those that are closer together than the beats of the process
// are at random times.
func (l *loops) untilLook(poll time.Duration) time.Duration {
	if poll < l.pulse.gap {
		return jitter(poll)
	}
	return l.pulse.Wait(poll)
}

// healthy reports whether the last pass of every loop succeeded.
func (l *loops) healthy() bool { return l.failing.Load() == 0 }

// streak is a row of failures without a success between them: it spaces the
// tries, and makes an outage two lines of log and not thousands. One goroutine
// owns it.
type streak struct {
	of       string // what fails, for the log
	logger   *slog.Logger
	failing  *atomic.Int32 // counts the streaks that last
	failures int
}

// streak returns an empty streak that counts for healthy.
func (l *loops) streak(of string) streak {
	return streak{of: of, logger: l.logger, failing: &l.failing}
}

// failed counts a failure and returns how long to wait before the next try.
func (s *streak) failed(ctx context.Context, err error) time.Duration {
	s.failures++
	level := slog.LevelDebug
	if s.failures == 1 {
		level = slog.LevelWarn
		s.failing.Add(1)
	}
	s.logger.Log(ctx, level, "Runner: Try failed, will be repeated", "of", s.of, "error", err, "failures", s.failures)
	delay := retryDelayMax
	if s.failures < 16 {
		delay = min(retryDelayMin<<(s.failures-1), retryDelayMax)
	}
	return jitter(delay)
}

// ended notes a success.
func (s *streak) ended(ctx context.Context) {
	if s.failures > 0 {
		s.logger.InfoContext(ctx, "Runner: Works again", "of", s.of, "failures", s.failures)
	}
	s.forget()
}

// forget ends the streak without a success: nobody tries any more.
func (s *streak) forget() {
	if s.failures > 0 {
		s.failing.Add(-1)
	}
	s.failures = 0
}

// jitter returns a random duration between half of d and d, so that processes
// that started together do not stay in step.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1)
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) { waitFor(ctx, d, nil, nil) }

// waitFor waits for d, a value of one of the channels, or the end of ctx.
func waitFor(ctx context.Context, d time.Duration, first, second <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-first:
	case <-second:
	}
}

// until returns how long it is until the given time of the database's clock,
// and at least a millisecond; unknown for nil.
func until(ctx context.Context, store miniairflow.Store, t *time.Time) (time.Duration, error) {
	if t == nil {
		return unknown, nil
	}
	now, err := store.Now(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the database's time: %w", err)
	}
	return max(t.Sub(now), time.Millisecond), nil
}

// sooner is until for who has to look again after wait in any case.
func sooner(ctx context.Context, store miniairflow.Store, t *time.Time, wait time.Duration) (time.Duration, error) {
	next, err := until(ctx, store, t)
	return min(next, wait), err
}

// clearHints forgets the hints that the coming look for work answers anyway.
func clearHints(s *miniairflow.Subscription) {
	select {
	case <-s.C():
	default:
	}
	s.Take()
}

// poke sends a hint to a loop without waiting; one that is there already is enough.
func poke(kick chan<- struct{}) {
	select {
	case kick <- struct{}{}:
	default:
	}
}

// isTransient reports whether a store call may succeed if it is repeated as it
// is. A call that ran into our own time limit counts as one.
func isTransient(err error) bool {
	return miniairflow.ErrorCode(err) == miniairflow.CodeUnavailable || errors.Is(err, context.DeadlineExceeded)
}

// or returns value, or standard if value is zero.
func or[T comparable](value, standard T) T {
	var zero T
	if value == zero {
		return standard
	}
	return value
}
