package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// ViewBackfill implements miniairflow.BackfillStore.
func (s *Store) ViewBackfill(ctx context.Context, b *miniairflow.Backfill, dates []time.Time) (miniairflow.BackfillView, error) {
	view, err := viewBackfill(ctx, s.read, b, dates)
	view.Now = timeOf(now())
	return view, err
}

// viewBackfill reads what there is at dates, but for the time.
func viewBackfill(ctx context.Context, q querier, b *miniairflow.Backfill, dates []time.Time) (view miniairflow.BackfillView, err error) {
	const placeText = `SELECT next_at, since FROM schedules WHERE workflow_id = ? AND name = ? AND is_active AND NOT is_finished`
	const runsText = `
		SELECT r.id, r.number, r.status, r.logical_date, r.started_at IS NOT NULL OR r.generation > 1
		FROM json_each(?1) AS i CROSS JOIN workflow_runs r ON r.workflow_id = ?2 AND r.logical_date = i.value
		WHERE r.type <> 'child' AND (r.type = 'manual' OR r.schedule_name = ?3) AND (r.selection = '' OR r.selection = ?4)
		ORDER BY r.number`
	selection, err := dialect.EncodeSelection(b.Selection)
	if err != nil {
		return view, err
	}
	places, err := query(ctx, q, func(row row) (*miniairflow.SchedulePlace, error) {
		p := &miniairflow.SchedulePlace{}
		return p, row.Scan(nullTimeInto{&p.NextAt}, timeInto{&p.Since})
	}, placeText, b.WorkflowID, b.Schedules.Name())
	if err != nil {
		return view, fmt.Errorf("read cursor of schedule: %w", err)
	}
	if len(places) > 0 {
		view.Place = places[0]
	}
	at := make(list[int64], len(dates))
	for i, date := range dates {
		at[i] = micros(date)
	}
	view.Runs, err = query(ctx, q, func(row row) (r miniairflow.DateRun, err error) {
		err = row.Scan(&r.ID, &r.Number, &r.Status, timeInto{&r.LogicalDate}, &r.HasStarted)
		return r, err
	}, runsText, at, b.WorkflowID, b.Schedules.Name(), selection)
	return view, err
}
