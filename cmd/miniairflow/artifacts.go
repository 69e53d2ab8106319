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

func newRunsArtifactsCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "artifacts RUN [TASK]",
		Short: "List the files that tasks have left, and download them",
		Long: "List the files that the tasks of a run have left, or one of them: those of its last successful\n" +
			"attempt. A task with for_each stands for all of its items.\n\n" +
			"--download puts them below a folder, by task and name, in place of what is there under that name.",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			dir, _ := cmd.Flags().GetString("download")
			if cmd.Flags().Changed("download") && dir == "" {
				return usageErrorf("--download: name a folder, such as .")
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				run, err := c.findRun(ctx, args[0])
				if err != nil {
					return err
				}
				found, err := c.findArtifacts(ctx, run, strings.Join(args[1:], ""))
				if err != nil {
					return err
				}
				if dir != "" {
					if err := c.download(ctx, found, dir); err != nil {
						return err
					}
				}
				return writeArtifacts(std.out, format, found)
			})
		},
	}
	addOutputFlag(cmd)
	cmd.Flags().StringP("download", "O", "", "put them below this folder")
	cmd.Flags().String("artifacts-dir", "", "folder of the artifacts, where no server answers and they are in one")
	return cmd
}

// artifactView is an artifact as the commands show it.
type artifactView struct {
	Task      string    `json:"task"`
	Name      string    `json:"name"`
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256"`
	URL       string    `json:"url"`
	CreatedAt time.Time `json:"createdAt"`
}

func writeArtifacts(out io.Writer, format outputFormat, found []artifactView) error {
	return write(out, format, found, func(w io.Writer) {
		fmt.Fprintln(w, "TASK\tNAME\tSIZE\tCREATED")
		now := time.Now()
		for i := range found {
			a := &found[i]
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", printable(a.Task), printable(a.Name), bytesText(a.Size), ago(&a.CreatedAt, now))
		}
	})
}

// shownArtifacts is how many artifacts `run` names.
const shownArtifacts = 20

// showArtifacts names the artifacts of a run that is over, and puts them where they
// were asked for. An interrupted run keeps none.
func (p *process) showArtifacts(ctx context.Context, c *client, r fileRun, run *runView) error {
	declares := func(t miniairflow.Task) bool { return len(t.Artifacts) > 0 }
	if ctx.Err() != nil || !slices.ContainsFunc(r.definition.Tasks, declares) {
		return nil
	}
	found, err := c.findArtifacts(ctx, run, "")
	if err != nil {
		return fmt.Errorf("list artifacts: %w", err)
	}
	if r.artifactsDir != "" {
		if err := c.download(ctx, found, r.artifactsDir); err != nil {
			return err
		}
	}
	for i := range found[:min(len(found), shownArtifacts)] {
		a := &found[i]
		fmt.Fprintf(p.std.err, "artifact  %s  %s  %s\n", printable(a.Task), printable(a.Name), bytesText(a.Size))
	}
	if more := len(found) - shownArtifacts; more > 0 {
		fmt.Fprintf(p.std.err, "artifacts: %d more\n", more)
	}
	if r.artifactsDir != "" {
		fmt.Fprintf(p.std.err, "artifacts: %d in %s\n", len(found), r.artifactsDir)
	}
	return nil
}

// bytesText returns a size as people read it.
func bytesText(n int64) string {
	const step = 1024
	if n < step {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n)/step, 0
	for units := "KMGTPE"; size >= step && unit < len(units)-1; unit++ {
		size /= step
	}
	return fmt.Sprintf("%.1f %ciB", size, "KMGTPE"[unit])
}

// artifactsFirst is how many artifacts of a task are asked for together with those of
// others: most have a few.
const artifactsFirst = 5

const artifactFields = `nodes { name size sha256 url createdAt } pageInfo { hasNextPage endCursor }`

// artifactPage is a page of the artifacts of a task run.
type artifactPage struct {
	Nodes    []artifactView
	PageInfo pageInfo
}

// findArtifacts returns the artifacts of a run, in file order; with a task, of it and
// its items alone.
func (c *client) findArtifacts(ctx context.Context, run *runView, task string) ([]artifactView, error) {
	all, isKnown := []artifactView{}, task == ""
	var after *string
	for {
		var data struct {
			WorkflowRun *struct {
				TaskRuns struct {
					Nodes []struct {
						ID, Name  string
						Artifacts artifactPage
					}
					PageInfo pageInfo
				}
			}
		}
		err := c.query(ctx, `query($id: ID!, $first: Int, $after: String, $few: Int) { workflowRun(id: $id) { taskRuns(first: $first, after: $after) {
			nodes { id name artifacts(first: $few) { `+artifactFields+` } } pageInfo { hasNextPage endCursor } } } }`,
			map[string]any{"id": run.ID, "first": pageSize, "after": after, "few": artifactsFirst}, &data)
		if err != nil {
			return nil, err
		}
		if data.WorkflowRun == nil {
			return nil, miniairflow.Errorf(miniairflow.CodeNotFound, "run %s is gone", run.Label)
		}
		for _, t := range data.WorkflowRun.TaskRuns.Nodes {
			if task != "" && t.Name != task && miniairflow.ItemKey(task, t.Name) == "" {
				continue
			}
			isKnown = true
			if all, err = c.addArtifacts(ctx, all, t.ID, t.Name, t.Artifacts); err != nil {
				return nil, err
			}
		}
		if !data.WorkflowRun.TaskRuns.PageInfo.HasNextPage {
			break
		}
		after = &data.WorkflowRun.TaskRuns.PageInfo.EndCursor
	}
	if !isKnown {
		_, err := oneTask(nil, task, run)
		return nil, err
	}
	return all, nil
}

// addArtifacts adds the artifacts of a task run, of which page is the first one.
func (c *client) addArtifacts(ctx context.Context, all []artifactView, id, task string, page artifactPage) ([]artifactView, error) {
	for {
		for _, a := range page.Nodes {
			a.Task = task
			all = append(all, a)
		}
		if !page.PageInfo.HasNextPage {
			return all, nil
		}
		var data struct {
			TaskRun *struct{ Artifacts artifactPage }
		}
		err := c.query(ctx, `query($id: ID!, $first: Int, $after: String) { taskRun(id: $id) { artifacts(first: $first, after: $after) { `+artifactFields+` } } }`,
			map[string]any{"id": id, "first": pageSize, "after": page.PageInfo.EndCursor}, &data)
		if err != nil {
			return nil, err
		}
		if data.TaskRun == nil {
			return nil, miniairflow.Errorf(miniairflow.CodeNotFound, "task run %s is gone", id)
		}
		page = data.TaskRun.Artifacts
	}
}
