package persistencetest_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// More workflows than one transaction starts, with more tasks than it writes, and
// one of them that cannot be started: all runs of the others start, each once, and
// the limit ends it in the middle.
func TestStartManyWorkflows(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		var good []uuid.UUID
		var broken uuid.UUID
		for i := range 130 {
			d := definition(fmt.Sprintf("w%d", i), wide(8)...)
			d.MaxActiveRuns = 2
			v := db.sync(d)
			for range 2 {
				if run := db.trigger(v).ID; i != 70 {
					good = append(good, run)
				} else {
					db.unstartable(run)
					broken = v.WorkflowID
				}
			}
		}
		first, err := db.StartRuns(t.Context(), 33)
		require.NoError(t, err)
		require.Len(t, first, 33)
		rest, err := db.StartRuns(t.Context(), 1000)
		require.ErrorContains(t, err, broken.String())
		require.ElementsMatch(t, good, append(first, rest...))
		require.Equal(t, len(good)*8, db.number(`SELECT count(*) FROM task_runs`))
		require.Equal(t, len(good)*8, db.number(`SELECT count(*) FROM task_queue WHERE state = 'ready'`))
	})
}
