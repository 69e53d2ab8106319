package sqlite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// SyncPools implements miniairflow.PoolStore.
func (s *Store) SyncPools(ctx context.Context, path string, pools []miniairflow.Pool, problems []miniairflow.ImportError) (changed bool, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		before, err := t.total(ctx)
		if err != nil {
			return err
		}
		if len(problems) == 0 {
			if err := replacePools(ctx, t, pools); err != nil {
				return err
			}
		}
		if err := replaceImportErrors(ctx, t, path, problems); err != nil {
			return err
		}
		after, err := t.total(ctx)
		if changed = after > before; changed {
			t.publish(miniairflow.Event{Topic: miniairflow.TopicCatalog}, miniairflow.Event{Topic: miniairflow.TopicQueue})
		}
		return err
	})
	return changed, err
}

// total returns how many rows this connection has ever changed.
func (t *tx) total(ctx context.Context) (n int64, err error) {
	err = t.QueryRowContext(ctx, `SELECT total_changes()`).Scan(&n)
	return n, err
}

// replacePools makes the given pools those of the file.
func replacePools(ctx context.Context, t *tx, pools []miniairflow.Pool) error {
	rows := make(table, len(pools))
	for i, p := range pools {
		rows[i] = []any{p.Name, p.Slots, dialect.Text(p.Description)}
	}
	const drop = `DELETE FROM pools WHERE origin = 'file' AND name NOT IN (SELECT value ->> 0 FROM json_each(?))`
	if _, err := t.ExecContext(ctx, drop, rows); err != nil {
		return fmt.Errorf("drop pools: %w", err)
	}
	const save = `
		INSERT INTO pools (name, slots, description, origin, created_at, updated_at)
		SELECT value ->> 0, value ->> 1, value ->> 2, 'file', ?2, ?2 FROM json_each(?1) WHERE true
		ON CONFLICT (name) DO UPDATE SET slots = excluded.slots, description = excluded.description, origin = 'file', updated_at = excluded.updated_at
		WHERE slots <> excluded.slots OR description <> excluded.description OR origin <> 'file'`
	if _, err := t.ExecContext(ctx, save, rows, t.now); err != nil {
		return fmt.Errorf("save pools: %w", err)
	}
	return nil
}

// SetPool implements miniairflow.PoolStore.
func (s *Store) SetPool(ctx context.Context, pool miniairflow.Pool, by miniairflow.Actor) (*miniairflow.Pool, error) {
	var found *miniairflow.Pool
	details, err := dialect.EncodeDetails(&miniairflow.AuditDetails{Slots: &pool.Slots})
	if err != nil {
		return nil, err
	}
	err = s.inTx(ctx, func(t *tx) error {
		if err := checkPoolOrigin(ctx, t, pool.Name); err != nil && !errors.Is(err, miniairflow.ErrNotFound) {
			return err
		}
		const text = `
			INSERT INTO pools (name, slots, description, origin, created_at, updated_at) VALUES (?1, ?2, ?3, 'api', ?4, ?4)
			ON CONFLICT (name) DO UPDATE SET slots = ?2, description = ?3, updated_at = ?4
			WHERE slots <> ?2 OR description <> ?3`
		done, err := t.ExecContext(ctx, text, pool.Name, pool.Slots, dialect.Text(pool.Description), t.now)
		if err != nil {
			return fmt.Errorf("save pool: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil {
			return err
		} else if n > 0 {
			if err := audit(ctx, t, by, dialect.Audited{Action: miniairflow.AuditSetPool, Name: pool.Name, Details: details}); err != nil {
				return err
			}
			t.publish(miniairflow.Event{Topic: miniairflow.TopicCatalog}, miniairflow.Event{Topic: miniairflow.TopicQueue})
		}
		found, err = queryOne(ctx, t, scanPool, `SELECT `+poolColumns+` FROM pools p WHERE p.name = ?`, pool.Name)
		return err
	})
	return found, err
}

// checkPoolOrigin returns ErrNotFound, or a conflict for a pool that a file declares.
func checkPoolOrigin(ctx context.Context, t *tx, name string) error {
	origin, err := queryOne(ctx, t, scanOne[miniairflow.Origin], `SELECT origin FROM pools WHERE name = ?`, name)
	if err == nil && origin == miniairflow.OriginFile {
		return dialect.PoolOfFile(name)
	}
	return err
}

// DeletePool implements miniairflow.PoolStore.
func (s *Store) DeletePool(ctx context.Context, name string, by miniairflow.Actor) error {
	return s.inTx(ctx, func(t *tx) error {
		if err := checkPoolOrigin(ctx, t, name); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `DELETE FROM pools WHERE name = ?`, name); err != nil {
			return fmt.Errorf("delete pool: %w", err)
		}
		t.publish(miniairflow.Event{Topic: miniairflow.TopicCatalog})
		return audit(ctx, t, by, dialect.Audited{Action: miniairflow.AuditDeletePool, Name: name})
	})
}

const poolColumns = `p.name, p.slots, p.description, p.origin, p.created_at, p.updated_at,
	(SELECT coalesce(sum(o.pool_slots), 0) FROM task_open o WHERE o.pool = p.name AND o.pool <> ''),
	(SELECT count(*) FROM task_queue q WHERE q.state = 'ready' AND q.pool = p.name AND q.pool <> '')`

// scanPool reads poolColumns.
func scanPool(row row) (*miniairflow.Pool, error) {
	p := &miniairflow.Pool{}
	err := row.Scan(&p.Name, &p.Slots, &p.Description, &p.Origin, timeInto{&p.CreatedAt}, timeInto{&p.UpdatedAt}, &p.Used, &p.Waiting)
	return p, err
}

// FindPools implements miniairflow.PoolStore.
func (s *Store) FindPools(ctx context.Context, holders int) ([]*miniairflow.Pool, error) {
	pools, err := query(ctx, s.read, scanPool, `SELECT `+poolColumns+` FROM pools p ORDER BY p.name`)
	if err != nil || holders == 0 {
		return pools, err
	}
	const text = `
		SELECT o.workflow_run_id, o.seq, w.name || '#' || r.number, t.name, o.pool_slots
		FROM task_open o
		JOIN task_runs t ON t.workflow_run_id = o.workflow_run_id AND t.seq = o.seq
		JOIN workflow_runs r ON r.id = o.workflow_run_id
		JOIN workflows w ON w.id = r.workflow_id
		WHERE o.pool = ? AND o.pool <> '' ORDER BY o.started_at, o.workflow_run_id, o.seq LIMIT ? + 0`
	for _, p := range pools {
		if p.Used == 0 {
			continue
		}
		p.Holders, err = query(ctx, s.read, func(row row) (h miniairflow.PoolHolder, err error) {
			err = row.Scan(&h.RunID, &h.Seq, &h.Run, &h.Task, &h.Slots)
			return h, err
		}, text, p.Name, holders)
		if err != nil {
			return nil, err
		}
	}
	return pools, nil
}

// freePools returns what is left of each pool that task runs wait for. A pool
// that is full, or is not there, is not among them.
func freePools(ctx context.Context, t *tx) (free, slots map[string]int, err error) {
	const text = `
		WITH RECURSIVE waiting (pool) AS (
			SELECT min(pool) FROM task_queue WHERE state = 'ready' AND pool <> ''
			UNION ALL
			SELECT (SELECT min(pool) FROM task_queue WHERE state = 'ready' AND pool <> '' AND pool > waiting.pool)
			FROM waiting WHERE waiting.pool IS NOT NULL)
		SELECT p.name, p.slots, p.slots - (SELECT coalesce(sum(o.pool_slots), 0) FROM task_open o WHERE o.pool = p.name AND o.pool <> '')
		FROM waiting JOIN pools p ON p.name = waiting.pool`
	free, slots = map[string]int{}, map[string]int{}
	_, err = query(ctx, t, func(row row) (struct{}, error) {
		var name string
		var all, left int
		err := row.Scan(&name, &all, &left)
		if left > 0 {
			free[name], slots[name] = left, all
		}
		return struct{}{}, err
	}, text)
	return free, slots, err
}

// wakeForPools publishes that there is something to claim if one of the pools in
// which something moved has something to give: the first that waits for it in a
// queue, of those that it could ever hold, fits into what is free.
func wakeForPools(ctx context.Context, t *tx) error {
	const text = `
		WITH RECURSIVE waiting (queue) AS (
			SELECT min(queue) FROM task_queue WHERE state = 'ready' AND pool <> '' AND pool = ?1
			UNION ALL
			SELECT (SELECT min(queue) FROM task_queue WHERE state = 'ready' AND pool <> '' AND pool = ?1 AND queue > waiting.queue)
			FROM waiting WHERE waiting.queue IS NOT NULL)
		SELECT EXISTS (
			SELECT 1 FROM pools p CROSS JOIN waiting w
			WHERE p.name = ?1 AND w.queue IS NOT NULL AND (
				SELECT pool_slots FROM task_queue
				WHERE state = 'ready' AND pool <> '' AND pool = ?1 AND queue = w.queue AND pool_slots <= p.slots
				ORDER BY priority DESC, sort_key, workflow_run_id, seq LIMIT 1)
				<= p.slots - (SELECT coalesce(sum(pool_slots), 0) FROM task_open WHERE pool = ?1 AND pool <> ''))`
	for _, pool := range t.pools {
		var more bool
		if err := t.QueryRowContext(ctx, text, pool).Scan(&more); err != nil {
			return fmt.Errorf("look at pool %q: %w", pool, err)
		}
		if more {
			t.publish(miniairflow.Event{Topic: miniairflow.TopicQueue})
			return nil
		}
	}
	return nil
}

// poolHeads returns the first task runs that wait for a pool in one queue, as
// far as the pool could ever hold them.
func poolHeads(ctx context.Context, t *tx, pool, queue string, slots, limit int) ([]dialect.Candidate, error) {
	const text = `
		SELECT workflow_run_id, seq, priority, sort_key, pool, pool_slots FROM task_queue
		WHERE state = 'ready' AND pool <> '' AND pool = ? AND queue = ? AND pool_slots <= ?
		ORDER BY priority DESC, sort_key, workflow_run_id, seq LIMIT ? + 0`
	return query(ctx, t, func(row row) (c dialect.Candidate, err error) {
		var id uuid.UUID
		err = row.Scan(&id, &c.Seq, &c.Priority, &c.SortKey, &c.Pool, &c.Slots)
		c.RunID = id
		return c, err
	}, text, pool, queue, slots, limit)
}

// headsElsewhere returns the first task runs that wait for free pools in other
// queues, as many as could keep slots for themselves, if a worker of theirs could
// start them now. A worker that is full, or gone, keeps nothing free: the pool must
// not wait for it.
func headsElsewhere(ctx context.Context, t *tx, queues []string, free, sizes map[string]int) ([]dialect.Candidate, error) {
	if len(free) == 0 {
		return nil, nil
	}
	const text = `
		SELECT DISTINCT q.value FROM workers w CROSS JOIN json_each(w.queues) q
		WHERE w.status = 'active' AND w.lease_until > ?2 AND q.value NOT IN (SELECT value FROM json_each(?1))
			AND w.concurrency > (SELECT count(*) FROM task_open o WHERE o.session_id = w.id)
		ORDER BY q.value`
	others, err := query(ctx, t, scanOne[string], text, list[string](queues), t.now)
	if err != nil {
		return nil, err
	}
	var heads []dialect.Candidate
	for _, queue := range others {
		for _, pool := range slices.Sorted(maps.Keys(free)) {
			head, err := poolHeads(ctx, t, pool, queue, sizes[pool], free[pool]+1)
			if err != nil {
				return nil, err
			}
			for i := range head {
				head[i].IsElsewhere = true
			}
			heads = append(heads, head...)
		}
	}
	return heads, nil
}
