package main

import (
	"context"
	"io"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

func newRunsApproveCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "approve RUN TASK",
		Short: "Approve what a task asks",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			pairs, _ := cmd.Flags().GetStringArray("field")
			fields := make(map[string]any, len(pairs))
			for _, pair := range pairs {
				name, value, ok := strings.Cut(pair, "=")
				if !ok || name == "" {
					return usageErrorf("--field %s: write it as name=value", pair)
				}
				fields[name] = value
			}
			return answer(cmd, std, args, map[string]any{"approve": true, "fields": fields})
		},
	}
	addOutputFlag(cmd)
	addReasonFlag(cmd)
	cmd.Flags().StringArray("field", nil, "what the task asks for, as name=value; may be repeated")
	return cmd
}

func newRunsRejectCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reject RUN TASK",
		Short: "Reject what a task asks",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return answer(cmd, std, args, map[string]any{"approve": false})
		},
	}
	addOutputFlag(cmd)
	addReasonFlag(cmd)
	return cmd
}

// answer answers the task of a run that args name.
func answer(cmd *cobra.Command, std stdio, args []string, input map[string]any) error {
	format, err := outputOf(cmd)
	if err != nil {
		return err
	}
	return withClient(cmd, std, func(ctx context.Context, c *client) error {
		run, err := c.findRun(ctx, args[0])
		if err != nil {
			return err
		}
		input["workflowRunId"], input["task"] = run.ID, args[1]
		input["reason"], input["requestId"] = reasonOf(cmd), uuid.NewString()
		done, err := c.rerun(ctx, "answerApproval", input)
		if err != nil {
			return err
		}
		return write(std.out, format, done, func(w io.Writer) { writeRerun(w, done) })
	})
}
