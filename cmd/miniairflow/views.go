package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

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
	startView // there too
}

// startView is what starts a workflow beside schedules and people, and what it starts.
type startView struct {
	Triggers []triggerView `json:"triggers,omitempty"`
	Starts   []string      `json:"starts,omitempty"`
}

type triggerView struct {
	Kind  state   `json:"kind"`
	Text  string  `json:"text"`
	Path  *string `json:"path,omitempty"`
	After []struct {
		Workflow string `json:"workflow"`
		Status   state  `json:"status"`
		IsThere  bool   `json:"isThere"`
	} `json:"after,omitempty"`
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

// schedules returns the times of a workflow's schedules in a line: "eu: 0 2 * * *, us: 0 8 * * *".
func (v *workflowView) schedules() string {
	parts := make([]string, len(v.Schedules))
	for i, s := range v.Schedules {
		parts[i] = s.Text
		if s.Name != nil {
			parts[i] = *s.Name + ": " + s.Text
		}
	}
	return strings.Join(parts, ", ")
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
	startFields   = `triggers { kind text path after { workflow status isThere } } starts`
	versionFields = `version { commit { hash author authoredAt isDirty } files { path hash size isExecutable } }`
	runFields     = `id label status reason cause { kind detail by } logicalDate createdAt startedAt finishedAt pausedAt lateAt generation waitReason ` + selectionFields
	taskRunFields = `id name index status attempt reason exitCode outputs startedAt finishedAt`
	attemptFields = `attempts { number status reason exitCode worker startedAt finishedAt }`
)
