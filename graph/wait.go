package graph

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// waitReasons says why each task run does not run now; nil for one that is
// running or over. It costs two queries a run and one for the workers.
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
	for runID, places := range byRun {
		version, err := r.versionOfRun(ctx, runID)
		if err != nil {
			return nil, err
		}
		upstream, err := r.upstreamOf(ctx, runID, version.Definition, taskRuns, places)
		if err != nil {
			return nil, err
		}
		for _, i := range places {
			reason := miniairflow.WaitReason(taskRuns[i], miniairflow.Waiting{
				Task: &version.Definition.Tasks[taskRuns[i].Seq], Upstream: upstream[i],
				MaxActiveTasks: version.Definition.MaxActiveTasks, Queues: queues,
			})
			reasons[i] = &reason
		}
	}
	return reasons, nil
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

// upstreamOf returns, by place in taskRuns, the upstream task runs of those that
// are pending, all of one run.
func (r *Resolver) upstreamOf(ctx context.Context, runID uuid.UUID, d *miniairflow.Definition, taskRuns []*miniairflow.TaskRun, places []int) (map[int][]*miniairflow.TaskRun, error) {
	seqs := make(map[string]int, len(d.Tasks))
	for i := range d.Tasks {
		seqs[d.Tasks[i].Name] = i
	}
	wanted := map[int][]int{}
	var all []int
	for _, i := range places {
		if taskRuns[i].Status != miniairflow.TaskPending {
			continue
		}
		for _, name := range d.Tasks[taskRuns[i].Seq].DependsOn {
			wanted[i] = append(wanted[i], seqs[name])
		}
		slices.Sort(wanted[i])
		all = append(all, wanted[i]...)
	}
	slices.Sort(all)
	found, err := r.store.TaskResults(ctx, runID, slices.Compact(all))
	if err != nil {
		return nil, fmt.Errorf("find upstream tasks: %w", err)
	}
	bySeq := make(map[int]*miniairflow.TaskRun, len(found))
	for _, t := range found {
		bySeq[t.Seq] = t
	}
	upstream := make(map[int][]*miniairflow.TaskRun, len(wanted))
	for i, want := range wanted {
		for _, seq := range want {
			if t := bySeq[seq]; t != nil {
				upstream[i] = append(upstream[i], t)
			}
		}
	}
	return upstream, nil
}
