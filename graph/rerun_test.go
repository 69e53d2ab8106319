package graph_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// steered is the answer of a mutation that changes a run.
type steered struct {
	WorkflowRun *struct {
		Status     string
		Generation int
		PausedAt   *string
	}
	TaskRuns   []struct{ Name, Status string }
	UserErrors []struct {
		Field         []string
		Message, Code string
	}
}

// steer sends a mutation of a run with the input of its type.
func (w *world) steer(t *testing.T, mutation, inputType string, input vars, hasTasks bool) steered {
	t.Helper()
	tasks := ""
	if hasTasks {
		tasks = "taskRuns { name status }"
	}
	var got map[string]steered
	w.ask(t, `mutation($in: `+inputType+`!) { `+mutation+`(input: $in) { workflowRun { status generation pausedAt } `+tasks+`
		userErrors { field message code } } }`, vars{"in": input}, &got)
	return got[mutation]
}

// names are those of the task runs of an answer.
func (s steered) names() (names []string) {
	for _, task := range s.TaskRuns {
		names = append(names, task.Name)
	}
	return names
}

// decide answers what a run asks schedulers for.
func (w *world) decide(t *testing.T, id uuid.UUID) {
	t.Helper()
	open, err := w.store.LoadDecisions(t.Context(), id, 100)
	require.NoError(t, err)
	v, err := w.store.FindVersion(t.Context(), open.Run.VersionID)
	require.NoError(t, err)
	dag, err := miniairflow.NewDAG(v.Definition)
	require.NoError(t, err)
	var asked []int
	for _, n := range open.Nodes {
		asked = append(asked, n.Seq)
	}
	changes := miniairflow.Advance(dag, open.Nodes, asked, miniairflow.Conditions{When: func(*miniairflow.Task) (bool, error) { return true, nil }})
	require.NoError(t, w.store.ApplyChanges(t.Context(), id, open.Run.Generation, changes))
}

func TestPauseAndResumeRun(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.save(t, workflow("etl", "a", "b"))
		id := w.started(t, "etl")
		for range 2 {
			got := w.steer(t, "pauseWorkflowRun", "PauseWorkflowRunInput", vars{"id": id, "reason": "wait"}, false)
			require.Empty(t, got.UserErrors)
			require.NotNil(t, got.WorkflowRun.PausedAt)
		}
		require.Empty(t, w.work(t, 1), "nothing of a paused run starts")
		for range 2 {
			got := w.steer(t, "resumeWorkflowRun", "ResumeWorkflowRunInput", vars{"id": id}, false)
			require.Nil(t, got.WorkflowRun.PausedAt)
		}
		require.Len(t, w.work(t, 1), 1)
		got := w.steer(t, "pauseWorkflowRun", "PauseWorkflowRunInput", vars{"id": uuid.New()}, false)
		require.Equal(t, []string{"id"}, got.UserErrors[0].Field)
		require.Equal(t, "NOT_FOUND", got.UserErrors[0].Code)
	})
}

// A run whose second of three tasks failed is retried, cleared and marked.
func TestRerun(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.save(t, workflow("etl", "a", "b", "c"))
		id := w.started(t, "etl")
		fail := func(c miniairflow.Claim) miniairflow.Finish {
			f := succeed(c)
			f.Attempt, f.Next = miniairflow.AttemptFailed, miniairflow.TaskFailed
			return f
		}
		b := w.work(t, 1, succeed(w.work(t, 1)[0]))
		w.work(t, 0, fail(b[0]))
		w.decide(t, id)

		retry := func(input vars) steered { return w.steer(t, "retryWorkflowRun", "RetryWorkflowRunInput", input, true) }
		dry := retry(vars{"id": id, "dryRun": true})
		require.Equal(t, []string{"b", "c"}, dry.names())
		require.Equal(t, "FAILED", dry.WorkflowRun.Status, "a dry run changes nothing")
		request := uuid.New()
		got := retry(vars{"id": id, "requestId": request, "reason": "mended"})
		require.Equal(t, []string{"b", "c"}, got.names())
		require.Equal(t, "PENDING", got.WorkflowRun.Status)
		require.Equal(t, 2, got.WorkflowRun.Generation)
		require.Empty(t, retry(vars{"id": id, "requestId": request}).TaskRuns, "the same request is done once")
		_, err := w.store.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		w.finish(t)

		clearTasks := func(input vars) steered { return w.steer(t, "clearTaskRuns", "ClearTaskRunsInput", input, true) }
		require.Equal(t, []string{"b"}, clearTasks(vars{"workflowRunId": id, "tasks": []string{"b"}, "dryRun": true}).names())
		got = clearTasks(vars{"workflowRunId": id, "tasks": []string{"b"}, "downstream": true})
		require.Equal(t, []string{"b", "c"}, got.names())
		require.Equal(t, 3, got.WorkflowRun.Generation)
		_, err = w.store.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		w.finish(t)

		mark := func(input vars) steered { return w.steer(t, "markTaskRuns", "MarkTaskRunsInput", input, true) }
		for _, c := range []struct{ status, run string }{{"SKIPPED", "SUCCESS"}, {"FAILED", "FAILED"}, {"SUCCESS", "SUCCESS"}} {
			got = mark(vars{"workflowRunId": id, "tasks": []string{"c"}, "status": c.status})
			require.Empty(t, got.UserErrors, c.status)
			require.Equal(t, c.status, got.TaskRuns[0].Status)
			require.Equal(t, c.run, got.WorkflowRun.Status, "the result follows from the mark")
		}
		for name, c := range map[string]struct {
			got   steered
			field string
			code  string
		}{
			"no such task":   {clearTasks(vars{"workflowRunId": id, "tasks": []string{"x"}}), "tasks", "INVALID"},
			"no task":        {clearTasks(vars{"workflowRunId": id, "tasks": []string{}}), "", "INVALID"},
			"no such run":    {retry(vars{"id": uuid.New()}), "id", "NOT_FOUND"},
			"no mark":        {mark(vars{"workflowRunId": id, "tasks": []string{"a"}, "status": "RUNNING"}), "", "INVALID"},
			"mark of no run": {mark(vars{"workflowRunId": uuid.New(), "tasks": []string{"a"}, "status": "SUCCESS"}), "workflowRunId", "NOT_FOUND"},
		} {
			require.Len(t, c.got.UserErrors, 1, name)
			require.Equal(t, c.code, c.got.UserErrors[0].Code, name)
			require.NotEmpty(t, c.got.UserErrors[0].Message, name)
			if c.field != "" {
				require.Equal(t, []string{c.field}, c.got.UserErrors[0].Field, name)
			}
		}
	})
}

func TestPoolMutations(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		type pool struct {
			Name, Description, Origin string
			Slots, Used               int
		}
		set := func(input vars) (p *pool, code string) {
			var got struct {
				SetPool struct {
					Pool       *pool
					UserErrors []struct{ Code string }
				}
			}
			w.ask(t, `mutation($in: SetPoolInput!) { setPool(input: $in) { pool { name slots used description origin } userErrors { code } } }`, vars{"in": input}, &got)
			for _, e := range got.SetPool.UserErrors {
				code = e.Code
			}
			return got.SetPool.Pool, code
		}
		remove := func(name string) (deleted bool, code string) {
			var got struct {
				DeletePool struct {
					IsDeleted  bool
					UserErrors []struct{ Code string }
				}
			}
			w.ask(t, `mutation($n: String!) { deletePool(input: {name: $n, reason: "not used"}) { isDeleted userErrors { code } } }`, vars{"n": name}, &got)
			for _, e := range got.DeletePool.UserErrors {
				code = e.Code
			}
			return got.DeletePool.IsDeleted, code
		}
		p, code := set(vars{"name": "wh", "slots": 4, "description": "connections"})
		require.Empty(t, code)
		require.Equal(t, &pool{Name: "wh", Description: "connections", Origin: "API", Slots: 4}, p)
		_, code = set(vars{"name": "wh", "slots": -1})
		require.Equal(t, "INVALID", code)
		_, err := w.store.SyncPools(t.Context(), "pools.yaml", []miniairflow.Pool{{Name: "filed", Slots: 1}}, nil)
		require.NoError(t, err)
		_, code = set(vars{"name": "filed", "slots": 2})
		require.Equal(t, "CONFLICT", code)
		_, code = remove("filed")
		require.Equal(t, "CONFLICT", code)
		deleted, _ := remove("wh")
		require.True(t, deleted)
		_, code = remove("wh")
		require.Equal(t, "NOT_FOUND", code)
	})
}
