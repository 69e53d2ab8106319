package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A backfill that waits for its workflow says so, unless somebody has paused it.
func TestBackfillIsHeldByItsWorkflow(t *testing.T) {
	now, hold := time.Now(), "its workflow is paused"
	for want, v := range map[string]backfillView{
		"running":  {Status: "running"},
		"held":     {Status: "running", Hold: &hold},
		"paused":   {Status: "running", Hold: &hold, PausedAt: &now},
		"finished": {Status: "finished", FinishedAt: &now},
	} {
		require.Equal(t, want, v.state())
	}
}
