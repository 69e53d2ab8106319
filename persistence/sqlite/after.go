package sqlite

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// saveAfters writes which workflows start after which others.
func saveAfters(ctx context.Context, t *tx, saves []dialect.Save) error {
	const drop = `DELETE FROM after_triggers WHERE workflow_id IN (SELECT value FROM json_each(?))`
	const into = `INSERT INTO after_triggers (upstream, workflow_id, status)`
	afters, old := dialect.AfterRows(saves)
	if len(old) > 0 {
		if _, err := t.ExecContext(ctx, drop, list[uuid.UUID](old)); err != nil {
			return fmt.Errorf("drop triggers: %w", err)
		}
	}
	rows := make([][]any, len(afters))
	for i, a := range afters {
		rows[i] = []any{a.Upstream, a.WorkflowID, a.Status}
	}
	if err := insertRows(ctx, t, into, rows, ""); err != nil {
		return fmt.Errorf("save triggers: %w", err)
	}
	return nil
}

// AfterEnds implements miniairflow.AfterStore. The rows are written by a trigger.
func (s *Store) AfterEnds(ctx context.Context, limit int) ([]miniairflow.AfterEnd, error) {
	const text = `SELECT workflow_run_id, workflow_id, status, noted FROM after_ends ORDER BY workflow_run_id, workflow_id, status LIMIT ? + 0`
	return query(ctx, brief{s.read}, scanAfterEnd, text, limit)
}

func scanAfterEnd(row row) (e miniairflow.AfterEnd, err error) {
	err = row.Scan(&e.RunID, &e.WorkflowID, &e.Status, &e.Noted)
	return e, err
}

// ForgetAfterEnds implements miniairflow.AfterStore.
func (s *Store) ForgetAfterEnds(ctx context.Context, ends []miniairflow.AfterEnd, faults map[miniairflow.AfterEnd]string) error {
	const text = `
		DELETE FROM after_ends
		WHERE (workflow_run_id, workflow_id, status, noted) IN (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?))
		RETURNING workflow_run_id, workflow_id, status, noted`
	if len(ends) == 0 {
		return nil
	}
	rows := make(table, len(ends))
	for i, e := range ends {
		rows[i] = []any{e.RunID, e.WorkflowID, e.Status, e.Noted}
	}
	return s.inTx(ctx, func(t *tx) error {
		forgotten, err := query(ctx, t, scanAfterEnd, text, rows)
		if err != nil {
			return err
		}
		return noteFaults(ctx, t, miniairflow.MissedAfter, dialect.AfterFaults(ends, forgotten, faults))
	})
}

// Followers implements miniairflow.AfterStore.
func (s *Store) Followers(ctx context.Context, workflows []string, max int) (map[string][]string, error) {
	const text = `
		SELECT upstream, name FROM (
			SELECT a.upstream, w.name, row_number() OVER (PARTITION BY a.upstream ORDER BY w.name) AS place
			FROM after_triggers a JOIN workflows w ON w.id = a.workflow_id
			WHERE a.upstream IN (SELECT value FROM json_each(?)) AND w.retired_at IS NULL) f
		WHERE place <= ? ORDER BY upstream, name`
	found, err := query(ctx, brief{s.read}, func(row row) (f dialect.Follower, err error) {
		err = row.Scan(&f.Upstream, &f.Name)
		return f, err
	}, text, list[string](workflows), max)
	return dialect.FollowersByName(found), err
}
