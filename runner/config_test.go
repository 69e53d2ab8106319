package runner

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whatever the grace time is, the last process is killed before the lease ends.
func TestFenceLeavesTimeToKill(t *testing.T) {
	standard, err := WorkerConfig{}.withDefaults()
	require.NoError(t, err)
	require.Less(t, standard.Fence+standard.Grace, standard.Lease)

	patient, err := WorkerConfig{Grace: time.Minute, Lease: 2 * time.Minute}.withDefaults()
	require.NoError(t, err)
	require.Equal(t, 48*time.Second, patient.Fence)
	require.Equal(t, 20*time.Second, patient.Heartbeat)

	_, err = WorkerConfig{Grace: time.Minute}.withDefaults()
	require.ErrorContains(t, err, "a lease must outlast several heartbeats and the grace time")
}
