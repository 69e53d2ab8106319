package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// SyncPools implements miniairflow.PoolStore.
func (s *Store) SyncPools(ctx context.Context, path string, pools []miniairflow.Pool, problems []miniairflow.ImportError) (changed bool, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		changed = false
		if len(problems) == 0 {
			if changed, err = replacePools(ctx, t, pools); err != nil {
				return err
			}
		}
		replaced, err := replaceProblems(ctx, t, path, problems)
		if err != nil {
			return err
		}
		if changed = changed || replaced; changed {
			t.publish(miniairflow.Event{Topic: miniairflow.TopicCatalog}, miniairflow.Event{Topic: miniairflow.TopicQueue})
		}
		return nil
	})
	return changed, err
}

// replaceProblems makes the given problems those of the file, and reports
// whether they were others before.
func replaceProblems(ctx context.Context, t *tx, path string, problems []miniairflow.ImportError) (bool, error) {
	const text = `
		SELECT coalesce(string_agg(format('%s:%s:%s', line, col, message), E'\n' ORDER BY line, col, message), ''), clock_timestamp()
		FROM import_errors WHERE file = $1`
	var before, after string
	var now time.Time
	if err := t.QueryRow(ctx, text, path).Scan(&before, &now); err != nil {
		return false, fmt.Errorf("read import errors: %w", err)
	}
	if err := replaceImportErrors(ctx, t, path, problems, now); err != nil {
		return false, err
	}
	if err := t.QueryRow(ctx, text, path).Scan(&after, &now); err != nil {
		return false, fmt.Errorf("read import errors: %w", err)
	}
	return before != after, nil
}

// replacePools makes the given pools those of the file. It locks all that it may
// change first, in the order in which claims lock pools.
func replacePools(ctx context.Context, t *tx, pools []miniairflow.Pool) (changed bool, err error) {
	names, slots, descriptions := make([]string, len(pools)), make([]int, len(pools)), make([]string, len(pools))
	for i, p := range pools {
		names[i], slots[i], descriptions[i] = p.Name, p.Slots, dialect.Text(p.Description)
	}
	const lock = `SELECT 1 FROM pools WHERE origin = 'file' OR name = ANY($1) ORDER BY name FOR UPDATE`
	const drop = `DELETE FROM pools WHERE origin = 'file' AND name <> ALL($1)`
	const save = `
		INSERT INTO pools AS p (name, slots, description, origin, created_at, updated_at)
		SELECT i.name, i.slots, i.description, 'file', clock_timestamp(), clock_timestamp()
		FROM unnest($1::text[], $2::int[], $3::text[]) AS i(name, slots, description)
		ORDER BY i.name
		ON CONFLICT (name) DO UPDATE SET slots = excluded.slots, description = excluded.description, origin = 'file', updated_at = excluded.updated_at
		WHERE p.slots <> excluded.slots OR p.description <> excluded.description OR p.origin <> 'file'`
	if _, err := t.Exec(ctx, lock, names); err != nil {
		return false, fmt.Errorf("lock pools: %w", err)
	}
	dropped, err := t.Exec(ctx, drop, names)
	if err != nil {
		return false, fmt.Errorf("drop pools: %w", err)
	}
	saved, err := t.Exec(ctx, save, names, slots, descriptions)
	if err != nil {
		return false, fmt.Errorf("save pools: %w", err)
	}
	return dropped.RowsAffected()+saved.RowsAffected() > 0, nil
}

// SetPool implements miniairflow.PoolStore.
func (s *Store) SetPool(ctx context.Context, pool miniairflow.Pool, by miniairflow.Actor) (*miniairflow.Pool, error) {
	var found *miniairflow.Pool
	details, err := dialect.EncodeDetails(&miniairflow.AuditDetails{Slots: &pool.Slots})
	if err != nil {
		return nil, err
	}
	err = s.inTx(ctx, func(t *tx) error {
		const text = `
			INSERT INTO pools AS p (name, slots, description, origin, created_at, updated_at)
			VALUES ($1, $2, $3, 'api', clock_timestamp(), clock_timestamp())
			ON CONFLICT (name) DO UPDATE SET slots = excluded.slots, description = excluded.description, updated_at = excluded.updated_at
			WHERE p.origin = 'api' AND (p.slots <> excluded.slots OR p.description <> excluded.description)`
		done, err := t.Exec(ctx, text, pool.Name, pool.Slots, dialect.Text(pool.Description))
		if err != nil {
			return fmt.Errorf("save pool: %w", err)
		}
		// Asked only now: before, the loader might have been about to add it.
		if err := checkPoolOrigin(ctx, t, pool.Name); err != nil {
			return err
		}
		if done.RowsAffected() > 0 {
			if err := audit(ctx, t, by, dialect.Audited{Action: miniairflow.AuditSetPool, Name: pool.Name, Details: details}); err != nil {
				return err
			}
			t.publish(miniairflow.Event{Topic: miniairflow.TopicCatalog}, miniairflow.Event{Topic: miniairflow.TopicQueue})
		}
		rows, err := t.Query(ctx, `SELECT `+poolColumns+` FROM pools p WHERE p.name = $1`, pool.Name)
		if err != nil {
			return err
		}
		found, err = pgx.CollectOneRow(rows, scanPool)
		return err
	})
	return found, err
}

// checkPoolOrigin locks a pool. It returns pgx.ErrNoRows, or a conflict for one
// that a file declares.
func checkPoolOrigin(ctx context.Context, t *tx, name string) error {
	var origin miniairflow.Origin
	err := t.QueryRow(ctx, `SELECT origin FROM pools WHERE name = $1 FOR NO KEY UPDATE`, name).Scan(&origin)
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
		if _, err := t.Exec(ctx, `DELETE FROM pools WHERE name = $1`, name); err != nil {
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
func scanPool(row pgx.CollectableRow) (*miniairflow.Pool, error) {
	p := &miniairflow.Pool{}
	err := row.Scan(&p.Name, &p.Slots, &p.Description, &p.Origin, &p.CreatedAt, &p.UpdatedAt, &p.Used, &p.Waiting)
	return p, err
}

// FindPools implements miniairflow.PoolStore.
func (s *Store) FindPools(ctx context.Context, holders int) ([]*miniairflow.Pool, error) {
	pools, err := query(ctx, s, scanPool, `SELECT `+poolColumns+` FROM pools p ORDER BY p.name`)
	if err != nil || holders == 0 || len(pools) == 0 {
		return pools, err
	}
	const text = `
		SELECT p.name, h.workflow_run_id, h.seq, h.run, h.task, h.pool_slots
		FROM pools p
		CROSS JOIN LATERAL (
			SELECT o.workflow_run_id, o.seq, w.name || '#' || r.number AS run, t.name AS task, o.pool_slots, o.started_at
			FROM task_open o
			JOIN task_runs t ON t.workflow_run_id = o.workflow_run_id AND t.seq = o.seq
			JOIN workflow_runs r ON r.id = o.workflow_run_id
			JOIN workflows w ON w.id = r.workflow_id
			WHERE o.pool = p.name AND o.pool <> '' ORDER BY o.started_at, o.workflow_run_id, o.seq LIMIT $1) h
		ORDER BY p.name, h.started_at, h.workflow_run_id, h.seq`
	byName := make(map[string]*miniairflow.Pool, len(pools))
	for _, p := range pools {
		byName[p.Name] = p
	}
	_, err = query(ctx, s, func(row pgx.CollectableRow) (struct{}, error) {
		var pool string
		var h miniairflow.PoolHolder
		err := row.Scan(&pool, &h.RunID, &h.Seq, &h.Run, &h.Task, &h.Slots)
		if p := byName[pool]; p != nil {
			p.Holders = append(p.Holders, h)
		}
		return struct{}{}, err
	}, text, holders)
	return pools, err
}

// pooledFirst finds the pools that have something to give: the first that waits
// for it in a queue, of those that it could ever hold, fits into what looks free.
// It jumps from one pool and queue to the next, so that a long line costs no more
// than a short one, and none at all costs one look at an empty index. The look
// takes no lock: whoever frees a slot afterwards wakes those that wait.
const pooledFirst = `
	RECURSIVE waiting (pool, queue) AS (
		(SELECT pool, queue FROM task_queue WHERE state = 'ready' AND pool <> '' ORDER BY pool, queue LIMIT 1)
		UNION ALL
		SELECT n.pool, n.queue FROM waiting w CROSS JOIN LATERAL (
			SELECT pool, queue FROM task_queue
			WHERE state = 'ready' AND pool <> '' AND (pool, queue) > (w.pool, w.queue) ORDER BY pool, queue LIMIT 1) n),
	pooled AS MATERIALIZED (
		SELECT DISTINCT p.name
		FROM waiting w
		JOIN pools p ON p.name = w.pool
		CROSS JOIN LATERAL (
			SELECT p.slots - coalesce(sum(pool_slots), 0) AS slots FROM task_open WHERE pool = w.pool AND pool <> '') free
		CROSS JOIN LATERAL (
			SELECT pool_slots FROM task_queue
			WHERE state = 'ready' AND pool <> '' AND pool = w.pool AND queue = w.queue AND pool_slots <= p.slots
			ORDER BY priority DESC, sort_key LIMIT 1) head
		WHERE head.pool_slots <= free.slots AND `

const (
	pooledIn = pooledFirst + `w.queue = ANY($1))` // for one of the queues
	pooledOf = pooledFirst + `w.pool = ANY($1))`  // that are among the pools
)

// haveMore reports whether one of the pools has something to give. It looks after
// the commit of what moved in them: whatever came to wait before is seen here, and
// whoever comes later sees the free slots. If in doubt it says so.
func haveMore(ctx context.Context, conn *pgxpool.Conn, pools []string) bool {
	more := true
	if ctx.Err() == nil {
		_ = conn.QueryRow(ctx, "WITH "+pooledOf+" SELECT EXISTS (SELECT 1 FROM pooled)", pools).Scan(&more)
	}
	return more
}

// pooledRest is what an exchange leaves to claimPooled.
type pooledRest struct {
	pools []string // that have something for it
	plan  *dialect.Plan
	wakes bool     // there may be something for others, unless it is claimed here
	moved []string // pools that may have more to give
}

// claimPooled is the claim of an exchange while some pools have something for it,
// in a transaction of its own after that of the finishes: the locks of pools come
// before the choice. The same token makes it happen once. Only then others are woken
// for what is left.
func (s *Store) claimPooled(ctx context.Context, request miniairflow.Exchange, rest *pooledRest) ([]miniairflow.Claim, error) {
	var claims []miniairflow.Claim
	wake := miniairflow.Event{Topic: miniairflow.TopicQueue}
	request.Finishes = nil
	err := s.inTx(ctx, func(t *tx) error {
		claims = nil
		t.moved(rest.moved...)
		if rest.wakes {
			t.publish(wake)
		}
		begun, err := begin(ctx, t, request, &finishInput{})
		if err != nil || !begun.mayClaim {
			return err
		}
		claims, err = takeWithin(ctx, t, begun.now, request, rest.pools)
		t.events = dialect.ClaimEvents(t.events, rest.plan, claims)
		return err
	})
	if err != nil {
		s.publish([]miniairflow.Event{wake})
	}
	return claims, err
}

// takeWithin takes task runs while some pools have something to give. It locks these
// and only then counts what is used of them: a count from before the locks would
// miss the claims of whoever held them. A pool that another claim holds counts as
// full, so that a claim waits for nobody: whoever takes something of it wakes those
// who wait. Task runs of other pools are no candidates. Those without a pool are only
// counted before they are taken, as many of each queue as are due: which ones, nobody
// who claims beside it has to know.
func takeWithin(ctx context.Context, t *tx, now time.Time, request miniairflow.Exchange, pools []string) ([]miniairflow.Claim, error) {
	limit := min(request.Limit, claimMax)
	free, sizes, err := lockPools(ctx, t, pools)
	if err != nil {
		return nil, fmt.Errorf("lock pools: %w", err)
	}
	candidates, err := candidatesOf(ctx, t, request.Queues, free, sizes, limit)
	if err != nil {
		return nil, fmt.Errorf("choose task runs: %w", err)
	}
	var places []dialect.Place
	var ofPools []string
	quotas := make([]int, len(request.Queues))
	for _, c := range dialect.Choose(candidates, free, limit) {
		if c.Pool == "" {
			quotas[slices.Index(request.Queues, c.Queue)]++
			continue
		}
		places, ofPools = append(places, c.Place), append(ofPools, c.Pool)
		t.moved(c.Pool) // it may have held back others, and who found the pool locked may have some of the rest
	}
	text := fmt.Sprintf(`
		WITH places AS MATERIALIZED (
			SELECT q.workflow_run_id, q.seq
			FROM unnest($5::uuid[], $6::int[], $8::text[]) AS i(run_id, seq, pool)
			JOIN task_queue q ON q.workflow_run_id = i.run_id AND q.seq = i.seq AND q.state = 'ready' AND q.pool = i.pool
			FOR UPDATE OF q SKIP LOCKED),
		others AS MATERIALIZED (
			SELECT c.workflow_run_id, c.seq
			FROM unnest($1::text[], $7::int[]) AS quotas(queue, quota)
			CROSS JOIN LATERAL (
				SELECT workflow_run_id, seq FROM task_queue
				WHERE state = 'ready' AND pool = '' AND queue = quotas.queue
				ORDER BY priority DESC, sort_key LIMIT quotas.quota FOR UPDATE SKIP LOCKED) c),
		chosen AS MATERIALIZED (SELECT * FROM places UNION ALL SELECT * FROM others LIMIT %d)`, limit) + takeChosen + `
		SELECT count(*) FROM taken`
	runs, seqs := columns(places)
	batch := &pgx.Batch{}
	batch.Queue(text, request.Queues, request.Token, request.SessionID, now, runs, seqs, quotas, ofPools)
	var claims []miniairflow.Claim
	queueClaimed(batch, request.Token, &claims)
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("claim within pools: %w", err)
	}
	return claims, nil
}

// lockPools locks those of the pools that nobody holds. It returns how large these
// are, and what is left of those that are not full.
func lockPools(ctx context.Context, t *tx, names []string) (free, sizes map[string]int, err error) {
	const lock = `SELECT name, slots FROM pools WHERE name = ANY($1) ORDER BY name FOR NO KEY UPDATE SKIP LOCKED`
	const used = `SELECT pool, sum(pool_slots) FROM task_open WHERE pool = ANY($1) AND pool <> '' GROUP BY pool`
	free, sizes = map[string]int{}, map[string]int{}
	batch := &pgx.Batch{}
	var name string
	var slots int
	batch.Queue(lock, names).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&name, &slots}, func() error {
			free[name], sizes[name] = slots, slots
			return nil
		})
		return err
	})
	batch.Queue(used, names).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&name, &slots}, func() error {
			free[name] -= slots
			return nil
		})
		return err
	})
	err = t.SendBatch(ctx, batch).Close()
	maps.DeleteFunc(free, func(_ string, left int) bool { return left <= 0 })
	return free, sizes, err
}

// candidatesOf returns the first task runs of the queues: those without a pool,
// and those of each pool that has something left, as far as it could ever hold them.
// In these pools, it adds as many of other queues as could keep slots for themselves,
// if a worker of theirs could start them now. A worker that is full, or gone, keeps
// nothing free: the pool must not wait for it.
func candidatesOf(ctx context.Context, t *tx, queues []string, free, sizes map[string]int, limit int) ([]dialect.Candidate, error) {
	const text = `
		WITH elsewhere AS MATERIALIZED (
			SELECT DISTINCT q.queue
			FROM workers w CROSS JOIN LATERAL jsonb_array_elements_text(w.queues) AS q(queue)
			WHERE w.status = 'active' AND w.lease_until > clock_timestamp() AND q.queue <> ALL($1)
				AND w.concurrency > (SELECT count(*) FROM task_open o WHERE o.session_id = w.id))
		SELECT c.workflow_run_id, c.seq, c.priority, c.sort_key, wanted.queue, '', 0, false
		FROM (SELECT DISTINCT queue FROM unnest($1::text[]) AS q(queue)) wanted
		CROSS JOIN LATERAL (
			SELECT workflow_run_id, seq, priority, sort_key FROM task_queue
			WHERE state = 'ready' AND pool = '' AND queue = wanted.queue ORDER BY priority DESC, sort_key LIMIT $4) c
		UNION ALL
		SELECT c.workflow_run_id, c.seq, c.priority, c.sort_key, wanted.queue, p.name, c.pool_slots, wanted.elsewhere
		FROM (SELECT DISTINCT queue, false AS elsewhere FROM unnest($1::text[]) AS q(queue) UNION ALL SELECT queue, true FROM elsewhere) wanted
		CROSS JOIN unnest($2::text[], $3::int[], $5::int[]) AS p(name, size, free)
		CROSS JOIN LATERAL (
			SELECT workflow_run_id, seq, priority, sort_key, pool_slots FROM task_queue
			WHERE state = 'ready' AND pool <> '' AND pool = p.name AND queue = wanted.queue AND pool_slots <= p.size
			ORDER BY priority DESC, sort_key LIMIT CASE WHEN wanted.elsewhere THEN p.free + 1 ELSE $4 END) c`
	var names []string
	var slots, left []int
	for name := range free {
		names, slots, left = append(names, name), append(slots, sizes[name]), append(left, free[name])
	}
	return collect(ctx, t, func(row pgx.CollectableRow) (c dialect.Candidate, err error) {
		err = row.Scan(&c.RunID, &c.Seq, &c.Priority, &c.SortKey, &c.Queue, &c.Pool, &c.Slots, &c.IsElsewhere)
		return c, err
	}, text, queues, names, slots, limit, left)
}
