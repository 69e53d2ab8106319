package persistencetest_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// spoil makes a run one that the database refuses to change: no end of its first
// task can be counted by the second any more.
func (db *database) spoil(runID uuid.UUID) {
	db.Helper()
	text := `UPDATE task_runs SET up_total = 0 WHERE seq = 1 AND workflow_run_id = '` + runID.String() + `'`
	db.change(map[string]string{"sqlite": text, "postgres": text})
}

// What is done for many runs at once is done for the others when one of them
// cannot be changed, and that one is the error.
func TestSpoiltRunHoldsUpNoOther(t *testing.T) {
	pair := func(name string) *miniairflow.Definition {
		first := task("first")
		first.OnLost = miniairflow.LostFail
		first.QueueTimeout = miniairflow.Duration(time.Hour)
		return definition(name, first, task("second", "first"))
	}
	for _, c := range []struct {
		name string
		call func(t *testing.T, db *database) error
	}{
		{name: "reap", call: func(t *testing.T, db *database) error {
			w := db.worker("w")
			require.Len(t, w.claim(2), 2)
			require.NoError(t, db.EndSession(t.Context(), w.id, ""))
			_, err := db.Reap(t.Context(), 10)
			return err
		}},
		{name: "expire", call: func(t *testing.T, db *database) error {
			db.change(map[string]string{
				"sqlite": `UPDATE task_queue SET expires_at = 1`, "postgres": `UPDATE task_queue SET expires_at = now() - interval '1 hour'`,
			})
			_, _, err := db.FailExpired(t.Context(), 10)
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				bad, good := db.start(pair("bad")), db.start(pair("good"))
				db.spoil(bad.ID)
				require.Error(t, c.call(t, db))
				require.Equal(t, miniairflow.TaskFailed, db.task(good.ID, 0).Status)
				db.decide()
				require.Equal(t, miniairflow.TaskUpstreamFailed, db.task(good.ID, 1).Status)
				require.NotEqual(t, miniairflow.TaskFailed, db.task(bad.ID, 0).Status)
			})
		})
	}
}
