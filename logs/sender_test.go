package logs

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A line behind a full chunk waits no longer than one alone, also where more is
// gathered because something was stored a moment ago.
func TestLateOutputIsStoredWhole(t *testing.T) {
	q := newQueue(100, 1000, nil)
	s := &sender{cfg: WriterConfig{FlushInterval: time.Millisecond}, queue: q, stored: time.Now().Add(time.Hour)}
	n, _ := q.add([]byte(strings.Repeat("x", 100) + "prompt: "))
	require.Equal(t, 108, n)
	last, isLate := s.await()
	require.False(t, last)
	require.True(t, isLate)
	taken := q.take(last || isLate)
	require.Len(t, taken.chunks, 1)
	require.Equal(t, "prompt: ", string(taken.rest))
}
