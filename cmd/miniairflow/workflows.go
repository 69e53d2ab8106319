package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
)

// withClient gives a daily command its client and closes it after.
func withClient(cmd *cobra.Command, io stdio, do func(ctx context.Context, c *client) error) error {
	config, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	// What the database has to say is of no interest to a command of one line.
	if !cmd.Flags().Changed("log-level") {
		config.LogLevel = "error"
	}
	c, err := connect(cmd.Context(), config, io)
	if err != nil {
		return err
	}
	c.notices = io.err
	return errors.Join(do(cmd.Context(), c), c.close())
}

func newWorkflowsCommand(io stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "workflows",
		Aliases: []string{"workflow"},
		Short:   "List, show, pause and unpause workflows",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newWorkflowsListCommand(io), newWorkflowsShowCommand(io),
		newPauseCommand(io, "pause", "Let a workflow start no more runs", true),
		newPauseCommand(io, "unpause", "Let a paused workflow start runs again", false),
		newNextRunsCommand(io), newMissedCommand(io),
	)
	return cmd
}

func newWorkflowsListCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list [PART-OF-NAME]",
		Short: "List the workflows",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				workflows, err := c.findWorkflows(ctx, strings.Join(args, ""))
				if err != nil {
					return err
				}
				if err := c.tellImportErrors(ctx, std.err); err != nil {
					return err
				}
				return write(std.out, format, workflows, func(w io.Writer) {
					fmt.Fprintln(w, "NAME\tSCHEDULE\tNEXT RUN\tLAST RUN\tSTATE\tFILE")
					for i := range workflows {
						writeWorkflowRow(w, &workflows[i], time.Now())
					}
				})
			})
		},
	}
	addOutputFlag(cmd)
	return cmd
}

// tellOldVersion prints what is wrong in the file of a workflow, which therefore is
// as it was before.
func (c *client) tellOldVersion(ctx context.Context, out io.Writer, v *workflowView) error {
	problems, err := c.importErrors(ctx)
	if err != nil {
		return err
	}
	isOld := false
	for _, problem := range problems {
		if v.SourceFile != nil && problem.File == *v.SourceFile {
			isOld = true
			fmt.Fprintln(out, printable(problem.String()))
		}
	}
	if isOld {
		fmt.Fprintf(out, "%s is as it was before that\n", v.Name)
	}
	return nil
}

// tellImportErrors prints what is wrong in workflow files: the list shows the
// last good version of theirs, if there is one.
func (c *client) tellImportErrors(ctx context.Context, out io.Writer) error {
	problems, err := c.importErrors(ctx)
	for _, problem := range problems {
		fmt.Fprintln(out, printable(problem.String()))
	}
	return err
}

func (c *client) importErrors(ctx context.Context) (problems []miniairflow.ImportError, err error) {
	var data struct {
		ImportErrors []struct {
			File    string
			Line    int
			Column  int
			Message string
		}
	}
	if err := c.query(ctx, `{ importErrors { file line column message } }`, nil, &data); err != nil {
		return nil, err
	}
	for _, e := range data.ImportErrors {
		problems = append(problems, miniairflow.ImportError{File: e.File, Line: e.Line, Column: e.Column, Message: e.Message})
	}
	return problems, nil
}

func writeWorkflowRow(w io.Writer, v *workflowView, now time.Time) {
	last, next := "-", "-"
	if v.LatestRun != nil {
		last = fmt.Sprintf("%s %s", v.LatestRun.Status, ago(&v.LatestRun.CreatedAt, now))
	}
	var first *time.Time
	for _, s := range v.Schedules {
		if s.NextFireAt != nil && !v.IsPaused && (first == nil || s.NextFireAt.Before(*first)) {
			first = s.NextFireAt
		}
	}
	if first != nil {
		next = ago(first, now)
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", v.Name, printable(orDash(v.schedules())), next, last, workflowState(v), printable(text(v.SourceFile)))
}

func workflowState(v *workflowView) string {
	switch {
	case v.RetiredAt != nil:
		return "retired"
	case !v.IsActive:
		return "inactive"
	case v.IsPaused:
		return "paused"
	default:
		return "active"
	}
}

func text(s *string) string {
	if s == nil {
		return "-"
	}
	return orDash(*s)
}

func newWorkflowsShowCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show one workflow",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				v, err := c.findWorkflow(ctx, args[0])
				if err != nil {
					return err
				}
				if err := c.tellOldVersion(ctx, std.err, v); err != nil {
					return err
				}
				return write(std.out, format, v, func(w io.Writer) { writeWorkflow(w, v, time.Now()) })
			})
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func writeWorkflow(w io.Writer, v *workflowView, now time.Time) {
	fmt.Fprintf(w, "Name\t%s\n", v.Name)
	fmt.Fprintf(w, "Description\t%s\n", orDash(printable(v.Description)))
	fmt.Fprintf(w, "Owner\t%s\n", orDash(printable(v.Owner)))
	fmt.Fprintf(w, "Tags\t%s\n", orDash(printable(strings.Join(v.Tags, ", "))))
	fmt.Fprintf(w, "State\t%s\n", workflowState(v))
	fmt.Fprintf(w, "File\t%s\n", printable(text(v.SourceFile)))
	fmt.Fprintf(w, "Version\t%d (%.12s)\n", v.Version.Number, v.Version.Hash)
	if c := v.Version.Commit; c != nil {
		fmt.Fprintf(w, "Commit\t%s\n", commitText(c, now))
	}
	for i, file := range v.Version.Files {
		fmt.Fprintf(w, "%s\t%s (%d bytes, %.12s)\n", once(i, "Carries"), printable(file.Path), file.Size, file.Hash)
	}
	writeNamed(w, "Vars", v.Vars)
	writeNamed(w, "Secrets", v.Secrets)
	for i, command := range v.missing() {
		fmt.Fprintf(w, "%s\t%s\n", once(i, "Not set"), command)
	}
	for _, s := range v.Schedules {
		name := ""
		if s.Name != nil {
			name = *s.Name + ": "
		}
		fmt.Fprintf(w, "Schedule\t%s%s, next %s\n", name, printable(s.Text), ago(s.NextFireAt, now))
	}
	for i, t := range v.Triggers {
		fmt.Fprintf(w, "%s\t%s\n", once(i, "Runs start"), printable(t.Text))
		for _, upstream := range t.After {
			if !upstream.IsThere {
				fmt.Fprintf(w, "\tbut there is no workflow %s\n", upstream.Workflow)
			}
		}
	}
	if len(v.Starts) > 0 {
		fmt.Fprintf(w, "Starts\t%s\n", strings.Join(v.Starts, ", "))
	}
	if v.LatestRun != nil {
		fmt.Fprintf(w, "Last run\t%s %s %s\n", v.LatestRun.Label, v.LatestRun.Status, ago(&v.LatestRun.CreatedAt, now))
	}
}

// writeNamed writes what a workflow names, if anything.
func writeNamed(w io.Writer, title string, values []namedValueView) {
	if len(values) == 0 {
		return
	}
	names := make([]string, len(values))
	for i, value := range values {
		names[i] = value.Name
	}
	fmt.Fprintf(w, "%s\t%s\n", title, strings.Join(names, ", "))
}

// commitText names the author of what was committed only: who changed the rest is not known.
func commitText(c *commitView, now time.Time) string {
	if c.IsDirty {
		return fmt.Sprintf("not committed, on top of %.12s", c.Hash)
	}
	return fmt.Sprintf("%.12s by %s, %s", c.Hash, printable(c.Author), ago(&c.AuthoredAt, now))
}

// once is a title for the first of some lines.
func once(i int, title string) string {
	if i > 0 {
		return ""
	}
	return title
}

func newPauseCommand(std stdio, use, short string, paused bool) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use + " NAME",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				v, err := c.setPaused(ctx, args[0], paused, reasonOf(cmd))
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(std.out, "%s is %s\n", v.Name, workflowState(v))
				return err
			})
		},
	}
	if !paused {
		cmd.Aliases = []string{"resume"} // as runs and backfills have it
	}
	addReasonFlag(cmd)
	return cmd
}

// loadFileOrExplain returns the workflows of a file, and prints its warnings. If the
// file is wrong it prints every problem and returns exit code 3.
func loadFileOrExplain(c *config, std stdio, path string) ([]loader.LoadedDefinition, error) {
	result, err := loader.LoadPathBelow(c.Dags, []string{path}, c.limits())
	if err != nil {
		return nil, err
	}
	if len(result.Problems) > 0 {
		fmt.Fprintln(std.err, loader.ParseError(result.Problems))
		return nil, &exitError{code: exitInvalidFile}
	}
	if err := loader.WriteProblems(std.err, loader.FormatText, nil, result.Warnings); err != nil {
		return nil, fmt.Errorf("print warnings: %w", err)
	}
	return result.Definitions, nil
}
