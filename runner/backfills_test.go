package runner_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// busy is a store in which somebody always holds the locks of one backfill.
type busy struct {
	miniairflow.Store
	id uuid.UUID
}

func (b *busy) AdvanceBackfill(ctx context.Context, id uuid.UUID, plan miniairflow.BackfillPlan) (bool, error) {
	if id == b.id {
		return false, &miniairflow.Error{Code: miniairflow.CodeUnavailable, Message: "the database is busy with the same thing", Err: miniairflow.ErrLocked}
	}
	return b.Store.AdvanceBackfill(ctx, id, plan)
}

// A backfill whose workflow is locked holds up no other, and a date whose run cannot be
// made holds up none before it.
func TestBackfillsHoldUpNoOther(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		held := &busy{Store: store}
		s := newSystem(t, held)
		s.load(map[string]string{"w.yaml": `
schedule: 0 * * * *
params:
  hour: {type: string, enum: ["00", "01", "03"], default: "${{ formatDate(run.logical_date, '%H') }}"}
tasks: {a: {noop: true}}
`})
		var made []*miniairflow.Backfill
		for range 2 {
			b, _, err := s.control.CreateBackfill(t.Context(), miniairflow.BackfillRequest{
				Workflow: "w", From: "2026-03-04T00:00:00Z", To: "2026-03-04T03:00:00Z", Mode: miniairflow.BackfillAll, Order: miniairflow.BackfillOldest,
				Concurrency: 10, By: miniairflow.Actor{Name: "test"},
			})
			require.NoError(t, err)
			made = append(made, b)
		}
		held.id = made[0].ID
		s.scheduler()
		var found *miniairflow.Backfill
		s.await("the date that has no run", func() bool {
			var err error
			found, err = store.FindBackfill(t.Context(), made[1].ID)
			require.NoError(t, err)
			return found.Problem != ""
		})
		require.Contains(t, found.Problem, "2026-03-04T02:00:00Z: param \"hour\"")
		require.Equal(t, [2]int{2, 0}, [2]int{found.Created, found.LeftAlone})
	})
}
