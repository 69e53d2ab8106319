package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// Sizes of one step of the duties below. Each step is a short transaction.
const (
	startBatch   = 1000 // of many transactions: each look goes over all workflows that wait
	overdueBatch = 50
	promoteBatch = 500
	expireBatch  = 200
	pastBatch    = 500
	deleteBatch  = 100
)

// pastPoll is how often task runs that wait for the past are asked about by hand.
const pastPoll = 5 * time.Second

// retentionPoll is how often old runs are looked for.
const retentionPoll = time.Hour

// schedulerActor is who the audit log names for what no person asked for.
var schedulerActor = miniairflow.Actor{Name: miniairflow.SchedulerName}

// starts starts the runs whose turn has come.
type starts struct {
	store   miniairflow.RunStore
	firing  *firing // slots that are due are fired first
	logger  *slog.Logger
	shelf   shelf[uuid.UUID] // workflows
	started chan<- struct{}  // poked after starts: a run that started may have a deadline
}

// pass starts every pending run whose turn has come. A workflow whose runs cannot start
// is logged and left alone for a while: it delays no other.
func (s *starts) pass(ctx context.Context) (time.Duration, error) {
	for {
		s.firing.wait(ctx)
		s.shelf.clear(time.Now())
		ids, err := s.store.StartRuns(ctx, startBatch, slices.Collect(maps.Keys(s.shelf))...)
		if len(ids) > 0 {
			poke(s.started)
		}
		faults, isOfSome := errors.AsType[miniairflow.StartFaults](err)
		if err != nil && (!isOfSome || ctx.Err() != nil) {
			return 0, fmt.Errorf("start runs: %w", err)
		}
		for workflow, fault := range faults {
			s.setAside(ctx, workflow, fault)
		}
		if len(ids) < startBatch {
			return s.shelf.first(time.Now()), nil
		}
	}
}

func (s *starts) setAside(ctx context.Context, workflow uuid.UUID, err error) {
	level, lies := slog.LevelError, runShelfTime
	if isTransient(err) {
		level, lies = slog.LevelWarn, runRetryDelay
	}
	s.shelf.put(workflow, time.Now().Add(lies))
	s.logger.Log(ctx, level, "Scheduler: Runs of a workflow cannot start, set aside for a while",
		"workflow_id", workflow, "for", lies.String(), "error", err)
}

// endOverdueRuns cancels the runs whose workflow's timeout has passed.
func endOverdueRuns(ctx context.Context, store miniairflow.Store, ends *steps) (time.Duration, error) {
	var next *time.Time
	wait, err := ends.pass(ctx, overdueBatch, func(limit int) (found []step, err error) {
		var overdue []uuid.UUID
		if overdue, next, err = store.OverdueRuns(ctx, limit); err != nil {
			return nil, fmt.Errorf("find overdue runs: %w", err)
		}
		for _, id := range overdue {
			found = append(found, step{id, func() error {
				if _, err := store.CancelRun(ctx, miniairflow.Cancel{RunID: id, TimedOut: true, By: schedulerActor}); err != nil {
					return fmt.Errorf("cancel overdue run: %w", err)
				}
				return nil
			}})
		}
		return found, nil
	})
	if err != nil {
		return 0, err
	}
	return sooner(ctx, store, next, wait)
}

// failExpired fails the task runs that have been queued for their queue_timeout.
func failExpired(ctx context.Context, store miniairflow.Store) (time.Duration, error) {
	for {
		failed, next, err := store.FailExpired(ctx, expireBatch)
		if err != nil {
			return 0, fmt.Errorf("fail expired tasks: %w", err)
		}
		if failed < expireBatch {
			return until(ctx, store, next)
		}
	}
}

// askForPasts asks again about the task runs that wait for the run before theirs.
// The ends of that run do so themselves; this is for what has no end, and for an end
// that came in the same moment as the look.
func askForPasts(ctx context.Context, store miniairflow.TaskStore) (time.Duration, error) {
	if _, err := store.AskForPasts(ctx, pastBatch); err != nil {
		return 0, fmt.Errorf("ask about the past: %w", err)
	}
	return unknown, nil
}

// retries is the duty that makes task runs claimable whose retry delay is over.
// kick is a hint that a delay began; the end of a child run cuts one short.
func retries(store miniairflow.Store, poll time.Duration, kick <-chan struct{}) loop {
	return loop{name: "promote retries", topics: []miniairflow.Topic{miniairflow.TopicChild}, kick: kick, poll: poll, pass: func(ctx context.Context) (time.Duration, error) {
		for {
			promoted, next, err := store.PromoteRetries(ctx, promoteBatch)
			if err != nil {
				return 0, fmt.Errorf("promote retries: %w", err)
			}
			if promoted < promoteBatch {
				return until(ctx, store, next)
			}
		}
	}}
}

// deleteOldRuns deletes the runs that finished longer than keep ago, with their
// logs, in batches that block nobody for long.
func deleteOldRuns(ctx context.Context, store miniairflow.Store, keep time.Duration) (time.Duration, error) {
	now, err := store.Now(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the database's time: %w", err)
	}
	for {
		deleted, err := store.DeleteRuns(ctx, now.Add(-keep), deleteBatch)
		if err != nil {
			return 0, fmt.Errorf("delete old runs: %w", err)
		}
		if deleted < deleteBatch {
			return unknown, nil
		}
	}
}

// deleteOldMissed deletes what is known of slots without a run that are longer than
// keep ago.
func deleteOldMissed(ctx context.Context, store miniairflow.Store, keep time.Duration) (time.Duration, error) {
	now, err := store.Now(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the database's time: %w", err)
	}
	for {
		deleted, err := store.DeleteMissedSlots(ctx, now.Add(-keep), deleteBatch)
		if err != nil {
			return 0, fmt.Errorf("delete old missed slots: %w", err)
		}
		if deleted < deleteBatch {
			return unknown, nil
		}
	}
}

// deleteOldFiles deletes the contents of files that no version needs any more.
func deleteOldFiles(ctx context.Context, store miniairflow.FileStore) (time.Duration, error) {
	if _, err := store.DeleteFiles(ctx); err != nil {
		return 0, fmt.Errorf("delete files of old versions: %w", err)
	}
	return unknown, nil
}
