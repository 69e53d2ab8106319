package postgres

import (
	"context"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
)

// RunChanges implements miniairflow.RunStore. The cursor is the oldest
// transaction that was still open when the rows were read: whatever it and
// later ones write has a higher or equal number, however late they commit. The
// cursor and the rows therefore must come from one snapshot.
func (s *Store) RunChanges(ctx context.Context, runID uuid.UUID, since int64) (miniairflow.RunChanges, error) {
	const cursorText = `SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint`
	const runText = `SELECT ` + runColumns + ` FROM ` + runTables + ` WHERE r.id = $1`
	const tasksText = `
		SELECT ` + taskRunColumns + ` FROM task_runs t
		WHERE t.workflow_run_id = $1 AND t.changed >= $2::text::xid8 ORDER BY t.seq`
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	var changes miniairflow.RunChanges
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(t pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(cursorText).QueryRow(func(row pgx.Row) error { return row.Scan(&changes.Revision) })
		batch.Queue(runText, runID).Query(func(rows pgx.Rows) (err error) {
			changes.Run, err = pgx.CollectExactlyOneRow(rows, scanRun)
			return err
		})
		batch.Queue(tasksText, runID, strconv.FormatInt(max(since, 0), 10)).Query(func(rows pgx.Rows) (err error) {
			changes.TaskRuns, err = pgx.CollectRows(rows, scanTaskRun)
			return err
		})
		return t.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return miniairflow.RunChanges{}, mapError(err)
	}
	changes.Revision = max(changes.Revision, since)
	return changes, nil
}
