package runner

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// brittle panics where it looks for the run with its ID, and finds no other.
type brittle struct {
	miniairflow.Store
	id     uuid.UUID
	looked []uuid.UUID
}

func (b *brittle) FindRun(_ context.Context, id uuid.UUID) (*miniairflow.WorkflowRun, error) {
	b.looked = append(b.looked, id)
	if id == b.id {
		panic("no such thing")
	}
	return nil, miniairflow.ErrNotFound
}

// An end that the code cannot stand holds up no other.
func TestAfterEndThatPanics(t *testing.T) {
	t.Parallel()
	first, second := uuid.New(), uuid.New()
	store := &brittle{id: first}
	a := &afters{control: &miniairflow.Control{Store: store}, logger: slog.New(slog.DiscardHandler)}
	done, faults, err := a.start(t.Context(), []miniairflow.AfterEnd{{RunID: first}, {RunID: second}})
	require.NoError(t, err)
	require.Len(t, done, 2)
	require.Equal(t, map[miniairflow.AfterEnd]string{
		{RunID: first}: "run " + first.String() + " started none: internal error; the scheduler's log has the details",
	}, faults)
	require.Equal(t, []uuid.UUID{first, second, first}, store.looked)
}
