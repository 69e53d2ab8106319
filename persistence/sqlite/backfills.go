package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// backfillColumns are what scanBackfill reads, from backfillTables.
const (
	backfillColumns = `b.id, b.workflow_id, w.name, b.version_id, b.name, b.hash, b.entries, b.from_at, b.to_at, b.mode, b.direction, b.concurrency,
		b.params, b.selection, b.status, b.paused_at, b.keeps_runs, b.problem, b.total, b.created, b.left_alone, b.cursor_at,
		b.created_by, b.reason, b.created_at, b.finished_at`
	backfillTables = `backfills b JOIN workflows w ON w.id = b.workflow_id`
	// backfillOpen counts the runs of a backfill that are not over.
	backfillOpen = `(SELECT count(*) FROM workflow_runs r WHERE r.backfill_id = b.id AND r.is_awaited AND r.type = 'backfill')`
)

// scanBackfill reads backfillColumns, and what more is asked for.
func scanBackfill(row row, more ...any) (*miniairflow.Backfill, error) {
	b := &miniairflow.Backfill{}
	var entries, params []byte
	var selection string
	err := row.Scan(append([]any{
		&b.ID, &b.WorkflowID, &b.WorkflowName, &b.VersionID, &b.Name, &b.Hash, &entries,
		timeInto{&b.From},
		timeInto{&b.To},
		&b.Mode, &b.Order, &b.Concurrency, &params, &selection, &b.Status,
		nullTimeInto{&b.PausedAt},
		&b.KeepsRuns, &b.Problem,
		&b.Total, &b.Created, &b.LeftAlone,
		nullTimeInto{&b.Cursor},
		&b.By, &b.Reason,
		timeInto{&b.CreatedAt},
		nullTimeInto{&b.FinishedAt},
	}, more...)...)
	if err != nil {
		return nil, err
	}
	return b, dialect.DecodeBackfill(b, entries, params, selection)
}

func scanPlainBackfill(row row) (*miniairflow.Backfill, error) { return scanBackfill(row) }

// CreateBackfill implements miniairflow.BackfillStore.
func (s *Store) CreateBackfill(ctx context.Context, b miniairflow.Backfill, by miniairflow.Actor) (*miniairflow.Backfill, bool, error) {
	var found *miniairflow.Backfill
	var created bool
	err := s.inTx(ctx, func(t *tx) error {
		created = false
		retired, err := queryOne(ctx, t, scanOne[bool], `SELECT retired_at IS NOT NULL FROM workflows WHERE id = ?`, b.WorkflowID)
		if err != nil {
			return fmt.Errorf("read workflow: %w", err)
		}
		if found, err = sameBackfill(ctx, t, b); err == nil || !errors.Is(err, miniairflow.ErrNotFound) {
			return err
		}
		if retired {
			return dialect.WorkflowRetired()
		}
		const countText = `SELECT count(*) FROM backfills WHERE workflow_id = ? AND status = 'running'`
		running, err := queryOne(ctx, t, scanOne[int], countText, b.WorkflowID)
		if err != nil {
			return fmt.Errorf("count backfills: %w", err)
		}
		if running >= miniairflow.BackfillsMax {
			return dialect.TooManyBackfills()
		}
		if err := insertBackfill(ctx, t, b, by); err != nil {
			return fmt.Errorf("save backfill: %w", err)
		}
		created = true
		found, err = backfillByID(ctx, t, b.ID)
		return err
	})
	return found, created, err
}

// sameBackfill returns the backfill that there is already for what b asks, or
// ErrNotFound.
func sameBackfill(ctx context.Context, t *tx, b miniairflow.Backfill) (*miniairflow.Backfill, error) {
	const text = `SELECT ` + backfillColumns + ` FROM ` + backfillTables + ` WHERE b.id = ?1 OR b.workflow_id = ?2 AND b.name = ?3 LIMIT 1`
	found, err := queryOne(ctx, t, scanPlainBackfill, text, b.ID, b.WorkflowID, b.Name)
	if err == nil && found.ID != b.ID && found.Hash != b.Hash {
		return nil, dialect.BackfillExists(b.Name)
	}
	return found, err
}

func insertBackfill(ctx context.Context, t *tx, b miniairflow.Backfill, by miniairflow.Actor) error {
	const text = `
		INSERT INTO backfills (id, workflow_id, version_id, name, hash, entries, from_at, to_at, mode, direction, concurrency, params, selection,
			status, total, created_by, reason, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'running', ?, ?, ?, ?)`
	encoded, err := dialect.EncodeBackfill(&b)
	if err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, text, b.ID, b.WorkflowID, b.VersionID, b.Name, b.Hash, encoded.Entries, micros(b.From), micros(b.To), b.Mode, b.Order,
		b.Concurrency, encoded.Params, encoded.Selection, b.Total, dialect.Text(by.Name), dialect.Text(by.Reason), t.now); err != nil {
		return err
	}
	t.publish(miniairflow.Event{Topic: miniairflow.TopicRuns})
	return audit(ctx, t, by, dialect.Audited{Action: miniairflow.AuditCreateBackfill, BackfillID: &b.ID, WorkflowID: &b.WorkflowID})
}

func backfillByID(ctx context.Context, q querier, id uuid.UUID) (*miniairflow.Backfill, error) {
	return queryOne(ctx, q, scanPlainBackfill, `SELECT `+backfillColumns+` FROM `+backfillTables+` WHERE b.id = ?`, id)
}

// SetBackfillPaused implements miniairflow.BackfillStore.
func (s *Store) SetBackfillPaused(ctx context.Context, id uuid.UUID, paused bool, by miniairflow.Actor) (*miniairflow.Backfill, error) {
	const text = `UPDATE backfills SET paused_at = CASE WHEN ?2 THEN ?3 END, problem = '' WHERE id = ?1`
	action := miniairflow.AuditResumeBackfill
	if paused {
		action = miniairflow.AuditPauseBackfill
	}
	return s.changeBackfill(ctx, id, action, by, func(t *tx, b *dialect.AdvancingBackfill) (bool, error) {
		if !b.TakesPause(paused) {
			return false, nil
		}
		_, err := t.ExecContext(ctx, text, id, paused, t.now)
		return true, err
	})
}

// CancelBackfill implements miniairflow.BackfillStore.
func (s *Store) CancelBackfill(ctx context.Context, id uuid.UUID, keepRuns bool, by miniairflow.Actor) (*miniairflow.Backfill, error) {
	return s.changeBackfill(ctx, id, miniairflow.AuditCancelBackfill, by, func(t *tx, b *dialect.AdvancingBackfill) (bool, error) {
		if b.Status != miniairflow.BackfillRunning {
			return false, nil
		}
		return true, endBackfill(ctx, t, id, miniairflow.BackfillCancelled, keepRuns, "")
	})
}

// endBackfill ends a backfill that is running. Whoever ends abandoned runs looks for
// those of a cancelled one.
func endBackfill(ctx context.Context, t *tx, id uuid.UUID, status miniairflow.BackfillStatus, keepRuns bool, problem string) error {
	const text = `UPDATE backfills SET status = ?2, keeps_runs = ?3, problem = ?4, paused_at = NULL, finished_at = ?5 WHERE id = ?1 AND status = 'running'`
	t.publish(miniairflow.Event{Topic: miniairflow.TopicCancel, ID: id})
	_, err := t.ExecContext(ctx, text, id, status, keepRuns, problem, t.now)
	return err
}

// changeBackfill changes a backfill for somebody. change reports whether it did.
func (s *Store) changeBackfill(
	ctx context.Context, id uuid.UUID, action miniairflow.AuditAction, by miniairflow.Actor,
	change func(t *tx, b *dialect.AdvancingBackfill) (bool, error),
) (*miniairflow.Backfill, error) {
	var found *miniairflow.Backfill
	err := s.inTx(ctx, func(t *tx) error {
		b, err := loadBackfill(ctx, t, id)
		if err != nil {
			return err
		}
		changed, err := change(t, b)
		if err != nil {
			return fmt.Errorf("change backfill: %w", err)
		}
		if changed {
			if err := audit(ctx, t, by, dialect.Audited{Action: action, BackfillID: &id, WorkflowID: &b.WorkflowID}); err != nil {
				return err
			}
			t.publish(miniairflow.Event{Topic: miniairflow.TopicRuns})
		}
		found, err = backfillByID(ctx, t, id)
		return err
	})
	return found, err
}

// loadBackfill returns a backfill with what its next step depends on.
func loadBackfill(ctx context.Context, t *tx, id uuid.UUID) (*dialect.AdvancingBackfill, error) {
	const text = `
		SELECT ` + backfillColumns + `, ` + backfillOpen + `, NOT w.is_active OR w.paused_at IS NOT NULL, w.retired_at IS NOT NULL
		FROM ` + backfillTables + ` WHERE b.id = ?`
	return queryOne(ctx, t, func(row row) (b *dialect.AdvancingBackfill, err error) {
		b = &dialect.AdvancingBackfill{}
		b.Backfill, err = scanBackfill(row, &b.Open, &b.IsHeld, &b.IsRetired)
		return b, err
	}, text, id)
}

// DueBackfills implements miniairflow.BackfillStore.
func (s *Store) DueBackfills(ctx context.Context, limit int) ([]*miniairflow.Backfill, error) {
	const text = `
		SELECT ` + backfillColumns + ` FROM ` + backfillTables + `
		WHERE b.status = 'running' AND (w.retired_at IS NOT NULL
			OR b.created + b.left_alone >= b.total AND ` + backfillOpen + ` = 0
			OR b.created + b.left_alone < b.total AND b.paused_at IS NULL AND w.is_active AND w.paused_at IS NULL AND ` + backfillOpen + ` < b.concurrency)
		ORDER BY b.problem <> '', b.created_at, b.id LIMIT ? + 0`
	return query(ctx, brief{s.read}, scanPlainBackfill, text, limit)
}

// AdvanceBackfill implements miniairflow.BackfillStore.
func (s *Store) AdvanceBackfill(ctx context.Context, id uuid.UUID, plan miniairflow.BackfillPlan) (bool, error) {
	moved := false
	err := s.inTx(ctx, func(t *tx) error {
		moved = false
		b, err := loadBackfill(ctx, t, id)
		if err != nil {
			return err
		}
		switch status := b.End(); {
		case status == miniairflow.BackfillCancelled:
			moved = true
			return endBackfill(ctx, t, id, status, false, dialect.RetiredBackfillReason)
		case status != "":
			moved = true
			return endBackfill(ctx, t, id, status, false, "")
		case b.Room() == 0:
			return nil
		}
		moved, err = advanceBackfill(ctx, t, b, plan)
		return err
	})
	return moved, err
}

// advanceBackfill takes the next step of a backfill that has room for a run.
func advanceBackfill(ctx context.Context, t *tx, b *dialect.AdvancingBackfill, plan miniairflow.BackfillPlan) (bool, error) {
	slots, err := b.NextSlots()
	if err != nil {
		return false, err
	}
	view, err := viewBackfill(ctx, t, b.Backfill, miniairflow.DatesOf(slots))
	if err != nil {
		return false, err
	}
	view.Now = timeOf(t.now)
	move := b.Step(slots, view, b.Room())
	if move.IsAtEnd { // the time zones have other rules than when its dates were counted
		_, err := t.ExecContext(ctx, `UPDATE backfills SET total = created + left_alone WHERE id = ?`, b.ID)
		return true, err
	}
	if move.Problem() != "" {
		return false, setBackfillProblem(ctx, t, b.ID, move.Problem())
	}
	runs, err := plan(b.Backfill, view.Now, move.Dates)
	if err != nil {
		return false, setBackfillProblem(ctx, t, b.ID, err.Error())
	}
	move = move.Of(len(runs))
	planned := dialect.PlannedBackfill(runs)
	if err := insertRuns(ctx, t, planned); err != nil {
		return false, fmt.Errorf("create runs: %w", err)
	}
	const text = `
		UPDATE backfills SET cursor_at = ?2, created = created + ?3, left_alone = left_alone + ?4, problem = '' WHERE id = ?1`
	t.publish(dialect.Fired(planned)...)
	_, err = t.ExecContext(ctx, text, b.ID, micros(move.Cursor), len(runs), move.Passed-len(runs))
	return true, err
}

// setBackfillProblem says why a backfill stays where it is.
func setBackfillProblem(ctx context.Context, t *tx, id uuid.UUID, problem string) error {
	_, err := t.ExecContext(ctx, `UPDATE backfills SET problem = ?2 WHERE id = ?1 AND problem <> ?2`, id, dialect.Text(problem))
	return err
}

// DeleteBackfills implements miniairflow.BackfillStore.
func (s *Store) DeleteBackfills(ctx context.Context, endedBefore time.Time, limit int) (int, error) {
	const text = `
		DELETE FROM backfills WHERE id IN (
			SELECT b.id FROM backfills b
			WHERE b.finished_at < ?
				AND NOT EXISTS (SELECT 1 FROM workflow_runs r WHERE r.backfill_id = b.id AND r.type = 'backfill')
			ORDER BY b.finished_at LIMIT ? + 0)`
	return s.deleteRows(ctx, "backfills", text, micros(endedBefore), max(limit, 0))
}

// FindBackfill implements miniairflow.BackfillStore.
func (s *Store) FindBackfill(ctx context.Context, id uuid.UUID) (*miniairflow.Backfill, error) {
	return backfillByID(ctx, s.read, id)
}

// FindBackfills implements miniairflow.BackfillStore.
func (s *Store) FindBackfills(ctx context.Context, filter miniairflow.BackfillFilter) ([]*miniairflow.Backfill, error) {
	c := backfillConditions(filter)
	if filter.Before != nil {
		c.add(`(b.created_at, b.id) < (?, ?)`, micros(filter.Before.CreatedAt), filter.Before.ID)
	}
	text := `SELECT ` + backfillColumns + ` FROM ` + backfillTables + ` WHERE ` + c.where() + ` ORDER BY b.created_at DESC, b.id DESC` +
		c.limit(dialect.PageLimit(filter.Limit))
	return query(ctx, s.read, scanPlainBackfill, text, c.args...)
}

// CountBackfills implements miniairflow.BackfillStore.
func (s *Store) CountBackfills(ctx context.Context, filter miniairflow.BackfillFilter, max int) (int, error) {
	c := backfillConditions(filter)
	text := `SELECT count(*) FROM (SELECT 1 FROM backfills b WHERE ` + c.where() + c.limit(max) + `) counted`
	return queryOne(ctx, s.read, scanOne[int], text, c.args...)
}

// backfillConditions returns what a filter means, but for its page.
func backfillConditions(filter miniairflow.BackfillFilter) *conditions {
	c := &conditions{}
	if filter.WorkflowID != uuid.Nil {
		c.add(`b.workflow_id = ?`, filter.WorkflowID)
	}
	if filter.Name != "" {
		c.add(`b.name = ?`, dialect.Text(filter.Name))
	}
	if slices.Equal(filter.Statuses, []miniairflow.BackfillStatus{miniairflow.BackfillRunning}) {
		c.add(`b.status = 'running'`) // by the index of these, whose condition a parameter does not meet
	} else if len(filter.Statuses) > 0 {
		c.add(`b.status IN (SELECT value FROM json_each(?))`, list[miniairflow.BackfillStatus](filter.Statuses))
	}
	return c
}

// CountBackfillRuns implements miniairflow.BackfillStore.
func (s *Store) CountBackfillRuns(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]map[miniairflow.RunStatus]int, error) {
	const text = `
		SELECT backfill_id, status, count(*) FROM workflow_runs
		WHERE backfill_id IN (SELECT value FROM json_each(?)) AND type = 'backfill' GROUP BY backfill_id, status`
	counts := make(map[uuid.UUID]map[miniairflow.RunStatus]int, len(ids))
	for _, id := range ids {
		counts[id] = map[miniairflow.RunStatus]int{}
	}
	_, err := query(ctx, s.read, func(row row) (none struct{}, err error) {
		var id uuid.UUID
		var status miniairflow.RunStatus
		var count int
		if err = row.Scan(&id, &status, &count); err == nil {
			counts[id][status] = count
		}
		return none, err
	}, text, list[uuid.UUID](ids))
	return counts, err
}
