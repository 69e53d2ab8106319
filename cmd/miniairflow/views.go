package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// workflowView is a workflow as the commands show it.
type workflowView struct {
	Name         string         `json:"name"`
	Description  string         `json:"description"`
	Owner        string         `json:"owner"`
	Tags         []string       `json:"tags"`
	ScheduleCron *string        `json:"scheduleCron"`
	Schedules    []scheduleView `json:"schedules"`
	SourceFile   *string        `json:"sourceFile"`
	IsActive     bool           `json:"isActive"`
	IsPaused     bool           `json:"isPaused"`
	RetiredAt    *time.Time     `json:"retiredAt"`
	Version      versionView    `json:"version"`
	LatestRun    *runView       `json:"latestRun"`

	namedView // where one workflow is asked for
}

// namedView is what a workflow names of the values that are kept for all.
type namedView struct {
	Vars    []namedValueView `json:"vars,omitempty"`
	Secrets []namedValueView `json:"secrets,omitempty"`
}

type namedValueView struct {
	Name  string `json:"name"`
	IsSet bool   `json:"isSet"`
}

// missing returns the commands that set what is not set.
func (v *namedView) missing() []string {
	var commands []string
	for _, kind := range []struct {
		command string
		values  []namedValueView
	}{{"vars set %s VALUE", v.Vars}, {"secrets set %s", v.Secrets}} {
		for _, value := range kind.values {
			if !value.IsSet {
				commands = append(commands, "miniairflow "+fmt.Sprintf(kind.command, value.Name))
			}
		}
	}
	return commands
}

type scheduleView struct {
	Name       *string    `json:"name,omitempty"`
	Text       string     `json:"text"`
	Cron       *string    `json:"cron,omitempty"`
	Every      *float64   `json:"everySeconds,omitempty"`
	At         *time.Time `json:"at,omitempty"`
	Timezone   string     `json:"timezone"`
	StartsAt   *time.Time `json:"startsAt,omitempty"`
	EndsAt     *time.Time `json:"endsAt,omitempty"`
	NextFireAt *time.Time `json:"nextFireAt"`
}

// schedule returns the times of a schedule.
func (v *scheduleView) schedule() miniairflow.Schedule {
	s := miniairflow.Schedule{Timezone: v.Timezone}
	if v.Cron != nil {
		s.Cron = *v.Cron
	}
	if v.Every != nil {
		s.Every = miniairflow.Duration(*v.Every * float64(time.Second))
	}
	for target, value := range map[*time.Time]*time.Time{&s.At: v.At, &s.Start: v.StartsAt, &s.End: v.EndsAt} {
		if value != nil {
			*target = *value
		}
	}
	return s
}

type versionView struct {
	Number int         `json:"number"`
	Hash   string      `json:"hash"`
	Commit *commitView `json:"commit,omitempty"` // these two where one workflow is asked for
	Files  []fileView  `json:"files,omitempty"`
}

type commitView struct {
	Hash       string    `json:"hash"`
	Author     string    `json:"author"`
	AuthoredAt time.Time `json:"authoredAt"`
	IsDirty    bool      `json:"isDirty"`
}

type fileView struct {
	Path         string `json:"path"`
	Hash         string `json:"hash"`
	Size         int64  `json:"size"`
	IsExecutable bool   `json:"isExecutable"`
}

// runView is a run as the commands show it, with its task runs where asked for.
type runView struct {
	ID          string         `json:"id"`
	Label       string         `json:"label"`
	Status      state          `json:"status"`
	Reason      *string        `json:"reason"`
	Cause       causeView      `json:"cause"`
	LogicalDate time.Time      `json:"logicalDate"`
	CreatedAt   time.Time      `json:"createdAt"`
	StartedAt   *time.Time     `json:"startedAt"`
	FinishedAt  *time.Time     `json:"finishedAt"`
	PausedAt    *time.Time     `json:"pausedAt,omitempty"`
	LateAt      *time.Time     `json:"lateAt,omitempty"`
	Generation  int            `json:"generation"`
	WaitReason  *string        `json:"waitReason,omitempty"`
	Selection   *selectionView `json:"selection,omitempty"`

	Outputs      json.RawMessage `json:"outputs,omitempty"`
	OutputsError *string         `json:"outputsError,omitempty"`
	Parent       *parentView     `json:"parent,omitempty"`
	LateMarks    []lateView      `json:"lateMarks,omitempty"`
	TaskRuns     []taskRunView   `json:"taskRuns,omitempty"`
}

// causeView is why a run was started.
type causeView struct {
	Kind   state  `json:"kind"`
	Detail string `json:"detail,omitempty"`
	By     string `json:"by,omitempty"`
}

func (v causeView) String() string {
	return miniairflow.Cause{Kind: miniairflow.CauseKind(v.Kind), Detail: v.Detail, By: v.By}.String()
}

// taskRunView is a task run as the commands show it.
type taskRunView struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Index      int             `json:"index"`
	Status     state           `json:"status"`
	Attempt    int             `json:"attempt"`
	Reason     *string         `json:"reason"`
	ExitCode   *int            `json:"exitCode"`
	Outputs    json.RawMessage `json:"outputs,omitempty"`
	StartedAt  *time.Time      `json:"startedAt"`
	FinishedAt *time.Time      `json:"finishedAt"`
	WaitReason *string         `json:"waitReason,omitempty"`
	ChildRun   *childRef       `json:"childRun,omitempty"`
	Attempts   []attemptView   `json:"attempts,omitempty"`
}

// took returns how long the task run has taken; "-" while it has yet to start, or to
// start again.
func (t *taskRunView) took(now time.Time) string {
	switch miniairflow.TaskStatus(t.Status) {
	case miniairflow.TaskPending, miniairflow.TaskQueued, miniairflow.TaskUpForRetry:
		return "-"
	}
	return took(t.StartedAt, t.FinishedAt, now)
}

// why returns why the task run waits, where it runs, or why it ended so.
func (t *taskRunView) why() string {
	if t.WaitReason != nil {
		return *t.WaitReason
	}
	if miniairflow.TaskStatus(t.Status) == miniairflow.TaskRunning {
		if n := len(t.Attempts); n > 0 && t.Attempts[n-1].Worker != "" {
			return "on worker " + t.Attempts[n-1].Worker
		}
		return "" // the reason is that of the attempt before
	}
	if t.Reason == nil && t.ChildRun != nil {
		return "run " + t.ChildRun.Label
	}
	return text(t.Reason)
}

// state returns the state of the run, and that it is late.
func (r *runView) state() string {
	if r.LateAt != nil {
		return string(r.Status) + ", late"
	}
	return string(r.Status)
}

// why returns why the run waits or, if it does not, why it ended so.
func (r *runView) why() string {
	if r.WaitReason != nil {
		return *r.WaitReason
	}
	return text(r.Reason)
}

// attemptView is one try of a task run.
type attemptView struct {
	Number     int        `json:"number"`
	Status     state      `json:"status"`
	Reason     *string    `json:"reason"`
	ExitCode   *int       `json:"exitCode"`
	Worker     string     `json:"worker"`
	StartedAt  *time.Time `json:"startedAt"`
	FinishedAt *time.Time `json:"finishedAt"`
}

// state is a state in lower case, whatever the case of its source.
type state string

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *state) UnmarshalText(text []byte) error { //nolint:unparam // the interface has the error
	*s = state(strings.ToLower(string(text)))
	return nil
}

func (r *runView) isTerminal() bool { return miniairflow.RunStatus(r.Status).IsTerminal() }

const (
	workflowFields = `name description owner tags scheduleCron schedules { name text cron everySeconds at timezone startsAt endsAt nextFireAt } sourceFile isActive isPaused retiredAt
		version { number hash } latestRun { ` + runFields + ` }`
	namedFields   = `vars { name isSet } secrets { name isSet }`
	versionFields = `version { commit { hash author authoredAt isDirty } files { path hash size isExecutable } }`
	runFields     = `id label status reason cause { kind detail by } logicalDate createdAt startedAt finishedAt pausedAt lateAt generation waitReason ` + selectionFields
	taskRunFields = `id name index status attempt reason exitCode outputs startedAt finishedAt`
	attemptFields = `attempts { number status reason exitCode worker startedAt finishedAt }`
)

// pageSize is the largest page that the API gives.
const pageSize = 200

// findWorkflows returns all workflows whose name contains search.
func (c *client) findWorkflows(ctx context.Context, search string) ([]workflowView, error) {
	all := []workflowView{}
	var after *string
	for {
		var data struct {
			Workflows struct {
				Nodes    []workflowView
				PageInfo pageInfo
			}
		}
		err := c.query(ctx, `query($first: Int, $after: String, $search: String) {
			workflows(first: $first, after: $after, filter: {search: $search}) { nodes { `+workflowFields+` } pageInfo { hasNextPage endCursor } } }`,
			map[string]any{"first": pageSize, "after": after, "search": search}, &data)
		if err != nil {
			return nil, err
		}
		all = append(all, data.Workflows.Nodes...)
		if !data.Workflows.PageInfo.HasNextPage {
			return all, nil
		}
		after = &data.Workflows.PageInfo.EndCursor
	}
}

type pageInfo struct {
	HasNextPage bool
	EndCursor   string
}

// findWorkflow returns the workflow of that name.
func (c *client) findWorkflow(ctx context.Context, name string) (*workflowView, error) {
	var data struct{ Workflow *workflowView }
	if err := c.query(ctx, `query($name: String!) { workflow(name: $name) { `+workflowFields+` `+versionFields+` `+namedFields+` } }`, map[string]any{"name": name}, &data); err != nil {
		return nil, err
	}
	if data.Workflow == nil {
		return nil, noWorkflow(name)
	}
	return data.Workflow, nil
}

// setPaused pauses or unpauses a workflow.
func (c *client) setPaused(ctx context.Context, name string, paused bool, reason string) (*workflowView, error) {
	mutation := "unpauseWorkflow"
	if paused {
		mutation = "pauseWorkflow"
	}
	input := strings.ToUpper(mutation[:1]) + mutation[1:] + "Input!"
	var data map[string]struct {
		Workflow   *workflowView
		UserErrors []userError
	}
	err := c.query(ctx, `mutation($input: `+input+`) { `+mutation+`(input: $input) { workflow { `+workflowFields+` } userErrors { message code field } } }`,
		map[string]any{"input": map[string]any{"workflow": name, "reason": reason}}, &data)
	if err != nil {
		return nil, err
	}
	if err := firstUserError(data[mutation].UserErrors); err != nil {
		return nil, err
	}
	return data[mutation].Workflow, nil
}

// findNamed returns what the workflow of that name names; nothing if there is none.
func (c *client) findNamed(ctx context.Context, workflow string) (*namedView, error) {
	var data struct{ Workflow namedView }
	err := c.query(ctx, `query($name: String!) { workflow(name: $name) { `+namedFields+` } }`, map[string]any{"name": workflow}, &data)
	return &data.Workflow, err
}

// trigger creates a run.
func (c *client) trigger(ctx context.Context, input map[string]any) (*runView, error) {
	var data struct {
		TriggerWorkflow struct {
			WorkflowRun *runView
			UserErrors  []userError
		}
	}
	err := c.query(ctx, `mutation($input: TriggerWorkflowInput!) { triggerWorkflow(input: $input) { workflowRun { `+runFields+` } userErrors { message code field } } }`,
		map[string]any{"input": input}, &data)
	if err != nil {
		return nil, err
	}
	if err := firstUserError(data.TriggerWorkflow.UserErrors); err != nil {
		return nil, err
	}
	return data.TriggerWorkflow.WorkflowRun, nil
}

// findRuns returns the newest runs, at most limit.
func (c *client) findRuns(ctx context.Context, workflow string, statuses []string, limit int) ([]runView, error) {
	filter := map[string]any{}
	if workflow != "" {
		filter["workflow"] = workflow
	}
	if len(statuses) > 0 {
		filter["statuses"] = statuses
	}
	var data struct{ WorkflowRuns struct{ Nodes []runView } }
	err := c.query(ctx, `query($first: Int, $filter: WorkflowRunFilter) { workflowRuns(first: $first, filter: $filter) { nodes { `+runFields+` } } }`,
		map[string]any{"first": min(limit, pageSize), "filter": filter}, &data)
	return data.WorkflowRuns.Nodes, err
}

// findRun returns the run that ref names: an id, "daily-etl#142", or
// "daily-etl@latest".
func (c *client) findRun(ctx context.Context, ref string) (*runView, error) {
	missing := miniairflow.Errorf(miniairflow.CodeNotFound, "no run is called %q; `miniairflow runs list` shows them", ref)
	if _, err := uuid.Parse(ref); err == nil {
		var data struct{ WorkflowRun *runView }
		if err := c.query(ctx, `query($id: ID!) { workflowRun(id: $id) { `+runFields+` } }`, map[string]any{"id": ref}, &data); err != nil {
			return nil, err
		}
		if data.WorkflowRun == nil {
			return nil, missing
		}
		return data.WorkflowRun, nil
	}
	if name, number, ok := strings.Cut(ref, "#"); ok {
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n < 1 {
			return nil, usageErrorf("run %q: write a number after the #, as in %s#1", ref, name)
		}
		var data struct{ Workflow *struct{ Run *runView } }
		if err := c.query(ctx, `query($name: String!, $number: Int64!) { workflow(name: $name) { run(number: $number) { `+runFields+` } } }`,
			map[string]any{"name": name, "number": n}, &data); err != nil {
			return nil, err
		}
		if data.Workflow == nil || data.Workflow.Run == nil {
			return nil, missing
		}
		return data.Workflow.Run, nil
	}
	if name, ok := strings.CutSuffix(ref, "@latest"); ok {
		w, err := c.findWorkflow(ctx, name)
		if err != nil {
			return nil, err
		}
		if w.LatestRun == nil {
			return nil, missing
		}
		return w.LatestRun, nil
	}
	return nil, usageErrorf("run %q: name it by its id, as workflow#number, or as workflow@latest", ref)
}

// findTaskRuns returns all task runs of a run with their attempts, in file order.
func (c *client) findTaskRuns(ctx context.Context, runID string) ([]taskRunView, error) {
	all := []taskRunView{}
	var after *string
	for {
		var data struct {
			WorkflowRun *struct {
				TaskRuns struct {
					Nodes    []taskRunView
					PageInfo pageInfo
				}
			}
		}
		err := c.query(ctx, `query($id: ID!, $first: Int, $after: String) { workflowRun(id: $id) {
			taskRuns(first: $first, after: $after) { nodes { `+taskRunFields+` waitReason childRun `+childFields+` `+attemptFields+` } pageInfo { hasNextPage endCursor } } } }`,
			map[string]any{"id": runID, "first": pageSize, "after": after}, &data)
		if err != nil {
			return nil, err
		}
		if data.WorkflowRun == nil {
			return nil, fmt.Errorf("run %s is gone", runID)
		}
		all = append(all, data.WorkflowRun.TaskRuns.Nodes...)
		if !data.WorkflowRun.TaskRuns.PageInfo.HasNextPage {
			return all, nil
		}
		after = &data.WorkflowRun.TaskRuns.PageInfo.EndCursor
	}
}
