package dialect

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// TaskRows are the rows of tasks and task_dependencies of some versions, by column.
type TaskRows struct {
	IDs, Versions          []uuid.UUID
	Upstreams, Downstreams []uuid.UUID // pairs
	Seqs, RetryCounts      []int
	Names, Commands        []string
	RetryDelays, Timeouts  []float64 // seconds
}

// Add adds the rows of the version with that graph.
func (r *TaskRows) Add(versionID uuid.UUID, graph *miniairflow.DAG) error {
	for seq := range graph.Definition.Tasks {
		t := &graph.Definition.Tasks[seq]
		command, err := commandText(t.Command)
		if err != nil {
			return fmt.Errorf("task %q: %w", t.Name, err)
		}
		id := miniairflow.MemberID(versionID, seq)
		r.IDs, r.Versions = append(r.IDs, id), append(r.Versions, versionID)
		r.Seqs = append(r.Seqs, seq)
		r.Names = append(r.Names, t.Name)
		r.Commands = append(r.Commands, command)
		r.RetryCounts = append(r.RetryCounts, t.RetryPolicy().Count)
		r.RetryDelays = append(r.RetryDelays, t.RetryPolicy().Delay.Seconds())
		r.Timeouts = append(r.Timeouts, t.Timeout.Seconds())
		for _, up := range graph.Upstream[seq] {
			r.Downstreams = append(r.Downstreams, id)
			r.Upstreams = append(r.Upstreams, miniairflow.MemberID(versionID, up))
		}
	}
	return nil
}

// commandText returns a script as it is, and arguments as a JSON list.
func commandText(c *miniairflow.Command) (string, error) {
	switch {
	case c == nil:
		return "", nil
	case c.Script != "":
		return Text(c.Script), nil
	}
	argv, err := json.Marshal(c.Argv)
	if err != nil {
		return "", fmt.Errorf("encode command: %w", err)
	}
	return Text(string(argv)), nil
}

// ScheduleRow is a row of schedules, as a definition says it.
type ScheduleRow struct {
	WorkflowID, VersionID uuid.UUID
	Name                  string
	Entries, Params       string // JSON
	Hash                  string
	Runs                  bool
}

// ScheduleRows are the rows of schedules of some workflows.
type ScheduleRows struct {
	Old   []uuid.UUID   // workflows that may have others
	Keep  []ScheduleRow // they go on from where they are if nothing of them has changed
	Reset []ScheduleRow // they stood still, and begin anew
}

// NewScheduleRows returns the rows of the workflows' schedules.
func NewScheduleRows(saves []Save) (ScheduleRows, error) {
	var rows ScheduleRows
	for _, save := range saves {
		w, d := save.Workflow, save.Graph.Definition
		if !save.IsNew {
			rows.Old = append(rows.Old, w.ID)
		}
		if len(d.Schedules) == 0 {
			continue
		}
		into := &rows.Keep
		if save.ResetCursors {
			into = &rows.Reset
		}
		for _, group := range d.ScheduleGroups() {
			entries, err := json.Marshal(group)
			if err != nil {
				return ScheduleRows{}, fmt.Errorf("encode schedule %q of workflow %q: %w", group.Name(), w.Name, err)
			}
			params, err := json.Marshal(d.ParamsOf(group))
			if err != nil {
				return ScheduleRows{}, fmt.Errorf("encode params of workflow %q: %w", w.Name, err)
			}
			*into = append(*into, ScheduleRow{
				WorkflowID: w.ID, VersionID: w.VersionID, Name: group.Name(), Entries: string(entries), Params: string(params), Hash: group.Hash(), Runs: w.Runs(),
			})
		}
	}
	return rows, nil
}
