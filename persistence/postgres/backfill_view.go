package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// ViewBackfill implements miniairflow.BackfillStore.
func (s *Store) ViewBackfill(ctx context.Context, b *miniairflow.Backfill, dates []time.Time) (miniairflow.BackfillView, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	view, err := viewBackfill(ctx, b, dates, s.pool)
	return view, mapError(err)
}

// batcher is a transaction, or a pool.
type batcher interface {
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
}

// viewBackfill reads what there is at dates.
func viewBackfill(ctx context.Context, b *miniairflow.Backfill, dates []time.Time, on batcher) (view miniairflow.BackfillView, err error) {
	const placeText = `
		SELECT clock_timestamp(), s.next_at, s.since
		FROM (SELECT 1) AS one LEFT JOIN schedules s ON s.workflow_id = $1 AND s.name = $2 AND s.is_active AND NOT s.is_finished`
	const runsText = `
		SELECT r.id, r.number, r.status, r.logical_date, r.started_at IS NOT NULL OR r.generation > 1
		FROM unnest($1::timestamptz[]) AS i(at) JOIN workflow_runs r ON r.workflow_id = $2 AND r.logical_date = i.at
		WHERE r.type <> 'child' AND (r.type = 'manual' OR r.schedule_name = $3) AND (r.selection = '' OR r.selection = $4)
		ORDER BY r.number`
	selection, err := dialect.EncodeSelection(b.Selection)
	if err != nil {
		return view, err
	}
	batch := &pgx.Batch{}
	batch.Queue(placeText, b.WorkflowID, b.Schedules.Name()).QueryRow(func(row pgx.Row) error {
		var next, since *time.Time
		err := row.Scan(&view.Now, &next, &since)
		if since != nil {
			view.Place = &miniairflow.SchedulePlace{NextAt: next, Since: *since}
		}
		return err
	})
	batch.Queue(runsText, dates, b.WorkflowID, b.Schedules.Name(), selection).Query(func(rows pgx.Rows) (err error) {
		view.Runs, err = pgx.CollectRows(rows, pgx.RowToStructByPos[miniairflow.DateRun])
		return err
	})
	if err := on.SendBatch(ctx, batch).Close(); err != nil {
		return view, fmt.Errorf("look at the dates: %w", err)
	}
	return view, nil
}
