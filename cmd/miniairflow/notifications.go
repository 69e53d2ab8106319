package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

// notificationView is a notification as the commands show it.
type notificationView struct {
	ID            string             `json:"id"`
	WorkflowRunID string             `json:"workflowRunId"`
	Run           string             `json:"run"`
	Event         state              `json:"event"`
	OfTasks       bool               `json:"ofTasks"`
	Tasks         []notifiedTaskView `json:"tasks"`
	TaskCount     int                `json:"taskCount"`
	Reason        *string            `json:"reason"`
	Recipient     string             `json:"recipient"`
	State         state              `json:"state"`
	Tries         int                `json:"tries"`
	LastError     *string            `json:"lastError"`
	At            time.Time          `json:"at"`
	DueAt         *time.Time         `json:"dueAt"`
	SentAt        *time.Time         `json:"sentAt"`
}

// notifiedTaskView is a task that a notification names.
type notifiedTaskView struct {
	Name    string `json:"name"`
	Status  string `json:"status"`
	Attempt int    `json:"attempt"`
	Reason  string `json:"reason"`
}

const notificationFields = `id workflowRunId run event ofTasks tasks { name status attempt reason } taskCount reason recipient state tries lastError at dueAt sentAt`

func newNotificationsCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "notifications",
		Short: "List what people are told about runs, and send it again",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newNotificationsListCommand(std), newNotificationsSendCommand(std))
	return cmd
}

func newNotificationsListCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List notifications, the newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			limit, err := limitOf(cmd)
			if err != nil {
				return err
			}
			run, _ := cmd.Flags().GetString("run")
			stuck, _ := cmd.Flags().GetBool("stuck")
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				found, err := c.findNotifications(ctx, run, stuck, limit)
				if err != nil {
					return err
				}
				return write(std.out, format, found, func(w io.Writer) { writeNotifications(w, found) })
			})
		},
	}
	addOutputFlag(cmd)
	cmd.Flags().Bool("stuck", false, "only those that were tried for long enough, a day unless the server says otherwise, and taken by nobody")
	cmd.Flags().String("run", "", "only what is told about this run: its id, workflow#number, or workflow@latest")
	cmd.Flags().Int("limit", 50, "how many to list, up to 200")
	return cmd
}

// findNotifications returns the newest notifications, at most limit; run restricts them
// unless it is empty.
func (c *client) findNotifications(ctx context.Context, run string, stuck bool, limit int) ([]notificationView, error) {
	filter := map[string]any{}
	if run != "" {
		found, err := c.findRun(ctx, run)
		if err != nil {
			return nil, err
		}
		filter["workflowRunId"] = found.ID
	}
	if stuck {
		filter["state"] = "STUCK"
	}
	var data struct {
		Notifications struct{ Nodes []notificationView }
	}
	err := c.query(ctx, `query($first: Int, $filter: NotificationFilter) { notifications(first: $first, filter: $filter) { nodes { `+notificationFields+` } } }`,
		map[string]any{"first": limit, "filter": filter}, &data)
	return data.Notifications.Nodes, err
}

// writeNotifications prints notifications as a table.
func writeNotifications(w io.Writer, all []notificationView) {
	fmt.Fprintln(w, "ID\tAT\tRUN\tEVENT\tABOUT\tRECIPIENT\tSTATE\tTRIES\tLAST ERROR")
	for _, n := range all {
		about := "run"
		switch {
		case n.OfTasks && n.TaskCount == 1 && len(n.Tasks) == 1:
			about = "task " + n.Tasks[0].Name
		case n.OfTasks:
			about = fmt.Sprintf("%d tasks", n.TaskCount)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", n.ID, n.At.Local().Format(time.RFC3339), printable(n.Run), n.Event, printable(about),
			printable(n.Recipient), n.State, n.Tries, printable(text(n.LastError)))
	}
}

func newNotificationsSendCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "send ID",
		Short: "Send a notification again, with the id that it has",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := uuid.Parse(args[0]); err != nil {
				return usageErrorf("%s is no id of a notification: `miniairflow notifications list` shows them", printable(args[0]))
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				var data struct {
					SendNotification struct {
						Notification *notificationView
						UserErrors   []userError
					}
				}
				err := c.query(ctx, `mutation($input: SendNotificationInput!) { sendNotification(input: $input) { notification { `+notificationFields+` } userErrors { message code field } } }`,
					map[string]any{"input": map[string]any{"id": args[0], "reason": reasonOf(cmd)}}, &data)
				if err != nil {
					return err
				}
				if err := firstUserError(data.SendNotification.UserErrors); err != nil {
					return err
				}
				n := data.SendNotification.Notification
				_, err = fmt.Fprintf(std.out, "%s about %s goes to %s again\n", n.ID, printable(n.Run), printable(n.Recipient))
				return err
			})
		},
	}
	addReasonFlag(cmd)
	return cmd
}
