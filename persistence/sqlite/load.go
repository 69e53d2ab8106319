package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// loadRuns returns the runs by id. Runs that are not there are left out.
func (s *Store) loadRuns(ctx context.Context, t *tx, ids ...uuid.UUID) (map[uuid.UUID]*dialect.Run, error) {
	const text = `
		SELECT r.id, r.version_id, r.selection, r.generation, r.status, r.cancel_requested_at IS NOT NULL, r.timed_out, r.paused_at IS NOT NULL, r.outcome, r.task_count,
			r.type = 'child', r.backfill_id IS NOT NULL, coalesce(c.done, 0), coalesce(c.failed, 0), coalesce(c.active, 0), coalesce(c.limited, 0)
		FROM workflow_runs r LEFT JOIN run_counters c ON c.workflow_run_id = r.id
		WHERE r.id IN (SELECT value FROM json_each(?))`
	found, err := query(ctx, t, func(row row) (*dialect.Run, error) {
		r := &dialect.Run{}
		err := row.Scan(&r.ID, &r.VersionID, &r.Selection, &r.Generation, &r.Status, &r.CancelRequested, &r.TimedOut, &r.IsPaused, &r.Outcome, &r.TaskCount,
			&r.IsChild, &r.IsBackfill, &r.Stored.Done, &r.Stored.Failed, &r.Stored.Active, &r.Stored.Limited)
		return r, err
	}, text, list[uuid.UUID](ids))
	if err != nil {
		return nil, fmt.Errorf("load runs: %w", err)
	}
	runs := make(map[uuid.UUID]*dialect.Run, len(found))
	for _, r := range found {
		if r.Graph, err = s.selected(ctx, t, r.VersionID, r.Selection); err != nil {
			return nil, err
		}
		runs[r.ID] = r
	}
	return runs, nil
}

// loadRun is loadRuns for one run, which must be there.
func (s *Store) loadRun(ctx context.Context, t *tx, id uuid.UUID) (*dialect.Run, error) {
	runs, err := s.loadRuns(ctx, t, id)
	if err == nil && runs[id] == nil {
		err = miniairflow.ErrNotFound
	}
	return runs[id], err
}

// sortedIDs returns the ids in ascending order, each once.
func sortedIDs(ids []uuid.UUID) []uuid.UUID {
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(sorted)
}
