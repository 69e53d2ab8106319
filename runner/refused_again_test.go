package runner

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// endless is a store that has some ends, and always refuses to start anything after the
// first so many.
type endless struct {
	miniairflow.Store
	ends    []miniairflow.AfterEnd
	refused int
}

func newEndless(refused, others int) *endless {
	e := &endless{refused: refused}
	for range refused + others {
		e.ends = append(e.ends, miniairflow.AfterEnd{RunID: uuid.New()})
	}
	return e
}

func (e *endless) AfterEnds(_ context.Context, limit int) ([]miniairflow.AfterEnd, error) {
	return slices.Clone(e.ends[:min(limit, len(e.ends))]), nil
}

func (e *endless) FindRun(_ context.Context, id uuid.UUID) (*miniairflow.WorkflowRun, error) {
	for _, end := range e.ends[:e.refused] {
		if end.RunID == id {
			return nil, errAway
		}
	}
	return nil, miniairflow.ErrNotFound
}

func (e *endless) ForgetAfterEnds(_ context.Context, ends []miniairflow.AfterEnd, _ map[miniairflow.AfterEnd]string) error {
	e.ends = slices.DeleteFunc(e.ends, func(end miniairflow.AfterEnd) bool { return slices.Contains(ends, end) })
	return nil
}

// However many ends the database always refuses, those behind them have their turn, and
// also one of them that it refuses no more. The log tells of each once.
func TestEndsThatAreAlwaysRefused(t *testing.T) {
	for _, refused := range []int{7, 2*afterBatch + 1} {
		t.Run(fmt.Sprint(refused), func(t *testing.T) {
			store, log := newEndless(refused, 3), &bytes.Buffer{}
			a := &afters{control: &miniairflow.Control{Store: store}, logger: slog.New(slog.NewTextHandler(log, nil))}
			for passes := 1; len(store.ends) > refused; passes++ {
				require.LessOrEqual(t, passes, refused/refusedMax+1)
				_, _ = a.pass(t.Context())
			}
			for range 3 {
				_, err := a.pass(t.Context())
				require.ErrorIs(t, err, errAway)
			}
			require.Equal(t, refused, strings.Count(log.String(), "No run can be started now after the end of another"))
			store.refused-- // the last of them recovers
			for passes := 1; len(store.ends) > store.refused; passes++ {
				require.LessOrEqual(t, passes, refused/refusedMax+1)
				_, _ = a.pass(t.Context())
			}
			store.refused = 0
			wait, err := a.pass(t.Context())
			require.NoError(t, err)
			require.Equal(t, unknown, wait)
			require.Empty(t, store.ends)
		})
	}
}

// However many files the database always refuses, those behind them have their turn, in
// whatever workflow they are, and the log tells of each once.
func TestFilesThatAreAlwaysRefused(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, inner miniairflow.Store) {
		log, isOver := &bytes.Buffer{}, false
		store := &meddled{Store: inner, createRun: func(run *miniairflow.NewRun) error {
			if !isOver && strings.Contains(run.Cause.Detail, "bad") {
				return errAway
			}
			return nil
		}}
		folders := map[string]string{}
		for _, name := range []string{"a", "b", "c", "d"} {
			folders[name] = t.TempDir()
			watching(t, inner, name, folders[name])
		}
		a := arrivalsOf(t, store, log)
		requirePass(t, a, time.Millisecond) // it has the lease
		requirePass(t, a, time.Millisecond) // the watches begin
		bad := []string{"bad-1", "bad-2", "bad-3", "bad-4", "bad-5", "bad-6", "bad-7"}
		for name := range folders {
			arriveIn(t, folders[name], bad...)
		}
		arriveIn(t, folders["a"], "good")
		arriveIn(t, folders["d"], "good")
		started := func() int {
			count, err := inner.CountRuns(t.Context(), miniairflow.RunFilter{}, 1000)
			require.NoError(t, err)
			return count
		}
		for passes := 0; started() < 2; passes++ {
			require.Less(t, passes, 20)
			_, _ = a.pass(t.Context())
		}
		for range 20 {
			_, err := a.pass(t.Context())
			require.ErrorIs(t, err, errAway)
		}
		require.Equal(t, len(folders)*len(bad), strings.Count(log.String(), "No run can be started now for a file"))
		isOver = true
		_, err := a.pass(t.Context())
		require.NoError(t, err)
		requireRuns(t, inner, len(folders)*len(bad)+2)
	})
}

// Of the files of a workflow that somebody holds one waits, and not all of them one after
// the other.
func TestFilesOfAHeldWorkflowWaitTogether(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, inner miniairflow.Store) {
		folder, log, tries := t.TempDir(), &bytes.Buffer{}, 0
		watching(t, inner, "load", folder)
		store := &meddled{Store: inner, createRun: func(*miniairflow.NewRun) error {
			tries++
			return errHeld
		}}
		a := arrivalsOf(t, store, log)
		requirePass(t, a, time.Millisecond) // it has the lease
		requirePass(t, a, time.Millisecond) // the watch begins
		arriveIn(t, folder, "a", "b", "c")
		requirePass(t, a, runRetryDelay)
		requirePass(t, a, runRetryDelay)
		require.Equal(t, 2, tries)
		require.Equal(t, 1, strings.Count(log.String(), "No run can be started now for a file"))
		store.createRun = nil
		requirePass(t, a, unknown)
		requireRuns(t, inner, 3)
	})
}
