package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// fireRowsMax bounds the rows that one transaction of FireSchedules writes.
const fireRowsMax = 500

// DueSchedules implements miniairflow.ScheduleStore.
func (s *Store) DueSchedules(ctx context.Context, limit int) (miniairflow.DueSchedules, error) {
	// Two ranges of one index; a single one over both would read all of it when
	// little is due.
	const dueText = `
		WITH due AS (
			SELECT * FROM (SELECT * FROM schedules WHERE is_active AND NOT is_finished AND next_at IS NULL LIMIT ?2 + 0)
			UNION ALL
			SELECT * FROM (SELECT * FROM schedules WHERE is_active AND NOT is_finished AND next_at <= ?1 ORDER BY next_at LIMIT ?2 + 0))
		SELECT d.workflow_id, w.name, d.version_id, d.spec, d.hash, d.params, d.next_at, d.last_at
		FROM due d JOIN workflows w ON w.id = d.workflow_id
		ORDER BY d.next_at NULLS FIRST, d.workflow_id, d.name LIMIT ?2 + 0`
	const nextText = `SELECT min(next_at) FROM schedules WHERE is_active AND NOT is_finished AND next_at > ?`
	var due miniairflow.DueSchedules
	var err error
	if due.Now, err = s.Now(ctx); err != nil {
		return due, err
	}
	if due.Due, err = query(ctx, s.read, scanCursor, dueText, micros(due.Now), max(limit, 0)); err != nil {
		return due, err
	}
	due.Next, err = queryOne(ctx, s.read, scanNullTime, nextText, micros(due.Now))
	return due, err
}

// FireSchedules implements miniairflow.ScheduleStore.
func (s *Store) FireSchedules(ctx context.Context, fires []miniairflow.Fire) (int, error) {
	moved := 0
	for _, batch := range dialect.FireBatches(fires, fireRowsMax) {
		count := 0
		err := s.inTx(ctx, func(t *tx) error {
			runs, n, err := moveCursors(ctx, t, batch)
			if err != nil {
				return fmt.Errorf("move cursors: %w", err)
			}
			count = n
			planned, err := planRuns(ctx, t, runs)
			if err != nil {
				return fmt.Errorf("plan runs: %w", err)
			}
			t.publish(dialect.Fired(planned)...)
			for _, run := range planned {
				if err := insertRun(ctx, t, run.NewRun, run.Status, run.Reason); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return moved, fmt.Errorf("fire schedules: %w", err)
		}
		moved += count
	}
	return moved, nil
}

// moveCursors moves the cursors that are still where the caller saw them, and
// returns the runs of those and how many they are.
func moveCursors(ctx context.Context, t *tx, fires []miniairflow.Fire) ([]miniairflow.NewRun, int, error) {
	const move = `
		UPDATE schedules SET next_at = ?1, is_finished = ?1 IS NULL, last_at = coalesce(?2, last_at)
		WHERE workflow_id = ?3 AND name = ?4 AND hash = ?5 AND next_at IS ?6 AND is_active AND NOT is_finished`
	var runs []miniairflow.NewRun
	moved := 0
	for _, f := range fires {
		var from any
		if f.Cursor.NextAt != nil {
			from = micros(*f.Cursor.NextAt)
		}
		done, err := t.ExecContext(ctx, move, nullMicros(f.NextAt), nullMicros(dialect.LastSlot(f)),
			f.Cursor.WorkflowID, f.Cursor.Schedule.Name(), f.Cursor.Hash, from)
		if err != nil {
			return nil, 0, err
		}
		changed, err := done.RowsAffected()
		if err != nil {
			return nil, 0, err
		}
		if changed > 0 {
			moved++
			runs = append(runs, f.Runs...)
		}
	}
	return runs, moved, nil
}

// planRuns leaves out the runs whose slot has one already and decides the state
// of the others.
func planRuns(ctx context.Context, t *tx, runs []miniairflow.NewRun) ([]dialect.PlannedRun, error) {
	const loads = `
		SELECT w.id, w.max_active_runs,
			(SELECT count(*) FROM workflow_runs r WHERE r.workflow_id = w.id AND r.status = 'pending')
			+ (SELECT count(*) FROM workflow_runs r WHERE r.workflow_id = w.id AND r.status = 'running')
		FROM workflows w WHERE w.id IN (SELECT value FROM json_each(?))`
	var wanted []miniairflow.NewRun
	var workflows list[uuid.UUID]
	for _, run := range runs {
		_, err := sameRun(ctx, t, run)
		switch {
		case errors.Is(err, miniairflow.ErrNotFound):
			wanted, workflows = append(wanted, run), append(workflows, run.WorkflowID)
		case err != nil:
			return nil, err
		}
	}
	byWorkflow := map[uuid.UUID]dialect.Load{}
	if dialect.HasSkips(wanted) {
		_, err := query(ctx, t, func(row row) (struct{}, error) {
			var id uuid.UUID
			var load dialect.Load
			if err := row.Scan(&id, &load.Max, &load.Active); err != nil {
				return struct{}{}, err
			}
			byWorkflow[id] = load
			return struct{}{}, nil
		}, loads, workflows)
		if err != nil {
			return nil, err
		}
	}
	return dialect.PlanRuns(wanted, byWorkflow), nil
}

func scanCursor(row row) (c miniairflow.ScheduleCursor, err error) {
	var params []byte
	err = row.Scan(&c.WorkflowID, &c.WorkflowName, &c.VersionID, jsonInto{&c.Schedule}, &c.Hash, &params, nullTimeInto{&c.NextAt}, nullTimeInto{&c.LastAt})
	if err != nil {
		return c, err
	}
	c.Params, err = dialect.DecodeParams(params)
	return c, err
}
