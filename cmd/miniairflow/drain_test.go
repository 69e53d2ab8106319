package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// TestWorker_DrainedEnds holds that the process of a worker ends, as if all were
// well, after an operator has drained it.
func TestWorker_DrainedEnds(t *testing.T) {
	database := persistencetest.EmptyPostgresURL(t)
	worker := start(t, "worker", "--id", "w1", "--database-url", database, "--dags", t.TempDir())
	home := t.TempDir()
	require.Eventually(t, func() bool {
		var out bytes.Buffer
		return run(t.Context(), []string{"workers", "drain", "w1", "--home", home, "--database-url", database}, stdio{out: &out, err: &out}) == exitOK
	}, patience, 10*time.Millisecond, "worker says: %s", worker.said)
	require.Equal(t, exitOK, worker.exitCode(t), "%s", worker.said)
	require.Contains(t, worker.said.String(), "Worker: Drained")
}
