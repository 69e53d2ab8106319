package runner

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Whoever waits goes on at the end, or after a while without one.
func TestFiring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f firing
		wait := func() time.Duration {
			began := time.Now()
			f.wait(t.Context())
			return time.Since(began)
		}
		require.Zero(t, wait(), "nothing fires")
		f.begin()
		f.begin()
		time.AfterFunc(firingMax/2, func() {
			f.end()
			f.end()
		})
		require.Equal(t, firingMax/2, wait())
		require.Zero(t, wait(), "it is over")
		f.begin()
		require.Equal(t, firingMax, wait(), "it lasts")
		require.Equal(t, firingMax, wait(), "it still lasts")
	})
}

// FiringMax is firingMax for tests from outside.
const FiringMax = firingMax
