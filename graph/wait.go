package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// waitReasons says why each task run does not run now; nil for one that is
// running or over. It costs two queries a run, and three for workers, pools and time.
func (r *Resolver) waitReasons(ctx context.Context, taskRuns []*miniairflow.TaskRun) ([]*string, error) {
	reasons := make([]*string, len(taskRuns))
	byRun := map[uuid.UUID][]int{}
	for i, t := range taskRuns {
		if !t.IsTerminal() && t.Status != miniairflow.TaskRunning {
			byRun[t.RunID] = append(byRun[t.RunID], i)
		}
	}
	if len(byRun) == 0 {
		return reasons, nil
	}
	queues, err := r.servedQueues(ctx)
	if err != nil {
		return nil, err
	}
	pools, err := r.poolsOf(ctx, taskRuns)
	if err != nil {
		return nil, err
	}
	now, err := r.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the database's time: %w", err)
	}
	for runID, places := range byRun {
		run, err := r.store.FindRun(ctx, runID)
		if err != nil {
			return nil, fmt.Errorf("find run %s: %w", runID, err)
		}
		version, err := r.versions.find(ctx, run.VersionID)
		if err != nil {
			return nil, err
		}
		around := newNeighbours(version.Definition)
		states, err := r.statesAround(ctx, runID, around, taskRuns, places)
		if err != nil {
			return nil, err
		}
		for _, i := range places {
			task := version.Definition.TaskAt(taskRuns[i].Seq)
			if task == nil {
				return nil, fmt.Errorf("version %s has no task %d", version.ID, taskRuns[i].Seq)
			}
			fan, err := r.fanOut(ctx, taskRuns[i], task)
			if err != nil {
				return nil, err
			}
			reason := miniairflow.WaitReason(taskRuns[i], miniairflow.Waiting{
				Run: run, Pool: pools[taskRuns[i].Pool], Task: task, State: states[taskRuns[i].Seq], Upstream: around.open(task.DependsOn, states),
				MaxActiveTasks: version.Definition.MaxActiveTasks, Queues: queues, Now: now, FanOut: fan,
			})
			reasons[i] = model.OrNull(reason)
		}
	}
	return reasons, nil
}

// poolsOf returns the pools by name if one of the task runs may wait for one.
func (r *Resolver) poolsOf(ctx context.Context, taskRuns []*miniairflow.TaskRun) (map[string]*miniairflow.Pool, error) {
	isWanted := slices.ContainsFunc(taskRuns, func(t *miniairflow.TaskRun) bool {
		return t.Pool != "" && (t.Status == miniairflow.TaskQueued || t.Status == miniairflow.TaskWaiting || t.Status == miniairflow.TaskUpForRetry)
	})
	if !isWanted {
		return nil, nil
	}
	pools, err := r.store.FindPools(ctx, poolHoldersMax)
	if err != nil {
		return nil, fmt.Errorf("find pools: %w", err)
	}
	byName := make(map[string]*miniairflow.Pool, len(pools))
	for _, p := range pools {
		byName[p.Name] = p
	}
	return byName, nil
}

// runWaitReasons says why each run does not go on now; nil for one that does or
// is over. It costs two queries a workflow with waiting runs, and one for the time.
func (r *Resolver) runWaitReasons(ctx context.Context, runs []*miniairflow.WorkflowRun) ([]*string, error) {
	reasons := make([]*string, len(runs))
	waiting := slices.IndexFunc(runs, func(run *miniairflow.WorkflowRun) bool { return !run.IsTerminal() })
	if waiting < 0 {
		return reasons, nil
	}
	now, err := r.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the database's time: %w", err)
	}
	active := map[uuid.UUID][]string{}
	workflows := map[uuid.UUID]*miniairflow.Workflow{}
	for i, run := range runs {
		w := &miniairflow.Workflow{}
		if run.Status == miniairflow.RunPending {
			if workflows[run.WorkflowID] == nil {
				if workflows[run.WorkflowID], active[run.WorkflowID], err = r.activeRuns(ctx, run.WorkflowID); err != nil {
					return nil, err
				}
			}
			w = workflows[run.WorkflowID]
		}
		reasons[i] = model.OrNull(miniairflow.RunWaitReason(run, w, active[run.WorkflowID], now))
	}
	return reasons, nil
}

// activeRuns returns a workflow and the labels of its running runs.
func (r *Resolver) activeRuns(ctx context.Context, id uuid.UUID) (*miniairflow.Workflow, []string, error) {
	w, err := r.store.FindWorkflow(ctx, id)
	if err != nil {
		return nil, nil, fmt.Errorf("find workflow %s: %w", id, err)
	}
	running, err := r.store.FindRuns(ctx, miniairflow.RunFilter{
		WorkflowID: id, Statuses: []miniairflow.RunStatus{miniairflow.RunRunning}, Limit: min(w.MaxActiveRuns, pageMax),
		Types: []miniairflow.RunType{miniairflow.RunScheduled, miniairflow.RunManual}, // max_active_runs counts no others
	})
	if err != nil {
		return nil, nil, fmt.Errorf("find running runs: %w", err)
	}
	labels := make([]string, len(running))
	for i, run := range running {
		labels[i] = run.Label()
	}
	return w, labels, nil
}

// servedQueues returns the queues that active workers serve.
func (r *Resolver) servedQueues(ctx context.Context) ([]string, error) {
	workers, err := r.store.FindWorkers(ctx)
	if err != nil {
		return nil, fmt.Errorf("find workers: %w", err)
	}
	var queues []string
	for _, w := range workers {
		if w.Status == miniairflow.WorkerActive {
			queues = append(queues, w.Queues...)
		}
	}
	return queues, nil
}

// statesAround returns, by place, the states of those task runs of a run that are at
// the given places of taskRuns, and of the tasks that they depend on.
func (r *Resolver) statesAround(ctx context.Context, runID uuid.UUID, around *neighbours, taskRuns []*miniairflow.TaskRun, places []int) (map[int]miniairflow.TaskState, error) {
	var seqs []int
	for _, i := range places {
		seqs = append(seqs, taskRuns[i].Seq)
		if task := around.definition.TaskAt(taskRuns[i].Seq); task != nil {
			for _, name := range task.DependsOn {
				seqs = append(seqs, around.seqs[name])
			}
		}
	}
	slices.Sort(seqs)
	found, err := r.store.TaskStates(ctx, runID, slices.Compact(seqs))
	if err != nil {
		return nil, fmt.Errorf("find states of tasks: %w", err)
	}
	states := make(map[int]miniairflow.TaskState, len(found))
	for _, s := range found {
		states[s.Seq] = s
	}
	return states, nil
}

// neighbours finds tasks of a definition by name.
type neighbours struct {
	definition *miniairflow.Definition
	seqs       map[string]int
}

func newNeighbours(d *miniairflow.Definition) *neighbours {
	n := &neighbours{definition: d, seqs: make(map[string]int, len(d.Tasks))}
	for i := range d.Tasks {
		n.seqs[d.Tasks[i].Name] = i
	}
	return n
}

// open returns the names of the tasks that are not over.
func (n *neighbours) open(names []string, states map[int]miniairflow.TaskState) (open []string) {
	for _, name := range names {
		if s, found := states[n.seqs[name]]; found && !s.Status.IsTerminal() {
			open = append(open, name)
		}
	}
	return open
}

// fanOut returns how far the items of a task run are that waits for them; else nil.
func (r *Resolver) fanOut(ctx context.Context, t *miniairflow.TaskRun, task *miniairflow.Task) (*miniairflow.FanOut, error) {
	if task.ForEach == nil || t.Status != miniairflow.TaskWaiting || miniairflow.IsItem(t.Seq) {
		return nil, nil
	}
	fan, err := r.store.FindFanOut(ctx, t.RunID, t.Seq)
	if errors.Is(err, miniairflow.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find items of task %q: %w", t.Name, err)
	}
	return &fan, nil
}
