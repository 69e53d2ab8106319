package persistencetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// HotCall is a call of the store that is made often, or while others wait.
type HotCall struct {
	Name string
	Do   func(ctx context.Context, store miniairflow.Store) error
}

// hot is what the hot calls have in common: a worker, and what it has claimed.
type hot struct {
	session uuid.UUID
	run     *miniairflow.WorkflowRun // of the workflow with a bit of everything
	other   *miniairflow.WorkflowRun // another run of it
	claims  []miniairflow.Claim
}

// HotCalls returns the way of task runs from the start of their runs to their end,
// with a pool, with more of them than may be active and than belong to the share of
// a run, with retries and decisions; what people look at meanwhile; what starts runs;
// what tells people of them; and the retention. The calls are to be made in their
// order. They touch a few hundred rows, so none should read a table that has many more.
func HotCalls(t testing.TB, store miniairflow.Store) []HotCall {
	t.Helper()
	h := &hot{session: uuid.New()}
	w := miniairflow.Worker{ID: h.session, Name: "hot", Queues: []string{miniairflow.QueueDefault, "gpu"}, Concurrency: 1000}
	require.NoError(t, store.StartSession(t.Context(), w, time.Hour))
	_, err := store.SetPool(t.Context(), miniairflow.Pool{Name: "hot", Slots: 3}, miniairflow.Actor{Name: "test"})
	require.NoError(t, err)
	tasks := append(FanOut(20), Wide(30)[20:]...)
	tasks[2].When = "true"
	for i := range 4 {
		tasks[len(tasks)-1-i].Pool, tasks[len(tasks)-1-i].PoolSlots = "hot", 1
	}
	tasks[len(tasks)-5].Queue = "gpu"
	d := Define("hot", tasks...)
	d.MaxActiveTasks, d.MaxActiveRuns = 8, 10
	d.Notify = miniairflow.Notices{miniairflow.NotifyCancel: {{Webhook: &miniairflow.Webhook{URL: "https://hot.example.org/"}}}}
	v := MustSync(t, store, d)
	h.run, h.other = MustTrigger(t, store, v), MustTrigger(t, store, v)
	big := Define("big", Wide(300)...)
	big.MaxActiveTasks = 300
	MustTrigger(t, store, MustSync(t, store, big))
	calls := append(h.writes(), h.reads()...)
	for _, more := range [][]HotCall{hotStarts(t, store), hotDates(t, store), hotDeadlines(t, store), h.outbox(), retention()} {
		calls = append(calls, more...)
	}
	return calls
}

func (h *hot) writes() []HotCall {
	const both, one = 2, 1
	return []HotCall{
		{"start runs", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.StartRuns(ctx, 10)
			return err
		}},
		{"claim from one queue and a pool", h.exchange(one, 12, miniairflow.TaskSuccess)},
		{"end and claim from several queues", h.exchange(both, 12, miniairflow.TaskSuccess)},
		{"end with a retry", h.exchange(both, 12, miniairflow.TaskUpForRetry)},
		{"promote retries", func(ctx context.Context, s miniairflow.Store) error {
			_, _, err := s.PromoteRetries(ctx, 100)
			return err
		}},
		{"decide", func(ctx context.Context, s miniairflow.Store) error {
			if _, err := s.Undecided(ctx, 10); err != nil {
				return err
			}
			open, err := s.LoadDecisions(ctx, h.run.ID, 10)
			if err != nil {
				return err
			}
			if _, err := s.LoadNodes(ctx, h.run.ID, []int{2, 3}); err != nil {
				return err
			}
			var changes []miniairflow.Change
			for _, n := range open.Nodes {
				changes = append(changes, miniairflow.Change{Seq: n.Seq, To: miniairflow.TaskQueued, Generation: n.Generation})
			}
			return s.ApplyChanges(ctx, h.run.ID, open.Run.Generation, changes)
		}},
		{"end more", h.exchange(both, 50, miniairflow.TaskSuccess)},
		{"end the last", h.exchange(both, 0, miniairflow.TaskFailed)},
		{"fail what has expired", func(ctx context.Context, s miniairflow.Store) error {
			_, _, err := s.FailExpired(ctx, 100)
			return err
		}},
		{"find overdue runs", func(ctx context.Context, s miniairflow.Store) error {
			_, _, err := s.OverdueRuns(ctx, 100)
			return err
		}},
		{"find due schedules", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.DueSchedules(ctx, 100)
			return err
		}},
		{"pause", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.SetRunPaused(ctx, h.other.ID, true, miniairflow.Actor{})
			return err
		}},
		{"cancel", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.CancelRun(ctx, miniairflow.Cancel{RunID: h.other.ID})
			return err
		}},
		{"heartbeat", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.Heartbeat(ctx, h.session, []miniairflow.HeldAttempt{{RunID: h.run.ID, Token: uuid.New()}}, time.Hour)
			return err
		}},
	}
}

// exchange ends all claims alike and makes new ones, from so many queues.
func (h *hot) exchange(queues, limit int, next miniairflow.TaskStatus) func(context.Context, miniairflow.Store) error {
	return func(ctx context.Context, s miniairflow.Store) error {
		request := miniairflow.Exchange{
			SessionID: h.session, Queues: []string{miniairflow.QueueDefault, "gpu"}[:queues], Limit: limit, Token: uuid.New(),
		}
		for _, c := range h.claims {
			f := miniairflow.Finish{RunID: c.RunID, Seq: c.Seq, Token: c.Token, Attempt: miniairflow.AttemptSuccess, Next: next}
			if next != miniairflow.TaskSuccess {
				f.Attempt = miniairflow.AttemptFailed
			}
			request.Finishes = append(request.Finishes, f)
		}
		result, err := s.Exchange(ctx, request)
		if err == nil && len(result.Claims) == 0 && limit > 0 {
			err = errors.New("nothing was claimed")
		}
		h.claims = result.Claims
		return err
	}
}

func (h *hot) reads() []HotCall {
	findTaskRuns := func(filter miniairflow.TaskRunFilter) func(context.Context, miniairflow.Store) error {
		return func(ctx context.Context, s miniairflow.Store) error {
			filter.Limit = 10
			_, err := s.FindTaskRuns(ctx, filter)
			return err
		}
	}
	findRuns := func(filter miniairflow.RunFilter) func(context.Context, miniairflow.Store) error {
		return func(ctx context.Context, s miniairflow.Store) error {
			filter.Limit = 10
			_, err := s.FindRuns(ctx, filter)
			return err
		}
	}
	findAudit := func(filter miniairflow.AuditFilter) func(context.Context, miniairflow.Store) error {
		return func(ctx context.Context, s miniairflow.Store) error {
			filter.Before, filter.Limit = 1000, 10
			_, err := s.FindAuditEntries(ctx, filter)
			return err
		}
	}
	rare := []miniairflow.TaskStatus{miniairflow.TaskSkipped, miniairflow.TaskCancelled, miniairflow.TaskUpstreamFailed}
	return []HotCall{
		{"RunChanges", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.RunChanges(ctx, h.run.ID, 1)
			return err
		}},
		{"FindAuditEntries", findAudit(miniairflow.AuditFilter{})},
		{"FindAuditEntries of a subject", findAudit(miniairflow.AuditFilter{Subject: "hot"})},
		{"FindAuditEntries of a workflow", findAudit(miniairflow.AuditFilter{WorkflowID: h.run.WorkflowID})},
		{"FindAuditEntries of an action", findAudit(miniairflow.AuditFilter{Action: miniairflow.AuditSetPool})},
		{"FindRuns", findRuns(miniairflow.RunFilter{})},
		{"FindRuns of a workflow", findRuns(miniairflow.RunFilter{WorkflowID: h.run.WorkflowID})},
		{"FindTaskRun", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.FindTaskRun(ctx, h.run.ID, 0)
			return err
		}},
		{"FindTaskRuns of a run", findTaskRuns(miniairflow.TaskRunFilter{RunID: h.run.ID})},
		{"FindTaskRuns failed", findTaskRuns(miniairflow.TaskRunFilter{Statuses: []miniairflow.TaskStatus{miniairflow.TaskFailed}})},
		{"FindTaskRuns of other rare states", findTaskRuns(miniairflow.TaskRunFilter{Statuses: rare})},
		{"FindTaskRuns running", findTaskRuns(miniairflow.TaskRunFilter{Statuses: []miniairflow.TaskStatus{miniairflow.TaskRunning}})},
		{"CountTasks", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.CountTasks(ctx, []uuid.UUID{h.run.ID})
			return err
		}},
		{"FindAttempts", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.FindAttempts(ctx, []miniairflow.TaskRunKey{{RunID: h.run.ID}})
			return err
		}},
	}
}
