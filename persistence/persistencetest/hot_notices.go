package persistencetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// hotDeadlines returns what finds and keeps what is late.
func hotDeadlines(t testing.TB, store miniairflow.Store) []HotCall {
	t.Helper()
	deadline, err := miniairflow.ParseDeadline("+1h")
	require.NoError(t, err)
	d := Define("late", Task("a"))
	d.Deadline = &deadline
	run := MustTrigger(t, store, MustSync(t, store, d))
	upstream, err := store.FindWorkflowByName(t.Context(), Upstream)
	require.NoError(t, err)
	return []HotCall{
		{"find due deadlines", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.DueDeadlines(ctx, 100)
			return err
		}},
		{"look at the usual time", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.UsualRuns(ctx, &miniairflow.WorkflowRun{ID: run.ID, WorkflowID: upstream.ID}, miniairflow.UsualRunsMax)
			return err
		}},
		{"look at what has ended", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.TaskResults(ctx, run.ID, []int{0})
			return err
		}},
		{"look at how long tasks took", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.TaskEnds(ctx, []uuid.UUID{run.ID}, []string{"a"})
			return err
		}},
		{"note what is late", func(ctx context.Context, s miniairflow.Store) error {
			mark := miniairflow.LateMark{RunID: run.ID, Deadline: run.CreatedAt}
			return s.NoteLate(ctx, miniairflow.DeadlineLook{Run: run, At: run.CreatedAt}, []miniairflow.LateMark{mark}, nil)
		}},
		{"find late marks", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.LateMarks(ctx, []uuid.UUID{run.ID})
			return err
		}},
	}
}

// outbox returns the way of a notice to the one who is told, and what is looked up of it.
func (h *hot) outbox() []HotCall {
	token := uuid.New()
	var claimed []*miniairflow.Notification
	claim := func(ctx context.Context, s miniairflow.Store) (err error) {
		request := miniairflow.NotificationClaim{Token: token, Lease: time.Hour, Limit: 16, PerDestination: 4}
		claimed, _, err = s.ClaimNotifications(ctx, request)
		return err
	}
	end := func(problem string) func(context.Context, miniairflow.Store) error {
		return func(ctx context.Context, s miniairflow.Store) error {
			for _, n := range claimed {
				e := miniairflow.NotificationEnd{ID: n.ID, Token: token, Error: problem, IsStuck: problem != ""}
				if err := s.EndNotification(ctx, e); err != nil {
					return err
				}
			}
			return nil
		}
	}
	find := func(filter miniairflow.NotificationFilter) func(context.Context, miniairflow.Store) error {
		return func(ctx context.Context, s miniairflow.Store) error {
			if _, err := s.CountNotifications(ctx, filter, 100); err != nil {
				return err
			}
			filter.Limit = 10
			_, err := s.FindNotifications(ctx, filter)
			return err
		}
	}
	return []HotCall{
		{"gather notices", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.GatherNotices(ctx, time.Minute, 10)
			return err
		}},
		{"gather more notices", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.GatherNotices(ctx, time.Minute, 10)
			return err
		}},
		{"claim notifications", claim},
		{"end notifications", end("no route to host")},
		{"send a notification again", func(ctx context.Context, s miniairflow.Store) error {
			for _, n := range claimed {
				if _, err := s.SendNotification(ctx, n.ID, miniairflow.Actor{Name: "test"}); err != nil {
					return err
				}
			}
			return nil
		}},
		{"claim notifications again", claim},
		{"end notifications that are sent", end("")},
		{"find notifications", find(miniairflow.NotificationFilter{})},
		{"find notifications of a run", find(miniairflow.NotificationFilter{RunID: h.other.ID})},
		{"find what is pending", find(miniairflow.NotificationFilter{State: miniairflow.NotificationPending})},
		{"find what is stuck", find(miniairflow.NotificationFilter{State: miniairflow.NotificationStuck})},
	}
}

// retention deletes a little of what is old, and looks for more when there is none.
func retention() []HotCall {
	deletions := []struct {
		of     string
		delete func(s miniairflow.Store, ctx context.Context, before time.Time, limit int) (int, error)
	}{
		{"runs", miniairflow.Store.DeleteRuns},
		{"missed slots", miniairflow.Store.DeleteMissedSlots},
		{"backfills", miniairflow.Store.DeleteBackfills},
	}
	var calls []HotCall
	for _, d := range deletions {
		before := func(age time.Duration) func(context.Context, miniairflow.Store) error {
			return func(ctx context.Context, s miniairflow.Store) error {
				now, err := s.Now(ctx)
				if err != nil {
					return err
				}
				_, err = d.delete(s, ctx, now.Add(-age), 10)
				return err
			}
		}
		calls = append(calls, HotCall{"find no old " + d.of, before(10_000 * time.Hour)}, HotCall{"delete old " + d.of, before(-time.Hour)})
	}
	return calls
}
