package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// workerView is a session of a worker as the commands show it.
type workerView struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	Hostname      string    `json:"hostname"`
	PID           int       `json:"pid"`
	Version       string    `json:"version"`
	Queues        []string  `json:"queues"`
	Concurrency   int       `json:"concurrency"`
	Running       int       `json:"running"`
	Status        state     `json:"status"`
	StartedAt     time.Time `json:"startedAt"`
	LastHeartbeat time.Time `json:"lastHeartbeat"`
}

const workerFields = `id name hostname pid version queues concurrency running status startedAt lastHeartbeat`

func newWorkersCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "workers",
		Short: "List and drain workers",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWorkersListCommand(std), newWorkersDrainCommand(std))
	return cmd
}

func newWorkersListCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the workers that are alive, and those that ended within the last day",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				var data struct{ Workers []workerView }
				if err := c.query(ctx, `{ workers { `+workerFields+` } }`, nil, &data); err != nil {
					return err
				}
				return write(std.out, format, data.Workers, func(w io.Writer) {
					fmt.Fprintln(w, "WORKER\tSTATUS\tRUNNING\tQUEUES\tHOST\tLAST HEARD OF")
					now := time.Now()
					for _, v := range data.Workers {
						fmt.Fprintf(w, "%s\t%s\t%d/%d\t%s\t%s\t%s\n", printable(v.Name), v.Status, v.Running, v.Concurrency,
							printable(strings.Join(v.Queues, ",")), printable(v.Hostname), ago(&v.LastHeartbeat, now))
					}
				})
			})
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func newWorkersDrainCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drain NAME",
		Short: "Let a worker finish what it runs and take nothing new; then it ends",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				var data struct {
					DrainWorker struct {
						Worker     *workerView
						UserErrors []userError
					}
				}
				err := c.query(ctx, `mutation($input: DrainWorkerInput!) { drainWorker(input: $input) { worker { `+workerFields+` } userErrors { message code field } } }`,
					map[string]any{"input": map[string]any{"name": args[0], "reason": reasonOf(cmd)}}, &data)
				if err != nil {
					return err
				}
				if err := firstUserError(data.DrainWorker.UserErrors); err != nil {
					return err
				}
				w := data.DrainWorker.Worker
				_, err = fmt.Fprintf(std.out, "%s is %s; it runs %d tasks\n", w.Name, w.Status, w.Running)
				return err
			})
		},
	}
	addReasonFlag(cmd)
	return cmd
}
