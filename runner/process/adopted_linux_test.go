package process_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/runner/process"
)

// Processes that lost their parents and have died do not stay in the process
// table while their command runs, nor after it.
func TestAdoptedProcessesAreReaped(t *testing.T) {
	g := process.NewGuardian(process.Config{})
	t.Cleanup(g.Close)
	out := &output{}
	p, err := g.Start(t.Context(), bash(t, "for i in $(seq 20); do (sh -c 'sleep 0.2' &); done; echo $PPID; sleep 60 & wait", out))
	require.NoError(t, err)
	t.Cleanup(func() { p.Stop(0) })
	require.Eventually(t, func() bool { return strings.HasSuffix(out.String(), "\n") }, generous, time.Millisecond)
	guardian := number(t, out.String())
	requireNoZombies(t, guardian)
	p.Stop(time.Minute)
	requireNoZombies(t, guardian)
}

// requireNoZombies waits until a process has no dead children.
func requireNoZombies(t *testing.T, parent int) {
	t.Helper()
	require.Eventually(t, func() bool {
		entries, err := os.ReadDir("/proc")
		require.NoError(t, err)
		for _, entry := range entries {
			stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
			if err != nil {
				continue
			}
			fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
			if fields[1] == strconv.Itoa(parent) && (fields[0] == "Z" || isSleep(stat)) {
				return false
			}
		}
		return true
	}, generous, 10*time.Millisecond)
}

// isSleep reports whether a process is one of those that are to be adopted and to end.
func isSleep(stat []byte) bool { return strings.Contains(string(stat), "(sleep)") }
