package action_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func TestApprovalAsksOnceAndTimesOut(t *testing.T) {
	in := waitFor(t, miniairflow.Wait{})
	in.Task = &miniairflow.Task{Name: "ok", Timeout: miniairflow.Duration(36 * time.Hour), Approval: &miniairflow.Approval{Message: "Load 7 rows?"}}
	result, log := run(t, in)
	require.Equal(t, "waits for approval: Load 7 rows?", result.Reason)
	require.Equal(t, "miniairflow: waits for approval: Load 7 rows?\n", log)
	require.Equal(t, 24*time.Hour, result.Again.After)
	in = later(t, in, result)
	result, log = run(t, in)
	require.Empty(t, log)
	require.Equal(t, 12*time.Hour, result.Again.After)
	in = later(t, in, result)
	result, _ = run(t, in)
	require.Equal(t, miniairflow.AttemptTimedOut, result.Status)
	require.Equal(t, "timed out after 36h0m0s: nobody has answered", result.Reason)
}
