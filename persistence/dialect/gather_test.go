package dialect_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// patience bounds waits for what must come, and tick is the time between two looks.
const (
	patience = 20 * time.Second
	tick     = time.Millisecond
)

// gated is a Gather of numbers whose transactions begin, and end, when the test says so.
type gated struct {
	dialect.Gather[int]
	begun  chan []int
	finish chan error
}

func newGated(t *testing.T, most int) *gated {
	g := &gated{begun: make(chan []int), finish: make(chan error)}
	g.Size, g.Most = func(n int) int { return n }, most
	g.Do = func(ctx context.Context, parts []int) error {
		g.begun <- parts
		select {
		case err := <-g.finish:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	t.Cleanup(g.Wait)
	return g
}

// call hands a number over on a goroutine of its own.
func (g *gated) call(ctx context.Context, n int) <-chan error {
	outcome := make(chan error, 1)
	go func() { outcome <- g.Call(ctx, n) }()
	return outcome
}

func TestWhatComesMeanwhileSharesATransaction(t *testing.T) {
	g := newGated(t, 100)
	first := g.call(t.Context(), 1)
	require.Equal(t, []int{1}, <-g.begun)
	var others []<-chan error
	for n := 2; n <= 5; n++ {
		others = append(others, g.call(t.Context(), n))
	}
	require.Eventually(t, func() bool { return g.Waiting() == 4 }, patience, tick)
	select {
	case err := <-others[0]:
		require.Fail(t, "it is not stored yet", "%v", err)
	default:
	}
	g.finish <- nil
	require.NoError(t, <-first)
	require.ElementsMatch(t, []int{2, 3, 4, 5}, <-g.begun)
	g.finish <- nil
	for _, other := range others {
		require.NoError(t, <-other)
	}
}

func TestTransactionIsBounded(t *testing.T) {
	g := newGated(t, 10)
	calls := []<-chan error{g.call(t.Context(), 1)}
	require.Equal(t, []int{1}, <-g.begun)
	for _, n := range []int{20, 4, 6, 1} {
		waiting := g.Waiting()
		calls = append(calls, g.call(t.Context(), n))
		require.Eventually(t, func() bool { return g.Waiting() == waiting+1 }, patience, tick)
	}
	for _, want := range [][]int{{20}, {4, 6}, {1}} {
		g.finish <- nil
		require.Equal(t, want, <-g.begun)
	}
	g.finish <- nil
	for _, call := range calls {
		require.NoError(t, <-call)
	}
}

func TestPartThatFailsHoldsUpNoOther(t *testing.T) {
	bad := errors.New("bad")
	for name, test := range map[string]struct {
		err   error
		tries int // of the transaction with all, and of each
	}{
		"a fault of one":                        {bad, 1 + 3},
		"a database that is away is asked once": {miniairflow.Errorf(miniairflow.CodeUnavailable, "away"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int64
			hold, begun := make(chan struct{}), make(chan struct{})
			g := &dialect.Gather[int]{Size: func(int) int { return 1 }, Most: 10}
			g.Do = func(_ context.Context, parts []int) error {
				if slices.Contains(parts, 0) {
					close(begun)
					<-hold
					return nil
				}
				tries.Add(1)
				if slices.Contains(parts, 2) {
					return test.err
				}
				return nil
			}
			outcomes := make([]chan error, 4)
			for n := range outcomes {
				outcomes[n] = make(chan error, 1)
				go func() { outcomes[n] <- g.Call(t.Context(), n) }()
				if n == 0 {
					<-begun
				}
			}
			require.Eventually(t, func() bool { return g.Waiting() == 3 }, patience, tick)
			close(hold)
			require.NoError(t, <-outcomes[0])
			require.ErrorIs(t, <-outcomes[2], test.err)
			for _, n := range []int{1, 3} {
				if err := <-outcomes[n]; test.tries > 1 {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, test.err)
				}
			}
			g.Wait()
			require.EqualValues(t, test.tries, tries.Load())
		})
	}
}

// Whoever gives up is free at once, and a transaction that nobody waits for any
// more is given up too.
func TestWhoGivesUpIsFree(t *testing.T) {
	g := newGated(t, 100)
	ctx, cancel := context.WithCancel(t.Context())
	first := g.call(ctx, 1)
	<-g.begun
	waits, leave := context.WithCancel(t.Context())
	second := g.call(waits, 2)
	require.Eventually(t, func() bool { return g.Waiting() == 1 }, patience, tick)
	leave()
	require.ErrorIs(t, <-second, context.Canceled)
	third := g.call(t.Context(), 3)
	require.Eventually(t, func() bool { return g.Waiting() == 2 }, patience, tick)
	cancel()
	require.ErrorIs(t, <-first, context.Canceled)
	require.Equal(t, []int{3}, <-g.begun, "the one before has ended by itself, and nobody waits for the second")
	g.finish <- nil
	require.NoError(t, <-third)
	require.ErrorIs(t, g.Call(ctx, 4), context.Canceled)
}

// A transaction goes on as long as one of those who are part of it waits.
func TestOneWhoGivesUpEndsNoOther(t *testing.T) {
	g := newGated(t, 100)
	first := g.call(t.Context(), 1)
	<-g.begun
	ctx, cancel := context.WithCancel(t.Context())
	gone, stays := g.call(ctx, 2), g.call(t.Context(), 3)
	require.Eventually(t, func() bool { return g.Waiting() == 2 }, patience, tick)
	g.finish <- nil
	require.NoError(t, <-first)
	require.Len(t, <-g.begun, 2)
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled)
	g.finish <- nil
	require.NoError(t, <-stays)
}

func TestPanicIsAnOutcome(t *testing.T) {
	g := &dialect.Gather[int]{Size: func(int) int { return 1 }, Most: 1}
	g.Do = func(context.Context, []int) error { panic("oops") }
	require.ErrorContains(t, g.Call(t.Context(), 1), "oops")
	g.Wait()
}
