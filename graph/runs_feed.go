package graph

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// Bounds of the feed of all runs.
const (
	runsGap        = 400 * time.Millisecond // between two looks, however much happens
	runsLooked     = 200                    // newest runs that each look compares, beside all active ones
	runsRemembered = 1000                   // changed runs that a slow client may be behind
	runsAtOnce     = 50                     // runs that a new client gets first
)

// runsState is the runs that changed last.
type runsState struct {
	changes []runChange // by seq, each run once
	seq     int         // of the latest change
	lost    int         // the seq of the latest change that is not remembered
}

type runChange struct {
	seq int
	run *miniairflow.WorkflowRun
}

// since returns the changes after seq. ok is false if some were forgotten.
func (s *runsState) since(seq int) (changes []runChange, ok bool) {
	first, _ := slices.BinarySearchFunc(s.changes, seq+1, func(c runChange, seq int) int { return c.seq - seq })
	return s.changes[first:], seq >= s.lost
}

// with returns the state with more changes.
func (s *runsState) with(runs []*miniairflow.WorkflowRun) *runsState {
	changed := make(map[uuid.UUID]bool, len(runs))
	for _, run := range runs {
		changed[run.ID] = true
	}
	next := &runsState{seq: s.seq, lost: s.lost}
	for _, c := range s.changes {
		if !changed[c.run.ID] {
			next.changes = append(next.changes, c)
		}
	}
	for _, run := range runs {
		next.seq++
		next.changes = append(next.changes, runChange{seq: next.seq, run: run})
	}
	if extra := len(next.changes) - runsRemembered; extra > 0 {
		next.lost = next.changes[extra-1].seq
		next.changes = slices.Clone(next.changes[extra:])
	}
	return next
}

// runMark is what was last seen of a run.
type runMark struct {
	run    *miniairflow.WorkflowRun
	states map[miniairflow.TaskStatus]int
}

func wantsRuns(_ struct{}, e miniairflow.Event) bool {
	return e.Topic == miniairflow.TopicRun || e.Topic == miniairflow.TopicRuns
}

// pollRuns compares the newest runs, the active ones, and those that were active.
func pollRuns(store miniairflow.Store) poller[*runsState] {
	state := &runsState{}
	var known map[uuid.UUID]runMark
	return func(ctx context.Context) (*runsState, bool, bool, error) {
		marks, err := markRuns(ctx, store, known)
		if err != nil {
			return state, false, false, err
		}
		var changed []*miniairflow.WorkflowRun
		for id, mark := range marks {
			old, seen := known[id]
			same := seen && sameRun(old.run, mark.run) && maps.Equal(old.states, mark.states)
			if known != nil && !same {
				changed = append(changed, mark.run)
			}
		}
		slices.SortFunc(changed, olderFirst)
		known = marks
		if len(changed) > 0 {
			state = state.with(changed)
		}
		return state, len(changed) > 0, false, nil
	}
}

// markRuns looks at the runs that may have changed since known.
func markRuns(ctx context.Context, store miniairflow.Store, known map[uuid.UUID]runMark) (map[uuid.UUID]runMark, error) {
	newest, err := store.FindRuns(ctx, miniairflow.RunFilter{Limit: runsLooked})
	if err != nil {
		return nil, fmt.Errorf("find runs: %w", err)
	}
	active, err := activeRuns(ctx, store)
	if err != nil {
		return nil, err
	}
	marks := make(map[uuid.UUID]runMark, len(newest)+len(active))
	for _, run := range slices.Concat(newest, active) {
		marks[run.ID] = runMark{run: run}
	}
	for id, mark := range known {
		if _, listed := marks[id]; listed || mark.run.IsTerminal() {
			continue
		}
		run, err := store.FindRun(ctx, id)
		if errors.Is(err, miniairflow.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find run %s: %w", id, err)
		}
		marks[id] = runMark{run: run}
	}
	counts, err := store.CountTasks(ctx, slices.Collect(maps.Keys(marks)))
	if err != nil {
		return nil, fmt.Errorf("count task runs: %w", err)
	}
	for id, mark := range marks {
		mark.states = counts[id]
		marks[id] = mark
	}
	return marks, nil
}

// activeRuns returns all runs that are not over, the newest first. Page by page
// it stays quick with thousands of them, as after a backfill.
func activeRuns(ctx context.Context, store miniairflow.RunStore) ([]*miniairflow.WorkflowRun, error) {
	filter := miniairflow.RunFilter{Statuses: []miniairflow.RunStatus{miniairflow.RunPending, miniairflow.RunRunning}, Limit: pageMax}
	var active []*miniairflow.WorkflowRun
	for {
		page, err := store.FindRuns(ctx, filter)
		if err != nil {
			return nil, fmt.Errorf("find active runs: %w", err)
		}
		active = append(active, page...)
		if len(page) < pageMax {
			return active, nil
		}
		last := page[len(page)-1]
		filter.Before = &miniairflow.RunCursor{CreatedAt: last.CreatedAt, ID: last.ID}
	}
}

func olderFirst(a, b *miniairflow.WorkflowRun) int {
	if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
		return c
	}
	return slices.Compare(a.ID[:], b.ID[:])
}

// watchRuns streams the newest runs that match a filter, and then each run that
// has changed and matches.
func (r *Resolver) watchRuns(ctx context.Context, filter *model.WorkflowRunFilter) (<-chan *miniairflow.WorkflowRun, error) {
	f, err := r.runFilter(ctx, filter)
	if err != nil {
		return nil, err
	}
	f.Limit = runsAtOnce
	return stream(ctx, r.live.tasks, func(ctx context.Context, send func(*miniairflow.WorkflowRun) error) error {
		feed, leave := r.live.allRuns.join(r.live.tasks, struct{}{})
		defer leave()
		before, _, err := feed.fresh(ctx)
		if err != nil {
			return err
		}
		first, err := r.store.FindRuns(ctx, f)
		if err != nil {
			return fmt.Errorf("find runs: %w", err)
		}
		// What changed meanwhile comes from a state that was read later.
		state, version, err := feed.fresh(ctx)
		if err != nil {
			return err
		}
		changes, _ := state.since(before.seq)
		slices.Reverse(first)
		for _, run := range first {
			if slices.ContainsFunc(changes, func(c runChange) bool { return c.run.ID == run.ID }) {
				continue
			}
			if err := send(run); err != nil {
				return err
			}
		}
		return followRuns(ctx, feed, f, before.seq, state, version, send)
	}), nil
}

// followRuns sends the matching changes after seq for ever.
func followRuns(ctx context.Context, feed *feed[*runsState], f miniairflow.RunFilter, seq int, state *runsState, version int, send func(*miniairflow.WorkflowRun) error) error {
	for {
		changes, ok := state.since(seq)
		if !ok {
			return errSlowClient
		}
		for _, c := range changes {
			if !matches(f, c.run) {
				continue
			}
			if err := send(c.run); err != nil {
				return err
			}
		}
		seq = state.seq
		var err error
		if state, version, err = feed.next(ctx, version); err != nil {
			return err
		}
	}
}

func matches(f miniairflow.RunFilter, run *miniairflow.WorkflowRun) bool {
	if f.WorkflowID != uuid.Nil && f.WorkflowID != run.WorkflowID {
		return false
	}
	return len(f.Statuses) == 0 || slices.Contains(f.Statuses, run.Status)
}
