package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// queueRuns adds the statement that reads the runs, which the caller has locked,
// and the time. Runs that are not there are left out.
func queueRuns(batch *pgx.Batch, ids []uuid.UUID, runs *[]*dialect.Run, now *time.Time) {
	const text = `
		SELECT r.id, r.version_id, r.selection, r.generation, r.status, r.cancel_requested_at IS NOT NULL, r.timed_out, r.paused_at IS NOT NULL, r.outcome, r.task_count,
			r.type = 'child', r.backfill_id IS NOT NULL, coalesce(c.done, 0), coalesce(c.failed, 0), coalesce(c.active, 0), coalesce(c.limited, 0), clock_timestamp()
		FROM workflow_runs r LEFT JOIN run_counters c ON c.workflow_run_id = r.id
		WHERE r.id = ANY($1)`
	batch.Queue(text, ids).Query(func(rows pgx.Rows) (err error) {
		*runs, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*dialect.Run, error) {
			r := &dialect.Run{}
			err := row.Scan(&r.ID, &r.VersionID, &r.Selection, &r.Generation, &r.Status, &r.CancelRequested, &r.TimedOut, &r.IsPaused, &r.Outcome, &r.TaskCount,
				&r.IsChild, &r.IsBackfill, &r.Stored.Done, &r.Stored.Failed, &r.Stored.Active, &r.Stored.Limited, now)
			return r, err
		})
		return err
	})
}

// withGraphs gives the runs their graphs and returns them by id.
func (s *Store) withGraphs(ctx context.Context, t *tx, found []*dialect.Run) (map[uuid.UUID]*dialect.Run, error) {
	runs := make(map[uuid.UUID]*dialect.Run, len(found))
	for _, r := range found {
		var err error
		if r.Graph, err = s.selected(ctx, t, r.VersionID, r.Selection); err != nil {
			return nil, err
		}
		runs[r.ID] = r
	}
	return runs, nil
}

// loadRuns returns the runs, which the caller has locked, by id, and the time.
// Runs that are not there are left out.
func (s *Store) loadRuns(ctx context.Context, t *tx, ids ...uuid.UUID) (map[uuid.UUID]*dialect.Run, time.Time, error) {
	var found []*dialect.Run
	var now time.Time
	batch := &pgx.Batch{}
	queueRuns(batch, ids, &found, &now)
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return nil, now, fmt.Errorf("load runs: %w", err)
	}
	runs, err := s.withGraphs(ctx, t, found)
	return runs, now, err
}

// loadRun is loadRuns for one run, which must be there.
func (s *Store) loadRun(ctx context.Context, t *tx, id uuid.UUID) (*dialect.Run, time.Time, error) {
	runs, now, err := s.loadRuns(ctx, t, id)
	if err == nil && runs[id] == nil {
		err = miniairflow.ErrNotFound
	}
	return runs[id], now, err
}

// sortedIDs returns the ids in ascending order, each once.
func sortedIDs(ids []uuid.UUID) []uuid.UUID {
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(sorted)
}
