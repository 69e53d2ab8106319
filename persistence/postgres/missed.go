package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// FindCursors implements miniairflow.ScheduleStore.
func (s *Store) FindCursors(ctx context.Context, workflowID uuid.UUID) (found miniairflow.WorkflowCursors, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		if err := t.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&found.Now); err != nil {
			return err
		}
		var err error
		if found.Cursors, err = cursorsOf(ctx, t, workflowID); err != nil {
			return err
		}
		loads := map[uuid.UUID]miniairflow.Load{}
		err = readLoads(ctx, t, []uuid.UUID{workflowID}, true, loads)
		found.Load = loads[workflowID]
		return err
	})
	return found, err
}

// cursorsOf returns the cursors of workflows that may fire again, also of those that
// stand still.
func cursorsOf(ctx context.Context, t *tx, workflowIDs ...uuid.UUID) ([]miniairflow.ScheduleCursor, error) {
	const text = `
		SELECT ` + cursorColumns + ` FROM schedules d JOIN workflows w ON w.id = d.workflow_id
		WHERE d.workflow_id = ANY($1) AND NOT d.is_finished ORDER BY d.workflow_id, d.name`
	cursors, err := collect(ctx, t, scanCursor, text, workflowIDs)
	if err != nil {
		return nil, fmt.Errorf("read cursors: %w", err)
	}
	return cursors, nil
}

// noteMissed keeps slots that have got no run. The caller has locked their cursors. A
// range that becomes longer gets a new id, since lists go by that.
func noteMissed(ctx context.Context, t *tx, missed []dialect.Missed) error {
	const text = `
		WITH input AS MATERIALIZED (
			SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::int[], $8::bool[], $9::text[], $10::text[])
				WITH ORDINALITY AS u(workflow_id, name, hash, first, last, before, slots, has_more, reason, text, place)),
		longer AS (
			UPDATE missed_slots m SET id = DEFAULT, last_slot = i.last, slots = least(m.slots + i.slots, $11::int),
				has_more = m.has_more OR i.has_more OR m.slots + i.slots > $11::int, noted_at = clock_timestamp()
			FROM input i
			WHERE m.workflow_id = i.workflow_id AND m.last_slot = i.before AND m.schedule_name = i.name AND m.hash = i.hash
				AND m.reason = i.reason AND m.text = i.text AND i.before < i.first
			RETURNING i.place)
		INSERT INTO missed_slots (workflow_id, schedule_name, hash, first_slot, last_slot, slots, has_more, reason, text, noted_at)
		SELECT workflow_id, name, hash, first, last, slots, has_more, reason, text, clock_timestamp() FROM input
		WHERE place NOT IN (SELECT place FROM longer) ORDER BY place`
	if len(missed) == 0 {
		return nil
	}
	n := len(missed)
	ids, names, hashes, counts := make([]uuid.UUID, n), make([]string, n), make([]string, n), make([]int, n)
	firsts, lasts, befores := make([]time.Time, n), make([]time.Time, n), make([]time.Time, n)
	mores, reasons, texts := make([]bool, n), make([]string, n), make([]string, n)
	for i, m := range missed {
		ids[i], names[i], hashes[i], counts[i] = m.WorkflowID, m.Schedule, m.Hash, m.Count
		firsts[i], lasts[i], befores[i] = m.First, m.Last, m.Before
		mores[i], reasons[i], texts[i] = m.HasMore, string(m.Reason), m.Text
	}
	if _, err := t.Exec(ctx, text, ids, names, hashes, firsts, lasts, befores, counts, mores, reasons, texts, miniairflow.MissedMax); err != nil {
		return fmt.Errorf("note missed slots: %w", err)
	}
	return nil
}

// noteFaults adds what triggers could not start to what is known of that, which gets a
// new id.
func noteFaults(ctx context.Context, t *tx, reason miniairflow.MissedReason, faults []dialect.Faults) error {
	const text = `
		WITH now AS MATERIALIZED (SELECT clock_timestamp() AS at)
		INSERT INTO missed_slots AS m (workflow_id, schedule_name, hash, first_slot, last_slot, slots, reason, text, noted_at)
		SELECT f.workflow_id, '', '', now.at, now.at, f.slots, $1, f.text, now.at
		FROM now, unnest($2::uuid[], $3::int[], $4::text[]) WITH ORDINALITY AS f(workflow_id, slots, text, place) ORDER BY f.place
		ON CONFLICT (workflow_id, reason) WHERE reason IN ('after_failed', 'file_failed') DO UPDATE SET
			id = DEFAULT, last_slot = greatest(m.last_slot, excluded.last_slot), slots = least(m.slots + excluded.slots, $5::int),
			has_more = m.has_more OR m.slots + excluded.slots > $5::int, text = excluded.text, noted_at = excluded.noted_at`
	if len(faults) == 0 {
		return nil
	}
	ids, counts, texts := make([]uuid.UUID, len(faults)), make([]int, len(faults)), make([]string, len(faults))
	for i, f := range faults {
		ids[i], counts[i], texts[i] = f.WorkflowID, f.Count, f.Text
	}
	if _, err := t.Exec(ctx, text, string(reason), ids, counts, texts, miniairflow.MissedMax); err != nil {
		return fmt.Errorf("note faults of triggers: %w", err)
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
	return query(ctx, s, func(row pgx.CollectableRow) (*miniairflow.MissedSlots, error) {
		m := &miniairflow.MissedSlots{}
		err := row.Scan(&m.ID, &m.WorkflowID, &m.Schedule, &m.First, &m.Last, &m.Count, &m.HasMore, &m.Reason, &m.Text, &m.NotedAt)
		return m, err
	}, text, c.args...)
}

// CountMissedSlots implements miniairflow.MissedStore.
func (s *Store) CountMissedSlots(ctx context.Context, filter miniairflow.MissedFilter, max int) (int, error) {
	c := missedConditions(filter)
	text := `SELECT count(*) FROM (SELECT FROM missed_slots WHERE ` + c.where() + alongIndex(`id DESC`) + c.limit(max) + `) counted`
	return queryOne(ctx, s, pgx.RowTo[int], text, c.args...)
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
		DELETE FROM missed_slots WHERE id = ANY(ARRAY(
			SELECT id FROM missed_slots WHERE last_slot < $1 ORDER BY last_slot LIMIT $2 FOR UPDATE SKIP LOCKED)) AND last_slot < $1`
	return s.deleteRows(ctx, "missed slots", text, endedBefore, limit)
}
