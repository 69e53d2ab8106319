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

// FailExpired implements miniairflow.TaskStore.
func (s *Store) FailExpired(ctx context.Context, limit int) (int, *time.Time, error) {
	next, isOver, err := s.nextExpiry(ctx)
	if err != nil || !isOver {
		return 0, next, err
	}
	const expiredText = `
		SELECT workflow_run_id, seq FROM task_queue
		WHERE state = 'ready' AND expires_at IS NOT NULL AND expires_at <= (SELECT clock_timestamp()) ORDER BY expires_at LIMIT $1`
	expired, err := query(ctx, s, pgx.RowToStructByPos[dialect.Place], expiredText, limit)
	if err != nil {
		return 0, nil, err
	}
	failed := 0
	if len(expired) > 0 {
		failed, err = dialect.Apart(ctx, expired, dialect.RunOfPlace, func(part []dialect.Place) (int, error) { return s.failExpired(ctx, part) })
		if err != nil {
			return 0, nil, err
		}
	}
	next, _, err = s.nextExpiry(ctx)
	return failed, next, err
}

// nextExpiry returns when the next task run expires, and whether it has expired: what
// schedulers ask again and again, and so it is one statement.
func (s *Store) nextExpiry(ctx context.Context) (next *time.Time, isOver bool, err error) {
	const text = `
		SELECT min(expires_at), coalesce(min(expires_at) <= clock_timestamp(), false) FROM task_queue
		WHERE state = 'ready' AND expires_at IS NOT NULL`
	return s.nextTime(ctx, text)
}

// failExpired ends task runs that are still queued and have expired.
func (s *Store) failExpired(ctx context.Context, expired []dialect.Place) (failed int, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		failed = 0
		runIDs, seqs := columns(expired)
		ids := sortedIDs(runIDs)
		if err := lockRunsSoon(ctx, t, ids...); err != nil {
			return err
		}
		runs, now, err := s.loadRuns(ctx, t, ids...)
		if err != nil {
			return err
		}
		// A row that a claim holds is about to be taken: it has not expired.
		const takeText = `
			WITH chosen AS MATERIALIZED (
				SELECT q.workflow_run_id, q.seq
				FROM unnest($1::uuid[], $2::int[]) AS i(run_id, seq)
				JOIN task_queue q ON q.workflow_run_id = i.run_id AND q.seq = i.seq AND q.state = 'ready' AND q.expires_at <= $3
				FOR UPDATE OF q SKIP LOCKED)
			DELETE FROM task_queue q USING chosen c WHERE q.workflow_run_id = c.workflow_run_id AND q.seq = c.seq
			RETURNING q.workflow_run_id, q.seq`
		taken, err := collect(ctx, t, pgx.RowToStructByPos[dialect.Place], takeText, runIDs, seqs, now)
		if err != nil {
			return fmt.Errorf("take expired task runs: %w", err)
		}
		if err := failQueued(ctx, t, now, runs, taken); err != nil {
			return fmt.Errorf("fail expired task runs: %w", err)
		}
		for _, p := range taken {
			t.moved(runs[p.RunID].Pool(p.Seq))
		}
		failed = len(taken)
		return s.settle(ctx, t, now, movesOf(ids, runs, taken))
	})
	return failed, err
}

func failQueued(ctx context.Context, t *tx, now time.Time, runs map[uuid.UUID]*dialect.Run, taken []dialect.Place) error {
	reasons := make([]string, len(taken))
	for i, p := range taken {
		task := runs[p.RunID].Graph.TaskAt(p.Seq)
		reasons[i] = dialect.ExpiredReason(task)
	}
	const text = `
		UPDATE task_runs t SET status = 'failed', reason = i.reason, finished_at = $4, changed = pg_current_xact_id()
		FROM unnest($1::uuid[], $2::int[], $3::text[]) AS i(run_id, seq, reason)
		WHERE t.workflow_run_id = i.run_id AND t.seq = i.seq AND t.status = 'queued'`
	runIDs, seqs := columns(taken)
	_, err := t.Exec(ctx, text, runIDs, seqs, reasons, now)
	return err
}

// movesOf returns what has happened to the runs whose task runs have failed, in
// the order of ids.
func movesOf(ids []uuid.UUID, runs map[uuid.UUID]*dialect.Run, failed []dialect.Place) []move {
	var moves []move
	for _, id := range ids {
		m := move{run: runs[id]}
		for _, p := range failed {
			if p.RunID == id {
				m.freed++
				m.ended = append(m.ended, miniairflow.Ended{Seq: p.Seq, Status: miniairflow.TaskFailed})
			}
		}
		if m.freed > 0 {
			moves = append(moves, m)
		}
	}
	return moves
}
