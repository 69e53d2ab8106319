package graph_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// Who looks finds what was told about a run, and what is stuck, and can send it again.
func TestNotificationsAreShown(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		d := workflow("etl", "a")
		d.Notify = miniairflow.Notices{miniairflow.NotifySuccess: {
			{Webhook: &miniairflow.Webhook{URL: "https://hooks.example.org/T0/secret"}}, {Email: &miniairflow.Email{To: []string{"a@example.org"}}},
		}}
		d.Tasks[0].Notify = miniairflow.Notices{miniairflow.NotifySuccess: {{Webhook: &miniairflow.Webhook{URL: "${{ secrets.URL }}"}}}}
		w.save(t, d)
		run := w.started(t, "etl")
		w.finish(t)
		_, err := w.store.GatherNotices(ctx, 0, 10)
		require.NoError(t, err)
		claimed, _, err := w.store.ClaimNotifications(ctx, miniairflow.NotificationClaim{Token: uuid.New(), Lease: 1 << 40, Limit: 10, PerDestination: 10})
		require.NoError(t, err)
		for _, n := range claimed {
			end := miniairflow.NotificationEnd{ID: n.ID, Token: n.Token}
			if n.Recipient.Email != nil {
				end.Error, end.IsStuck = "no mail server", true
			}
			require.NoError(t, w.store.EndNotification(ctx, end))
		}
		var got struct {
			Notifications struct {
				Nodes []struct {
					ID, WorkflowRunID            uuid.UUID
					Run, Event, Recipient, State string
					OfTasks                      bool
					TaskCount, Tries             int
					Tasks                        []struct{ Name, Status string }
					LastError, DueAt, SentAt     *string
				}
				TotalCount int
				PageInfo   struct{ EndCursor string }
			}
		}
		const fields = `id workflowRunId run event recipient state ofTasks taskCount tries tasks { name status attempt reason } reason lastError at dueAt sentAt`
		w.ask(t, `query($run: ID) { notifications(filter: {workflowRunId: $run}) { totalCount nodes { `+fields+` } } }`, vars{"run": run}, &got)
		require.Equal(t, 3, got.Notifications.TotalCount)
		shown := map[string]string{}
		for _, n := range got.Notifications.Nodes {
			require.Equal(t, [3]any{run, "etl#1", "SUCCESS"}, [3]any{n.WorkflowRunID, n.Run, n.Event})
			require.Equal(t, 1, n.Tries)
			require.Nil(t, n.DueAt)
			require.Equal(t, n.State == "SENT", n.SentAt != nil)
			require.Equal(t, n.OfTasks, len(n.Tasks) == 1 && n.Tasks[0].Name == "a" && n.TaskCount == 1)
			shown[n.Recipient] = n.State
		}
		require.Equal(t, map[string]string{"webhook hooks.example.org": "SENT", "email a@example.org": "STUCK", "webhook a computed host": "SENT"}, shown)

		w.ask(t, `{ notifications(filter: {state: STUCK}) { nodes { `+fields+` } } }`, nil, &got)
		require.Len(t, got.Notifications.Nodes, 1)
		require.Equal(t, "no mail server", *got.Notifications.Nodes[0].LastError)
		var sent struct {
			SendNotification struct {
				Notification *struct{ State string }
				UserErrors   []struct{ Code, Message string }
			}
		}
		const send = `mutation($id: ID!) { sendNotification(input: {id: $id, reason: "mended"}) { notification { state } userErrors { code message } } }`
		w.ask(t, send, vars{"id": got.Notifications.Nodes[0].ID}, &sent)
		require.Empty(t, sent.SendNotification.UserErrors)
		require.Equal(t, "PENDING", sent.SendNotification.Notification.State)
		require.JSONEq(t, `[{"action": "SEND_NOTIFICATION", "label": "etl#1", "reason": "mended"}, {"action": "CREATE_RUN", "label": "etl#1", "reason": null}]`,
			w.auditLog(t, `action label reason`, vars{"run": run}))
		w.ask(t, send, vars{"id": uuid.New()}, &sent)
		require.Equal(t, "NOT_FOUND", sent.SendNotification.UserErrors[0].Code)

		var named struct {
			Workflow struct {
				Secrets []struct {
					Name  string
					IsSet bool
				}
			}
		}
		w.ask(t, `{ workflow(name: "etl") { secrets { name isSet } } }`, nil, &named)
		require.Equal(t, []struct {
			Name  string
			IsSet bool
		}{{"URL", false}}, named.Workflow.Secrets, "what notifications read is named, too")
		w.ask(t, `{ notifications(first: 2) { nodes { id } pageInfo { endCursor } } }`, nil, &got)
		require.Len(t, got.Notifications.Nodes, 2)
		w.ask(t, `query($after: String) { notifications(first: 2, after: $after) { nodes { id } } }`, vars{"after": got.Notifications.PageInfo.EndCursor}, &got)
		require.Len(t, got.Notifications.Nodes, 1)
	})
}

func TestNotificationCursorsAreChecked(t *testing.T) {
	w := newWorld(t, persistencetest.SQLite(t))
	for _, cursor := range []string{"dzE", "bg", "bjA", "!"} { // w1, n, n0 and nothing
		require.Equal(t, miniairflow.CodeInvalid, w.code(t, `query($after: String) { notifications(after: $after) { nodes { id } } }`, vars{"after": cursor}))
	}
}
