package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// FindCursors implements miniairflow.ScheduleStore.
func (s *Store) FindCursors(ctx context.Context, workflowID uuid.UUID) (miniairflow.WorkflowCursors, error) {
	cursors, err := cursorsOf(ctx, s.read, workflowID)
	if err != nil {
		return miniairflow.WorkflowCursors{}, err
	}
	loads := map[uuid.UUID]miniairflow.Load{}
	err = readLoads(ctx, s.read, list[uuid.UUID]{workflowID}, true, loads)
	return miniairflow.WorkflowCursors{Now: timeOf(now()), Cursors: cursors, Load: loads[workflowID]}, err
}

// cursorsOf returns the cursors of workflows that may fire again, also of those that
// stand still.
func cursorsOf(ctx context.Context, q querier, workflowIDs ...uuid.UUID) ([]miniairflow.ScheduleCursor, error) {
	const text = `
		SELECT ` + cursorColumns + ` FROM schedules d JOIN workflows w ON w.id = d.workflow_id
		WHERE d.workflow_id IN (SELECT value FROM json_each(?)) AND NOT d.is_finished ORDER BY d.workflow_id, d.name`
	cursors, err := query(ctx, q, scanCursor, text, list[uuid.UUID](workflowIDs))
	if err != nil {
		return nil, fmt.Errorf("read cursors: %w", err)
	}
	return cursors, nil
}

// noteMissed keeps slots that have got no run. A range that becomes longer gets a new id,
// since lists go by that.
func noteMissed(ctx context.Context, t *tx, missed []dialect.Missed) error {
	const longer = `
		UPDATE missed_slots SET id = (SELECT max(id) + 1 FROM missed_slots),
			last_slot = ?1, slots = min(slots + ?2, ?3), has_more = has_more OR ?12 OR slots + ?2 > ?3, noted_at = ?4
		WHERE id = (SELECT max(+id) FROM missed_slots
			WHERE workflow_id = ?5 AND last_slot = ?6 AND schedule_name = ?7 AND hash = ?8 AND reason = ?9 AND text = ?10 AND ?6 < ?11)`
	const into = `
		INSERT INTO missed_slots (workflow_id, schedule_name, hash, first_slot, last_slot, slots, has_more, reason, text, noted_at)`
	var rows [][]any
	for _, m := range missed {
		done, err := t.ExecContext(ctx, longer, micros(m.Last), m.Count, miniairflow.MissedMax, t.now,
			m.WorkflowID, micros(m.Before), m.Schedule, m.Hash, m.Reason, m.Text, micros(m.First), m.HasMore)
		if err != nil {
			return fmt.Errorf("add missed slots: %w", err)
		}
		added, err := done.RowsAffected()
		if err != nil {
			return err
		}
		if added == 0 {
			rows = append(rows, []any{m.WorkflowID, m.Schedule, m.Hash, micros(m.First), micros(m.Last), m.Count, m.HasMore, m.Reason, m.Text, t.now})
		}
	}
	if err := insertRows(ctx, t, into, rows, ""); err != nil {
		return fmt.Errorf("note missed slots: %w", err)
	}
	return nil
}

// noteFaults adds what triggers could not start to what is known of that, which gets a
// new id.
func noteFaults(ctx context.Context, t *tx, reason miniairflow.MissedReason, faults []dialect.Faults) error {
	const text = `
		INSERT INTO missed_slots (workflow_id, schedule_name, hash, first_slot, last_slot, slots, reason, text, noted_at)
		VALUES (?1, '', '', ?2, ?2, ?3, ?4, ?5, ?2)
		ON CONFLICT (workflow_id, reason) WHERE reason IN ('after_failed', 'file_failed') DO UPDATE SET
			id = (SELECT max(id) + 1 FROM missed_slots), last_slot = max(last_slot, excluded.last_slot), slots = min(slots + excluded.slots, ?6),
			has_more = has_more OR slots + excluded.slots > ?6, text = excluded.text, noted_at = excluded.noted_at`
	for _, f := range faults {
		if _, err := t.ExecContext(ctx, text, f.WorkflowID, t.now, f.Count, reason, f.Text, miniairflow.MissedMax); err != nil {
			return fmt.Errorf("note faults of triggers: %w", err)
		}
	}
	return nil
}

// FindMissedSlots implements miniairflow.MissedStore.
func (s *Store) FindMissedSlots(ctx context.Context, filter miniairflow.MissedFilter) ([]*miniairflow.MissedSlots, error) {
	c := missedConditions(filter)
	if filter.Before != 0 {
		c.add(`id < ?`, filter.Before)
	}
	text := `
		SELECT id, workflow_id, schedule_name, first_slot, last_slot, slots, has_more, reason, text, noted_at FROM missed_slots
		WHERE ` + c.where() + ` ORDER BY id DESC` + c.limit(dialect.PageLimit(filter.Limit))
	return query(ctx, s.read, func(row row) (*miniairflow.MissedSlots, error) {
		m := &miniairflow.MissedSlots{}
		err := row.Scan(&m.ID, &m.WorkflowID, &m.Schedule, timeInto{&m.First}, timeInto{&m.Last}, &m.Count, &m.HasMore, &m.Reason, &m.Text, timeInto{&m.NotedAt})
		return m, err
	}, text, c.args...)
}

// CountMissedSlots implements miniairflow.MissedStore.
func (s *Store) CountMissedSlots(ctx context.Context, filter miniairflow.MissedFilter, max int) (int, error) {
	c := missedConditions(filter)
	text := `SELECT count(*) FROM (SELECT 1 FROM missed_slots WHERE ` + c.where() + c.limit(max) + `) counted`
	return queryOne(ctx, s.read, scanOne[int], text, c.args...)
}

// missedConditions returns what a filter means, but for its page.
func missedConditions(filter miniairflow.MissedFilter) *conditions {
	c := &conditions{}
	if filter.WorkflowID != uuid.Nil {
		c.add(`workflow_id = ?`, filter.WorkflowID)
	}
	return c
}

// DeleteMissedSlots implements miniairflow.MissedStore.
func (s *Store) DeleteMissedSlots(ctx context.Context, endedBefore time.Time, limit int) (int, error) {
	const text = `
		DELETE FROM missed_slots WHERE id IN (SELECT id FROM missed_slots WHERE last_slot < ? ORDER BY last_slot LIMIT ? + 0)`
	return s.deleteRows(ctx, "missed slots", text, micros(endedBefore), max(limit, 0))
}
