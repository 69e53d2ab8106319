package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
)

func newBackfillCreateCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create WORKFLOW --from TIME --to TIME",
		Short: "Make runs for the slots of a schedule in a range of the past",
		Long: `Makes runs for the slots of a workflow's schedule from one time to another, a few at a time. They take no
room from other runs, and their tasks come last. Times are RFC 3339, or by the clocks of the schedule; the
date in --to is its whole day.`,
		Example: `  miniairflow backfill create daily-etl --from 2027-01-01 --to 2027-01-31 --dry-run
  miniairflow backfill create daily-etl --from 2027-01-01 --to 2027-01-31 --name january --concurrency 4`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			input, err := backfillInput(cmd, args[0])
			if err != nil {
				return err
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				made, err := c.createBackfill(ctx, input)
				switch {
				case err != nil:
					return err
				case isDryRun(cmd):
					return write(std.out, format, made.Dates, made.printDates)
				case made.Backfill.Status == state(miniairflow.BackfillCancelled):
					return miniairflow.Errorf(miniairflow.CodeConflict, "backfill %s was cancelled: choose another --name", made.Backfill.Label)
				case format != outputTable:
					return write(std.out, format, made.Backfill, nil)
				}
				return made.print(std.out)
			})
		},
	}
	cmd.Flags().String("from", "", "the first time; a date is its first moment")
	cmd.Flags().String("to", "", "the last time; a date is its whole day")
	cmd.Flags().String("schedule", "", "the name of the schedule, where the workflow has several")
	cmd.Flags().String("name", "", "its name: the same command with the same name makes no second one (default: one is made up)")
	cmd.Flags().String("mode", "missing", "dates that have no run (missing), also those whose latest run failed or was cancelled (failed), or all")
	cmd.Flags().String("order", "oldest", "which date comes first: oldest or newest")
	cmd.Flags().Int("concurrency", 1, "how many of its runs are under way at a time, at most 100")
	cmd.Flags().StringArrayP("param", "p", nil, "a parameter as key=value; may be repeated")
	cmd.Flags().String("params-file", "", "a YAML or JSON file with an object of parameters; --param beats it")
	cmd.Flags().StringSlice("only", nil, "execute just these tasks, or the tasks of these groups; may be repeated")
	cmd.Flags().StringSlice("from-task", nil, "execute these tasks and all below them; with --until-task, what both choose")
	cmd.Flags().StringSlice("until-task", nil, "execute these tasks and all above them")
	cmd.Flags().Bool("dry-run", false, "make nothing: print every date, what would become of it, and why")
	addReasonFlag(cmd)
	addOutputFlag(cmd)
	return cmd
}

// backfillInput is what the flags ask for.
func backfillInput(cmd *cobra.Command, workflow string) (map[string]any, error) {
	params, err := paramsOf(cmd)
	if err != nil {
		return nil, err
	}
	input := map[string]any{"workflow": workflow, "params": params, "dryRun": isDryRun(cmd), "reason": reasonOf(cmd)}
	for _, flag := range []string{"from", "to"} {
		value, _ := cmd.Flags().GetString(flag)
		if value == "" {
			return nil, usageErrorf("say with --from and --to which dates are meant, such as --from 2027-01-01 --to 2027-01-31")
		}
		input[flag] = value
	}
	for _, flag := range []string{"schedule", "name"} {
		if value, _ := cmd.Flags().GetString(flag); value != "" {
			input[flag] = value
		}
	}
	for flag, words := range map[string][]string{"mode": {"missing", "failed", "all"}, "order": {"oldest", "newest"}} {
		value, _ := cmd.Flags().GetString(flag)
		if !slices.Contains(words, value) {
			return nil, usageErrorf("--%s %s: use %s", flag, value, strings.Join(words, " or "))
		}
		input[flag] = strings.ToUpper(value)
	}
	input["concurrency"], _ = cmd.Flags().GetInt("concurrency")
	for flag, field := range map[string]string{"only": "only", "from-task": "fromTasks", "until-task": "untilTasks"} {
		if names, _ := cmd.Flags().GetStringSlice(flag); cmd.Flags().Changed(flag) {
			input[field] = names
		}
	}
	return input, nil
}

// madeBackfill is the answer of createBackfill.
type madeBackfill struct {
	Backfill   *backfillView
	IsNew      bool
	Dates      []backfillDateView
	UserErrors []userError
}

type backfillDateView struct {
	LogicalDate time.Time `json:"logicalDate"`
	Action      state     `json:"action"`
	Reason      string    `json:"reason"`
	RunID       *string   `json:"runId"`
}

func (m *madeBackfill) print(w io.Writer) error {
	word := "created"
	if !m.IsNew {
		word = "was there already"
	}
	b := m.Backfill
	_, err := fmt.Fprintf(w, "backfill %s %s: %s, %d to come; it is %s\n", b.Label, word, counted(b.Total, "date"), b.Remaining, b.state())
	return err
}

// printDates writes a plan for people, in columns that tabs separate.
func (m *madeBackfill) printDates(w io.Writer) {
	counts := map[state]int{}
	for _, d := range m.Dates {
		counts[d.Action]++
		fmt.Fprintf(w, "%s\t%s\t%s\n", d.LogicalDate.Format(time.RFC3339), d.Action, printable(d.Reason))
	}
	fmt.Fprintf(w, "%s: %d create, %d rerun, %d leave; nothing was made\n", counted(len(m.Dates), "date"), counts["create"], counts["rerun"], counts["leave"])
}

func (c *client) createBackfill(ctx context.Context, input map[string]any) (*madeBackfill, error) {
	var data struct{ CreateBackfill madeBackfill }
	err := c.query(ctx, `mutation($input: CreateBackfillInput!) { createBackfill(input: $input) {
		backfill { `+backfillFields+` } isNew dates { logicalDate action reason runId } userErrors { message code field } } }`,
		map[string]any{"input": input}, &data)
	if err != nil {
		return nil, err
	}
	return &data.CreateBackfill, firstUserError(data.CreateBackfill.UserErrors)
}
