package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A backfill that waits for its workflow says so.
func TestBackfillIsHeldByItsWorkflow(t *testing.T) {
	now := time.Now()
	for want, change := range map[string]func(v *backfillView){
		"running":  func(*backfillView) {},
		"held":     func(v *backfillView) { v.Workflow.PausedAt = &now },
		"paused":   func(v *backfillView) { v.PausedAt, v.Workflow.PausedAt = &now, &now },
		"finished": func(v *backfillView) { v.Status, v.FinishedAt, v.Workflow.IsActive = "finished", &now, false },
	} {
		v := backfillView{Status: "running"}
		v.Workflow.IsActive = true
		change(&v)
		require.Equal(t, want, v.state())
	}
	inactive := backfillView{Status: "running"}
	require.Equal(t, "its workflow is not active", inactive.hold())
}
