package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// slotMax bounds the wait for a slot and for all of its runs.
const slotMax = 5 * time.Minute

// slot is a minute in which all workflows were due.
type slot struct {
	late []float64     // seconds after the slot, of each run
	done time.Duration // after the slot, when all of them were visible
}

// makeFrequent lets all workflows of a stopped system be due each minute, as if
// their files said so: first in the next one that comes, or at once, in the last
// one, which it returns.
func (s *system) makeFrequent(ctx context.Context, atOnce bool) (at time.Time, err error) {
	db, _, err := s.openToWrite()
	if err != nil {
		return at, fmt.Errorf("open the database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var first any // nothing: it is to be planned
	if atOnce {
		at = time.Now().Truncate(time.Minute)
		first = s.instant(at)
	}
	entries := "replace(entries, $1, $2)"
	if s.config.Database != "" {
		entries = "replace(entries::text, $1, $2)::jsonb"
	}
	text := "UPDATE schedules SET next_at = $3, entries = " + entries
	if _, err := db.ExecContext(ctx, text, onceAYear, everyMinute, first); err != nil {
		return at, fmt.Errorf("change the schedules: %w", err)
	}
	return at, nil
}

// watchSlot waits until all n workflows have fired at that time, or in the next
// minute for the zero time, and reads their runs. It is an error unless each has
// exactly one, and unless no slot before has two of a workflow.
func (s *system) watchSlot(ctx context.Context, n int, at time.Time) (*slot, error) {
	db, err := s.OpenDatabase()
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, slotMax)
	defer cancel()
	if at.IsZero() {
		if at, err = s.awaitCursors(ctx, db, n); err != nil {
			return nil, fmt.Errorf("wait until all workflows are due at the same time: %w", err)
		}
	}
	if err := s.awaitFired(ctx, db, at); err != nil {
		return nil, fmt.Errorf("wait until all workflows have fired: %w", err)
	}
	found := &slot{done: time.Since(at)}
	if found.late, err = s.lateness(ctx, db, at, n); err != nil {
		return nil, fmt.Errorf("slot %s: %w", at.UTC().Format(time.TimeOnly), err)
	}
	const twice = `
		SELECT count(*) FROM (
			SELECT 1 FROM workflow_runs WHERE type = 'scheduled'
			GROUP BY workflow_id, schedule_name, logical_date HAVING count(*) > 1) AS twice`
	var doubles int
	if err := db.QueryRowContext(ctx, twice).Scan(&doubles); err != nil {
		return nil, fmt.Errorf("look for double runs: %w", err)
	}
	if doubles > 0 {
		return nil, fmt.Errorf("%d slots have more than one run", doubles)
	}
	return found, nil
}

// awaitPlanned waits until the schedulers know when each workflow is due.
func (s *system) awaitPlanned(ctx context.Context, n int) error {
	db, err := s.OpenDatabase()
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, slotMax)
	defer cancel()
	if _, err := s.awaitCursors(ctx, db, n); err != nil {
		return fmt.Errorf("wait until all workflows are planned: %w", err)
	}
	return nil
}

// awaitCursors waits until the schedules of all n workflows point at the same
// time, and returns it.
func (s *system) awaitCursors(ctx context.Context, db *sql.DB, n int) (time.Time, error) {
	text := fmt.Sprintf("SELECT count(next_at), %s, %s FROM schedules", s.micros("min(next_at)"), s.micros("max(next_at)"))
	var first, last sql.NullInt64
	err := await(ctx, func() (bool, error) {
		var planned int
		err := db.QueryRowContext(ctx, text).Scan(&planned, &first, &last)
		return planned == n && first == last, err
	})
	return time.UnixMicro(first.Int64), err
}

// awaitFired waits until no schedule points at that time or one before. It asks
// by the schedulers' own index, because it asks while they work.
func (s *system) awaitFired(ctx context.Context, db *sql.DB, at time.Time) error {
	const text = `SELECT EXISTS (SELECT 1 FROM schedules WHERE is_active AND NOT is_finished AND next_at <= $1)`
	return await(ctx, func() (bool, error) {
		var waiting bool
		err := db.QueryRowContext(ctx, text, s.instant(at)).Scan(&waiting)
		return !waiting, err
	})
}

// lateness returns how long after the slot each run was written, in seconds.
func (s *system) lateness(ctx context.Context, db *sql.DB, at time.Time, n int) ([]float64, error) {
	text := fmt.Sprintf("SELECT workflow_id, %s FROM workflow_runs WHERE type = 'scheduled' AND %s = $1",
		s.micros("created_at"), s.micros("logical_date"))
	rows, err := db.QueryContext(ctx, text, at.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("read the runs: %w", err)
	}
	defer rows.Close()
	runs := map[string]int{}
	var late []float64
	for rows.Next() {
		var workflow string
		var created int64
		if err := rows.Scan(&workflow, &created); err != nil {
			return nil, fmt.Errorf("read the runs: %w", err)
		}
		runs[workflow]++
		late = append(late, time.UnixMicro(created).Sub(at).Seconds())
		if late[len(late)-1] < 0 {
			return nil, errors.New("a run was there before its time")
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the runs: %w", err)
	}
	if len(late) != n || len(runs) != n {
		return nil, fmt.Errorf("%d runs of %d workflows, not one of each of %d", len(late), len(runs), n)
	}
	return late, nil
}

// checkIdle returns an error if anything was run.
func (s *system) checkIdle(ctx context.Context) error {
	db, err := s.OpenDatabase()
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer db.Close()
	var runs int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM workflow_runs").Scan(&runs); err != nil {
		return fmt.Errorf("count runs: %w", err)
	}
	if runs > 0 {
		return fmt.Errorf("it was not idle: %d runs were made", runs)
	}
	return nil
}

// instant returns a time as the database holds it.
func (s *system) instant(at time.Time) any {
	if s.config.Database == "" {
		return at.UnixMicro()
	}
	return at
}

// micros returns the expression of a time in microseconds since 1970, which
// SQLite's columns hold as they are.
func (s *system) micros(column string) string {
	if s.config.Database == "" {
		return column
	}
	return "(extract(epoch FROM " + column + ") * 1000000)::bigint"
}
