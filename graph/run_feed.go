package graph

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// updateTasksMax is how many task runs one WorkflowRunUpdate holds at most.
const updateTasksMax = 1000

// runState is a run with all its task runs. A task run that has not changed is
// the same pointer in the next state, which is how watchers find what has.
type runState struct {
	run      *miniairflow.WorkflowRun
	tasks    []*miniairflow.TaskRun // by Seq
	revision int64
}

func wantsRun(id uuid.UUID, e miniairflow.Event) bool {
	return e.Topic == miniairflow.TopicRun && e.ID == id
}

// pollRun reads the changes of one run.
func pollRun(store miniairflow.RunStore, id uuid.UUID) poller[*runState] {
	state := &runState{}
	return func(ctx context.Context) (*runState, bool, bool, error) {
		changes, err := store.RunChanges(ctx, id, state.revision)
		if err != nil {
			return state, false, false, fmt.Errorf("read changes of run %s: %w", id, err)
		}
		next := state.merge(changes)
		changed := next.run != state.run || !sameTasks(next.tasks, state.tasks)
		state = next
		return state, changed, state.isOver(), nil
	}
}

// merge returns the state after changes. What did not really change keeps its
// pointer: a change may be reported twice.
func (s *runState) merge(changes miniairflow.RunChanges) *runState {
	next := &runState{run: s.run, tasks: s.tasks, revision: max(s.revision, changes.Revision)}
	if s.run == nil || !sameRun(s.run, changes.Run) {
		next.run = changes.Run
	}
	copied := false
	for _, t := range changes.TaskRuns {
		at, found := placeOf(next.tasks, t.Seq)
		if found && sameTaskRun(next.tasks[at], t) {
			continue
		}
		if !copied {
			next.tasks, copied = slices.Clone(next.tasks), true
		}
		if found {
			next.tasks[at] = t
			continue
		}
		next.tasks = slices.Insert(next.tasks, at, t)
	}
	return next
}

// placeOf returns where the task run at place seq of its run is among those of a
// state, or belongs.
func placeOf(tasks []*miniairflow.TaskRun, seq int) (at int, found bool) {
	return slices.BinarySearchFunc(tasks, seq, func(t *miniairflow.TaskRun, seq int) int { return t.Seq - seq })
}

// isOver reports whether the run and all its task runs have ended.
func (s *runState) isOver() bool {
	if s.run == nil || !s.run.IsTerminal() {
		return false
	}
	return !slices.ContainsFunc(s.tasks, func(t *miniairflow.TaskRun) bool { return !t.IsTerminal() })
}

// since returns the task runs that are not the same in an earlier state, and
// those at the given places.
func (s *runState) since(old *runState, places map[int]bool) []*miniairflow.TaskRun {
	changed := []*miniairflow.TaskRun{}
	for _, t := range s.tasks {
		if at, found := placeOf(old.tasks, t.Seq); places[t.Seq] || !found || old.tasks[at] != t {
			changed = append(changed, t)
		}
	}
	return changed
}

func sameTasks(a, b []*miniairflow.TaskRun) bool { return slices.Equal(a, b) }

// sameRun and sameTaskRun compare what people see: a new revision alone is no change.
func sameRun(a, b *miniairflow.WorkflowRun) bool {
	x, y := *a, *b
	x.Revision, y.Revision = 0, 0
	return reflect.DeepEqual(x, y)
}

func sameTaskRun(a, b *miniairflow.TaskRun) bool {
	x, y := *a, *b
	x.Revision, y.Revision = 0, 0
	return reflect.DeepEqual(x, y)
}

// watchRun streams a run: first everything, or what may have changed after a
// revision, then each change, until the run is over.
func (r *Resolver) watchRun(ctx context.Context, id uuid.UUID, since *int64) (<-chan *model.WorkflowRunUpdate, error) {
	if _, err := r.store.FindRun(ctx, id); err != nil {
		return nil, fmt.Errorf("find run %s: %w", id, err)
	}
	return stream(ctx, r.live.tasks, func(ctx context.Context, send func(*model.WorkflowRunUpdate) error) error {
		feed, leave := r.live.runs.join(r.live.tasks, id)
		defer leave()
		start, err := r.startRun(ctx, feed, id, valueOr(since, 0))
		if err != nil {
			return err
		}
		state, version, changed, revision := start.state, start.version, start.changed, start.revision
		for {
			if revision, err = sendRun(send, state, changed, revision); err != nil || state.isOver() {
				return err
			}
			old := state
			if state, version, err = feed.next(ctx, version); err != nil {
				return err
			}
			changed = state.since(old, nil)
		}
	}), nil
}

// runStart is where a watcher of a run begins.
type runStart struct {
	state    *runState
	version  int
	changed  []*miniairflow.TaskRun // what the client lacks
	revision int64                  // up to which it has everything; 0: it has nothing
}

// startRun finds out what a client lacks that has everything up to a revision;
// 0: it has nothing. A revision that the store has not reached is of another
// database, so it counts as 0.
func (r *Resolver) startRun(ctx context.Context, feed *feed[*runState], id uuid.UUID, since int64) (runStart, error) {
	before, version, err := feed.fresh(ctx)
	if err != nil {
		return runStart{}, err
	}
	if since <= 0 || since > before.revision {
		return runStart{state: before, version: version, changed: before.since(&runState{}, nil)}, nil
	}
	changes, err := r.store.RunChanges(ctx, id, since)
	if err != nil {
		return runStart{}, fmt.Errorf("read changes of run %s since %d: %w", id, since, err)
	}
	places := make(map[int]bool, len(changes.TaskRuns))
	for _, t := range changes.TaskRuns {
		places[t.Seq] = true
	}
	// A state that was read after the query holds what the query found, or
	// something newer: the client never sees a task run go back.
	state, version, err := feed.fresh(ctx)
	if err != nil {
		return runStart{}, err
	}
	return runStart{state: state, version: version, changed: state.since(before, places), revision: since}, nil
}

// sendRun sends a state, in several updates if many task runs have changed, and
// returns the revision up to which the client has everything now.
func sendRun(send func(*model.WorkflowRunUpdate) error, state *runState, changed []*miniairflow.TaskRun, revision int64) (int64, error) {
	for len(changed) > updateTasksMax {
		part := &model.WorkflowRunUpdate{WorkflowRun: state.run, Revision: revision, ChangedTaskRuns: changed[:updateTasksMax]}
		if err := send(part); err != nil {
			return revision, err
		}
		changed = changed[updateTasksMax:]
	}
	revision = max(revision, state.revision)
	return revision, send(&model.WorkflowRunUpdate{WorkflowRun: state.run, Revision: revision, ChangedTaskRuns: changed})
}
