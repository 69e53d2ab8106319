package runner

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// runLoop runs a loop for the given time of a synctest bubble and returns when
// each of its passes began, counted from the start.
func runLoop(t *testing.T, l *loops, duty loop, length time.Duration) []time.Duration {
	t.Helper()
	start := time.Now()
	var passes []time.Duration
	work := duty.pass
	duty.pass = func(ctx context.Context) (time.Duration, error) {
		passes = append(passes, time.Since(start))
		return work(ctx)
	}
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	l.run(ctx, duty)
	return passes
}

func newLoops(log *bytes.Buffer) *loops {
	return &loops{bus: &miniairflow.Bus{}, logger: slog.New(slog.NewTextHandler(log, nil)), pulse: NewPulse()}
}

func nothing(context.Context) (time.Duration, error) { return unknown, nil }

func TestLoopThatPollsOftenDoesSoWithJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		passes := runLoop(t, newLoops(&bytes.Buffer{}), loop{poll: time.Second, pass: nothing}, time.Minute)
		require.Zero(t, passes[0])
		gaps := map[time.Duration]bool{}
		for i := 1; i < len(passes); i++ {
			gap := passes[i] - passes[i-1]
			require.GreaterOrEqual(t, gap, time.Second/2)
			require.LessOrEqual(t, gap, time.Second)
			gaps[gap] = true
		}
		require.Greater(t, len(gaps), 10, "gaps must differ")
	})
}

func TestLoopSleepsUntilTheKnownTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		due := func(context.Context) (time.Duration, error) { return 10 * time.Millisecond, nil }
		passes := runLoop(t, newLoops(&bytes.Buffer{}), loop{poll: time.Second, pass: due}, 95*time.Millisecond)
		require.Len(t, passes, 10)
	})
}

func TestLoopWakesOnHint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoops(&bytes.Buffer{})
		kick := make(chan struct{}, 1)
		go func() {
			sleep(t.Context(), 100*time.Millisecond)
			l.bus.Publish(miniairflow.Event{Topic: miniairflow.TopicLog}, miniairflow.Event{Topic: miniairflow.TopicQueue})
			sleep(t.Context(), 100*time.Millisecond)
			poke(kick)
		}()
		duty := loop{topics: []miniairflow.Topic{miniairflow.TopicQueue}, kick: kick, poll: time.Hour, pass: nothing}
		passes := runLoop(t, l, duty, time.Second)
		require.Equal(t, []time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond}, passes)
	})
}

func TestLoopBacksOffAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := newLoops(&log)
		away := time.Now().Add(time.Minute)
		var sick, well bool
		pass := func(context.Context) (time.Duration, error) {
			if time.Now().Before(away) {
				// Hints must not shorten the wait after an error.
				l.bus.Publish(miniairflow.Event{Topic: miniairflow.TopicAll})
				sick = sick || !l.healthy()
				return 0, errors.New("database is away")
			}
			well = l.healthy()
			return unknown, nil
		}
		passes := runLoop(t, l, loop{name: "duty", poll: time.Second, pass: pass}, 80*time.Second)
		require.True(t, sick)
		require.True(t, well)
		require.True(t, l.healthy())
		early := 0
		for i, at := range passes[:len(passes)-1] {
			require.LessOrEqual(t, passes[i+1]-at, retryDelayMax)
			if at < time.Minute {
				early++
			}
		}
		require.Less(t, early, 40, "the tries must become rare")
		require.Equal(t, 1, strings.Count(log.String(), "database is away"), "one outage, one line")
		require.Equal(t, 1, strings.Count(log.String(), "Works again"))
	})
}

func TestStreakDelays(t *testing.T) {
	l := newLoops(&bytes.Buffer{})
	s := l.streak("test")
	limit := retryDelayMin
	for range 1000 {
		delay := s.failed(t.Context(), errors.New("no"))
		require.Greater(t, delay, time.Duration(0))
		require.LessOrEqual(t, delay, limit)
		limit = min(2*limit, retryDelayMax)
	}
	require.False(t, l.healthy())
	s.forget()
	require.True(t, l.healthy())
	require.LessOrEqual(t, s.failed(t.Context(), errors.New("no")), retryDelayMin)
}

func TestLoopOutlivesAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		passes := 0
		panicking := func(context.Context) (time.Duration, error) {
			if passes++; passes == 1 {
				panic("this run is beyond me")
			}
			return unknown, nil
		}
		runLoop(t, newLoops(&log), loop{name: "duty", poll: time.Second, pass: panicking}, 10*time.Second)
		require.Greater(t, passes, 5)
		require.Contains(t, log.String(), "this run is beyond me")
		require.Contains(t, log.String(), "Works again")
	})
}
