//go:build linux || darwin

package process

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A guardian that ends waits for the children that are being made, and lets no
// other begin.
func TestNothingBeginsAtTheEnd(t *testing.T) {
	s := &server{jobs: map[uint64]*job{}, starting: map[uint64]int{}}
	require.NoError(t, s.begin(&job{frame: frame{ID: 1}}, 1))
	require.False(t, s.isIdle())
	s.isOver.Store(true)
	require.ErrorIs(t, s.begin(&job{frame: frame{ID: 2}}, 2), errStopped)
	require.NotContains(t, s.starting, uint64(2))
}

func TestWhatIsLateOrRefusedDoesNotBegin(t *testing.T) {
	s := &server{jobs: map[uint64]*job{}, starting: map[uint64]int{}}
	require.ErrorIs(t, s.begin(&job{frame: frame{Latest: sinceBoot() - time.Second}}, 1), errTooLate)
	require.ErrorIs(t, s.begin(&job{phase: startRefused}, 1), errStopped)
	require.True(t, s.isIdle())
	require.NoError(t, s.begin(&job{frame: frame{Latest: sinceBoot() + time.Hour}}, 1))
}
