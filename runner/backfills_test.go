package runner_test

import (
	"context"
	"errors"
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

// immortal is a store that refuses to cancel some runs.
type immortal struct {
	miniairflow.Store
	ids map[uuid.UUID]bool
	err error
}

func (i *immortal) CancelRun(ctx context.Context, cancel miniairflow.Cancel) (*miniairflow.WorkflowRun, error) {
	if i.ids[cancel.RunID] {
		return nil, i.err
	}
	return i.Store.CancelRun(ctx, cancel)
}

// Abandoned runs that cannot be cancelled hide no others, however many they are and
// whatever is wrong with them.
func TestAbandonedRunsThatCannotEndHideNoOther(t *testing.T) {
	for name, c := range map[string]struct {
		count int
		fault error
	}{
		"broken":  {52, errors.New("it is broken")},
		"refused": {7, miniairflow.Errorf(miniairflow.CodeUnavailable, "it takes too long")},
	} {
		t.Run(name, func(t *testing.T) {
			persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
				s := newSystem(t, store)
				s.load(map[string]string{"w.yaml": "schedule: 0 * * * *\ntasks: {a: {noop: true}}"})
				b, _, err := s.control.CreateBackfill(t.Context(), miniairflow.BackfillRequest{
					Workflow: "w", From: "2026-03-04T00:00:00Z", To: "2026-03-06T05:00:00Z", Mode: miniairflow.BackfillAll, Order: miniairflow.BackfillOldest,
					Concurrency: 60, By: miniairflow.Actor{Name: "test"},
				})
				require.NoError(t, err)
				for moved := true; moved; {
					moved, err = s.control.AdvanceBackfill(t.Context(), b)
					require.NoError(t, err)
				}
				_, err = store.CancelBackfill(t.Context(), b.ID, false, miniairflow.Actor{Name: "test"})
				require.NoError(t, err)
				all, err := store.AbandonedRuns(t.Context(), 100)
				require.NoError(t, err)
				require.Len(t, all, 54)
				bad := &immortal{Store: store, ids: map[uuid.UUID]bool{}, err: c.fault}
				for _, id := range all[:c.count] {
					bad.ids[id] = true
				}
				s.store = bad
				s.scheduler()
				s.await("the end of the others", func() bool {
					left, err := store.AbandonedRuns(t.Context(), 100)
					require.NoError(t, err)
					return len(left) == c.count
				})
				require.Equal(t, miniairflow.RunCancelled, s.run(all[53]).Status)
			})
		})
	}
}
