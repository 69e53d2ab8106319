package runner

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// faultyStarts is a store in which the runs of some workflows cannot start.
type faultyStarts struct {
	miniairflow.RunStore
	faults miniairflow.StartFaults
	asked  [][]uuid.UUID // what each call was to leave out
	err    error
}

func (f *faultyStarts) StartRuns(_ context.Context, _ int, without ...uuid.UUID) ([]uuid.UUID, error) {
	f.asked = append(f.asked, without)
	if f.err != nil {
		return nil, f.err
	}
	faults := miniairflow.StartFaults{}
	for id, err := range f.faults {
		if !slices.Contains(without, id) {
			faults[id] = err
		}
	}
	return nil, faults.OrNil()
}

// A workflow whose runs cannot start does not keep the duty from its next pass, and is
// left alone for a while; shortly, if it is only held.
func TestStartsThatFailAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken, held := uuid.New(), uuid.New()
		store := &faultyStarts{faults: miniairflow.StartFaults{broken: errBroken, held: errHeld}}
		s := &starts{store: store, firing: &firing{}, logger: slog.New(slog.DiscardHandler), shelf: shelf[uuid.UUID]{}}
		pass := func() time.Duration {
			wait, err := s.pass(t.Context())
			require.NoError(t, err)
			return wait
		}
		require.Equal(t, runRetryDelay, pass())
		pass()
		require.ElementsMatch(t, []uuid.UUID{broken, held}, store.asked[1])
		sleep(t.Context(), runRetryDelay)
		pass()
		require.Equal(t, []uuid.UUID{broken}, store.asked[2])
		sleep(t.Context(), runShelfTime)
		clear(store.faults)
		require.Equal(t, unknown, pass())
		require.Empty(t, store.asked[3])
		store.err = errAway
		_, err := s.pass(t.Context())
		require.ErrorIs(t, err, errAway)
	})
}
