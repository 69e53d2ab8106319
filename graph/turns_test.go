package graph

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Whoever finds no turn waits until one ends, or for a while, or until nobody waits
// for the answer any more.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := newTurns()
		waited := func(ctx context.Context) (time.Duration, func()) {
			began := time.Now()
			end := all.take(ctx)
			return time.Since(began), end
		}
		var ends []func()
		for range cap(all) {
			d, end := waited(t.Context())
			require.Zero(t, d)
			ends = append(ends, end)
		}
		time.AfterFunc(turnPatience/2, ends[0])
		d, end := waited(t.Context())
		require.Equal(t, turnPatience/2, d)
		d, none := waited(t.Context())
		require.Equal(t, turnPatience, d, "slow ones hold it up no longer")
		none()
		gone, cancel := context.WithTimeout(t.Context(), turnPatience/4)
		defer cancel()
		d, none = waited(gone)
		require.Equal(t, turnPatience/4, d)
		none()
		require.Len(t, all, cap(all), "who had no turn gives none back")
		end()
		for _, end := range ends[1:] {
			end()
		}
		require.Empty(t, all)
	})
}
