package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/bench/report"
)

// Sizes of the pages that are asked for, and where the API stops to count.
const (
	listPage = 50
	runPage  = 200
	countMax = 1000
)

// The queries, with what a page shows of each object.
const (
	listText = `query { workflowRuns(first: 50) {
		nodes { id label status createdAt startedAt finishedAt taskCount workflow { name } taskStates { status count } }
		pageInfo { hasNextPage endCursor } } }`
	pageText = `query ($id: ID!) { workflowRun(id: $id) { label status taskCount taskStates { status count }
		taskRuns(first: 200) {
			nodes { id index name status attempt startedAt finishedAt waitReason }
			pageInfo { hasNextPage endCursor } } } }`
	failedText = `query { taskRuns(first: 50, filter: {statuses: [FAILED]}) {
		nodes { id name status reason exitCode finishedAt workflowRun { label } }
		pageInfo { hasNextPage endCursor } } }`
	countTasksText = `query { taskRuns(first: 1) { totalCount totalCountIsExact } }`
	countRunsText  = `query { workflowRuns(first: 1) { totalCount totalCountIsExact } }`
)

// apiQuery is a question to the API, and what the store has to do for it.
type apiQuery struct {
	name      string
	note      string
	text      string
	variables map[string]any
	check     func(data []byte) error
	bare      func(ctx context.Context, store miniairflow.Store) error
	isMore    bool // what is answered of a long history is more than of a short one
}

// queries are what is asked of a history.
func (h *history) queries() []apiQuery {
	return []apiQuery{
		{name: "list of runs", text: listText, check: h.checkList, bare: h.bareList},
		{name: "page of one run", text: pageText, variables: map[string]any{"id": h.page}, check: h.checkPage, bare: h.barePage},
		{name: "failed task runs", text: failedText, check: h.checkFailed, bare: h.bareFailed},
		{name: "count of task runs", text: countTasksText, check: checkCount(h.tasks), bare: bareCountTasks},
		{
			name: "count of runs", text: countRunsText, check: checkCount(h.runs), bare: bareCountRuns, isMore: true,
			note: fmt.Sprintf("counting stops at %s, so that more runs cost no more", report.Number(countMax)),
		},
	}
}

// stateCount is how many task runs of a run are in a state.
type stateCount struct {
	Status string
	Count  int
}

func total(states []stateCount) (n int) {
	for _, s := range states {
		n += s.Count
	}
	return n
}

func (h *history) checkList(data []byte) error {
	var found struct {
		WorkflowRuns struct {
			Nodes []struct {
				ID, Label  string
				Workflow   struct{ Name string }
				TaskCount  int
				TaskStates []stateCount
			}
		}
	}
	if err := json.Unmarshal(data, &found); err != nil {
		return err
	}
	nodes := found.WorkflowRuns.Nodes
	if want := min(h.runs, listPage); len(nodes) != want {
		return fmt.Errorf("%d runs, not %d", len(nodes), want)
	}
	for _, run := range nodes {
		if run.TaskCount == 0 || total(run.TaskStates) != run.TaskCount || run.Workflow.Name == "" {
			return fmt.Errorf("run %s of workflow %q: %d of %d task runs have a state", run.Label, run.Workflow.Name, total(run.TaskStates), run.TaskCount)
		}
	}
	return nil
}

func (h *history) bareList(ctx context.Context, store miniairflow.Store) error {
	runs, err := store.FindRuns(ctx, miniairflow.RunFilter{Limit: listPage})
	if err != nil {
		return err
	}
	ids := make([]uuid.UUID, len(runs))
	known := map[uuid.UUID]bool{}
	for i, run := range runs {
		ids[i] = run.ID
		if known[run.WorkflowID] {
			continue
		}
		known[run.WorkflowID] = true
		if _, err := store.FindWorkflow(ctx, run.WorkflowID); err != nil {
			return err
		}
	}
	if _, err := store.CountTasks(ctx, ids); err != nil || len(runs) < listPage {
		return err
	}
	last := runs[len(runs)-1]
	_, err = store.FindRuns(ctx, miniairflow.RunFilter{Before: &miniairflow.RunCursor{CreatedAt: last.CreatedAt, ID: last.ID}, Limit: 1})
	return err
}

func (h *history) checkPage(data []byte) error {
	var found struct {
		WorkflowRun struct {
			TaskStates []stateCount
			TaskRuns   struct {
				Nodes []struct {
					Status     string
					FinishedAt *string
					WaitReason *string
				}
			}
		}
	}
	if err := json.Unmarshal(data, &found); err != nil {
		return err
	}
	if n := total(found.WorkflowRun.TaskStates); n != h.widest {
		return fmt.Errorf("%d of %d task runs have a state", n, h.widest)
	}
	nodes := found.WorkflowRun.TaskRuns.Nodes
	if want := min(h.widest, runPage); len(nodes) != want {
		return fmt.Errorf("%d task runs, not %d", len(nodes), want)
	}
	for i, task := range nodes {
		if task.Status != "SUCCESS" || task.FinishedAt == nil || task.WaitReason != nil {
			return fmt.Errorf("task run %d is not shown as successful", i)
		}
	}
	return nil
}

func (h *history) barePage(ctx context.Context, store miniairflow.Store) error {
	id, err := uuid.Parse(h.page)
	if err != nil {
		return err
	}
	if _, err := store.FindRun(ctx, id); err != nil {
		return err
	}
	if _, err := store.CountTasks(ctx, []uuid.UUID{id}); err != nil {
		return err
	}
	return bareTaskPage(ctx, store, miniairflow.TaskRunFilter{RunID: id, Limit: runPage}, func([]*miniairflow.TaskRun) error { return nil })
}

// bareTaskPage reads a page of task runs, does the rest for it, and looks
// whether another page follows.
func bareTaskPage(ctx context.Context, store miniairflow.Store, filter miniairflow.TaskRunFilter, rest func([]*miniairflow.TaskRun) error) error {
	found, err := store.FindTaskRuns(ctx, filter)
	if err != nil {
		return err
	}
	if err := rest(found); err != nil || len(found) < filter.Limit {
		return err
	}
	last := found[len(found)-1]
	filter.After, filter.Limit = &miniairflow.TaskRunKey{RunID: last.RunID, Seq: last.Seq}, 1
	_, err = store.FindTaskRuns(ctx, filter)
	return err
}

func (h *history) checkFailed(data []byte) error {
	var found struct {
		TaskRuns struct {
			Nodes []struct {
				Status      string
				WorkflowRun struct{ Label string }
			}
		}
	}
	if err := json.Unmarshal(data, &found); err != nil {
		return err
	}
	nodes := found.TaskRuns.Nodes
	if want := min(h.failed, listPage); len(nodes) != want {
		return fmt.Errorf("%d failed task runs, not %d", len(nodes), want)
	}
	for i, task := range nodes {
		if task.Status != "FAILED" || task.WorkflowRun.Label == "" {
			return fmt.Errorf("task run %d of run %q is %s", i, task.WorkflowRun.Label, task.Status)
		}
	}
	return nil
}

func (h *history) bareFailed(ctx context.Context, store miniairflow.Store) error {
	filter := miniairflow.TaskRunFilter{Statuses: []miniairflow.TaskStatus{miniairflow.TaskFailed}, Limit: listPage}
	return bareTaskPage(ctx, store, filter, func(found []*miniairflow.TaskRun) error {
		known := map[uuid.UUID]bool{}
		for _, task := range found {
			if known[task.RunID] {
				continue
			}
			known[task.RunID] = true
			if _, err := store.FindRun(ctx, task.RunID); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkCount expects a count of n, or of as many as the API counts at most.
func checkCount(n int) func(data []byte) error {
	return func(data []byte) error {
		var found map[string]struct {
			TotalCount        int
			TotalCountIsExact bool
		}
		if err := json.Unmarshal(data, &found); err != nil {
			return err
		}
		for _, count := range found {
			if count.TotalCount != min(n, countMax) || count.TotalCountIsExact != (n <= countMax) {
				return fmt.Errorf("a count of %d (exact: %t), and there are %d", count.TotalCount, count.TotalCountIsExact, n)
			}
			return nil
		}
		return fmt.Errorf("no count: %.200s", data)
	}
}

func bareCountTasks(ctx context.Context, store miniairflow.Store) error {
	if _, err := store.FindTaskRuns(ctx, miniairflow.TaskRunFilter{Limit: 1}); err != nil {
		return err
	}
	_, err := store.CountTaskRuns(ctx, miniairflow.TaskRunFilter{}, countMax+1)
	return err
}

func bareCountRuns(ctx context.Context, store miniairflow.Store) error {
	if _, err := store.FindRuns(ctx, miniairflow.RunFilter{Limit: 1}); err != nil {
		return err
	}
	_, err := store.CountRuns(ctx, miniairflow.RunFilter{}, countMax+1)
	return err
}
