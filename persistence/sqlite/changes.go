package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// RunChanges implements miniairflow.RunStore. The cursor is the last number
// that a transaction took; there is one writer, so no smaller one comes later.
// The cursor and the rows therefore must come from one snapshot.
func (s *Store) RunChanges(ctx context.Context, runID uuid.UUID, since int64) (miniairflow.RunChanges, error) {
	const cursorText = `SELECT value FROM revision`
	const runText = `SELECT ` + runColumns + ` FROM ` + runTables + ` WHERE r.id = ?`
	const tasksText = `
		SELECT ` + taskRunColumns + ` FROM task_runs t
		WHERE t.workflow_run_id = ? AND t.changed > ? ORDER BY t.seq`
	var changes miniairflow.RunChanges
	err := s.inSnapshot(ctx, func(q querier) error {
		var err error
		if changes.Revision, err = queryOne(ctx, q, scanOne[int64], cursorText); err != nil {
			return err
		}
		if changes.Run, err = queryOne(ctx, q, scanRun, runText, runID); err != nil {
			return err
		}
		changes.TaskRuns, err = query(ctx, q, scanTaskRun, tasksText, runID, since)
		return err
	})
	if err != nil {
		return miniairflow.RunChanges{}, err
	}
	changes.Revision = max(changes.Revision, since)
	return changes, nil
}

// inSnapshot runs do in a transaction that only reads, and so sees one state.
func (s *Store) inSnapshot(ctx context.Context, do func(q querier) error) error {
	t, err := s.read.begin(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return mapError(err)
	}
	defer func() { s.read.learn(ctx, t.unknown) }()
	err = do(t)
	if end := t.Rollback(); !errors.Is(end, sql.ErrTxDone) {
		err = errors.Join(err, end)
	}
	return mapError(err)
}
