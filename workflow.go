package miniairflow

import (
	"time"

	"github.com/google/uuid"
)

// Origin says who owns a workflow's content.
type Origin string

// The origins.
const (
	OriginFile Origin = "file" // the loader, from a file in dags/
	OriginAPI  Origin = "api"  // a client; the loader leaves it alone
)

// Workflow is a named DAG. Its content lives in versions; the fields here are
// those of its latest version, and the facts that belong to no version.
type Workflow struct {
	ID            uuid.UUID
	Name          string
	Description   string
	Owner         string
	Tags          []string
	Origin        Origin
	SourceFile    string     // path below dags/, with slashes; empty for OriginAPI
	VersionID     uuid.UUID  // the latest version
	VersionNumber int        // counts from 1
	ScheduleCron  string     // the cron expressions joined by ", "; empty without a schedule
	IsActive      bool       // the file's word
	PausedAt      *time.Time // an operator's word; no reload touches it
	RetiredAt     *time.Time // its file is gone; history stays
	MaxActiveRuns int
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// IsPaused reports whether the workflow starts no runs now: the file says
// is_active: false, or an operator paused it. Runs that have started go on.
func (w *Workflow) IsPaused() bool { return !w.IsActive || w.PausedAt != nil }

// Hold says why no run of the workflow starts now; empty: runs do.
func (w *Workflow) Hold() string {
	switch {
	case w.PausedAt != nil:
		return "its workflow is paused"
	case !w.IsActive:
		return "its workflow is not active"
	default:
		return ""
	}
}

// WorkflowVersion is one content of a workflow. It never changes, and a run
// points at its version for ever.
type WorkflowVersion struct {
	ID         uuid.UUID
	WorkflowID uuid.UUID
	Number     int    // counts from 1 within the workflow
	Hash       string // of the canonical form, see Definition.Hash
	Definition *Definition
	Commit     *Commit // nil: its file was in no checkout
	CreatedAt  time.Time
}

// Definition is the content of one workflow: what a file says, with defaults
// merged in and text parsed. Its JSON form is the canonical one: comments,
// order of keys and formatting of the file leave it as it is.
type Definition struct {
	Name           string            `json:"name"`
	Description    string            `json:"description,omitempty"`
	Owner          string            `json:"owner,omitempty"`
	Tags           []string          `json:"tags,omitempty"`
	Docs           string            `json:"docs,omitempty"` // Markdown
	IsActive       bool              `json:"is_active"`
	Schedules      []Schedule        `json:"schedules,omitempty"`
	Triggers       *Triggers         `json:"triggers,omitempty"` // nil: only schedules and people start it
	MaxActiveRuns  int               `json:"max_active_runs"`
	MaxActiveTasks int               `json:"max_active_tasks"`    // in one run
	Timeout        Duration          `json:"timeout,omitempty"`   // of the run from its start; 0: none
	Deadline       *Deadline         `json:"deadline,omitempty"`  // of the run; nil: none
	FailFast       bool              `json:"fail_fast,omitempty"` // the first task that fails for good ends the run
	Params         []Param           `json:"params,omitempty"`
	Groups         []Group           `json:"groups,omitempty"`
	Files          []WorkflowFile    `json:"files,omitempty"` // that it carries, by path; empty: tasks run in the folder of the workflow's file
	Env            map[string]string `json:"env,omitempty"`   // values are templates
	Outputs        []WorkflowOutput  `json:"outputs,omitempty"`
	Notify         Notices           `json:"notify,omitempty"` // who is told of what about a run
	Tasks          []Task            `json:"tasks"`            // in file order; those of finally come last
}

// Task is one node of the DAG. It has exactly one action, see Actions.
type Task struct {
	Name         string                `json:"name"`
	Description  string                `json:"description,omitempty"`
	Group        string                `json:"group,omitempty"` // the name of the group that it is in; empty: none
	DependsOn    []string              `json:"depends_on,omitempty"`
	TriggerRule  TriggerRule           `json:"trigger_rule"`
	When         string                `json:"when,omitempty"`     // an expression with its ${{ }}; with ForEach of each item, if it reads one
	ForEach      *ForEach              `json:"for_each,omitempty"` // nil: the task runs once
	Command      *Command              `json:"command,omitempty"`
	SSH          *SSH                  `json:"ssh,omitempty"`       // where Command runs; nil: on the worker
	Container    *Container            `json:"container,omitempty"` // likewise
	HTTP         *HTTP                 `json:"http,omitempty"`
	Wait         *Wait                 `json:"wait,omitempty"`
	Approval     *Approval             `json:"approval,omitempty"`
	Workflow     *ChildWorkflow        `json:"workflow,omitempty"`
	Env          map[string]string     `json:"env,omitempty"`         // values are templates
	Secrets      map[string]string     `json:"secrets,omitempty"`     // by the variable that it arrives in, the name of the secret
	Stdin        string                `json:"stdin,omitempty"`       // a template
	WorkingDir   string                `json:"working_dir,omitempty"` // below the folder of the workflow's file
	Outputs      map[string]OutputType `json:"outputs,omitempty"`
	OutputFrom   map[string]string     `json:"output_from,omitempty"`        // where one of Outputs comes from, if not from where its action usually puts it
	Artifacts    []ArtifactRule        `json:"artifacts,omitempty"`          // files that it hands on
	Inputs       []string              `json:"inputs,omitempty"`             // the tasks whose artifacts it is given
	Retry        *RetryPolicy          `json:"retry,omitempty"`              // nil: it is not tried again
	SkipOn       *ExitCodes            `json:"skip_on_exit_codes,omitempty"` // that skip the task in place of failing it; nil: none
	Timeout      Duration              `json:"timeout,omitempty"`            // of each attempt; 0: none
	Deadline     *Deadline             `json:"deadline,omitempty"`           // nil: none
	Priority     Priority              `json:"priority"`
	Queue        string                `json:"queue"`
	QueueTimeout Duration              `json:"queue_timeout,omitempty"` // fails when it was queued that long; 0: waits for ever
	Pool         string                `json:"pool,omitempty"`          // an open attempt holds PoolSlots of it; empty: none
	PoolSlots    int                   `json:"pool_slots,omitempty"`    // at least 1 with a Pool, else 0
	OnLost       OnLost                `json:"on_lost,omitempty"`       // empty: LostRetry
	Noop         bool                  `json:"noop,omitempty"`
	AllowFailure bool                  `json:"allow_failure,omitempty"`
	Finally      bool                  `json:"finally,omitempty"` // runs after all tasks that are not, however they ended

	Notify        Notices `json:"notify,omitempty"`          // who is told of what about the task
	DependsOnPast bool    `json:"depends_on_past,omitempty"` // of a scheduled run: waits until the one before was a success here, or skipped it
}

// Waits reports whether the task's action waits, and so may look more than once.
func (t *Task) Waits() bool { return t.Wait != nil || t.Approval != nil || t.Workflow != nil }

// RetryPolicy returns how t is tried again; the zero value if it is not.
func (t *Task) RetryPolicy() RetryPolicy {
	if t.Retry == nil {
		return RetryPolicy{}
	}
	return *t.Retry
}

// HasCondition reports whether values or another run, and not only the trigger
// rule, decide what becomes of the task when its turn comes.
func (t *Task) HasCondition() bool { return t.When != "" || t.ForEach != nil || t.DependsOnPast }

// Runs returns the command that the task's action runs, or nil.
func (t *Task) Runs() *Command {
	if t.Wait != nil {
		return t.Wait.Command
	}
	return t.Command
}

// NeedsFolder reports whether the action works with files of its worker.
func (t *Task) NeedsFolder() bool { return t.Runs() != nil || t.Wait != nil && t.Wait.File != "" }

// skipsOnTimeout reports whether the timeout of a task that waits skips it.
func (t *Task) skipsOnTimeout() bool {
	return t.Wait != nil && t.Wait.OnTimeout == WaitSkip || t.Approval != nil && t.Approval.OnTimeout == WaitSkip
}

// OnLost says what becomes of a task run whose worker went silent: nobody knows
// how far its attempt came.
type OnLost string

// The ways to go on after a loss.
const (
	LostRetry OnLost = "retry" // queued again at once, up to LossesMax losses
	LostFail  OnLost = "fail"  // for what must not happen twice, such as a payment
)

// OnLosts lists all of them, the default first.
var OnLosts = []OnLost{LostRetry, LostFail}

// Command is a shell script or a program with its arguments; one of Script and
// Argv is set.
type Command struct {
	Script string   `json:"script,omitempty"` // handed to the shell as it is: never a template
	Shell  string   `json:"shell,omitempty"`  // "bash" or "sh", for Script
	Argv   []string `json:"argv,omitempty"`   // each item is a template
}

// OutputType is the declared type of a task's output.
type OutputType string

// The output types. An undeclared output is a string.
const (
	OutputString  OutputType = "string"
	OutputInteger OutputType = "integer"
	OutputNumber  OutputType = "number"
	OutputBoolean OutputType = "boolean"
	OutputList    OutputType = "list"
	OutputObject  OutputType = "object"
)

// OutputTypes lists all output types.
var OutputTypes = []OutputType{OutputString, OutputInteger, OutputNumber, OutputBoolean, OutputList, OutputObject}

// Priority orders task runs that wait for a worker: higher first, and within
// one priority first come, first served.
type Priority int

// The priorities.
const (
	PriorityBackfill Priority = iota - 1 // of all tasks of backfills: behind those of other runs. No file may say it
	PriorityLow
	PriorityNormal
	PriorityHigh
	PriorityCritical
)

// Priorities lists the names of the priorities that a file may say, by their value.
var Priorities = []string{"low", "normal", "high", "critical"}

// String returns the priority's name.
func (p Priority) String() string {
	switch {
	case p == PriorityBackfill:
		return "backfill"
	case p < 0 || int(p) >= len(Priorities):
		return "unknown"
	}
	return Priorities[p]
}

// Defaults of a Definition, for keys that a file leaves out.
const (
	MaxActiveRunsDefault  = 1
	MaxActiveTasksDefault = 16
	QueueDefault          = "default"
	ShellDefault          = "bash"
)

// Limits of the tasks of a Definition: what a file may have unless that is raised,
// and what it may be raised to.
const (
	TasksDefault = 10_000
	TasksMax     = 100_000
)

// ParamType is the type of a workflow's parameter.
type ParamType string

// The parameter types.
const (
	ParamString   ParamType = "string"
	ParamInteger  ParamType = "integer"
	ParamNumber   ParamType = "number"
	ParamBoolean  ParamType = "boolean"
	ParamDate     ParamType = "date"     // 2026-11-22
	ParamDatetime ParamType = "datetime" // RFC 3339
	ParamDuration ParamType = "duration" // 90s, 1h30m, 2d
	ParamEnum     ParamType = "enum"     // one of the texts of Enum
	ParamList     ParamType = "list"     // any JSON array
	ParamObject   ParamType = "object"   // any JSON object
)

// ParamTypes lists all parameter types.
var ParamTypes = []ParamType{
	ParamString, ParamInteger, ParamNumber, ParamBoolean, ParamDate, ParamDatetime, ParamDuration, ParamEnum, ParamList, ParamObject,
}

// Param is a typed input of a run. One without a default must be given, unless
// it is optional: then it is null where it is not.
type Param struct {
	Name        string    `json:"name"`
	Type        ParamType `json:"type"`
	Description string    `json:"description,omitempty"`
	Enum        []any     `json:"enum,omitempty"`
	Default     any       `json:"default,omitempty"`  // nil: none. A string may be a template over run.*
	Optional    bool      `json:"optional,omitempty"` // null is a value, and the one of a param without Default
	Pattern     string    `json:"pattern,omitempty"`  // of a string: an RE2 expression for all of it; empty: any
	Minimum     any       `json:"minimum,omitempty"`  // of a number, date, datetime or duration; nil: none
	Maximum     any       `json:"maximum,omitempty"`
}

// IsRequired reports whether every run needs a value for the param.
func (p *Param) IsRequired() bool { return p.Default == nil && !p.Optional }

// Catchup says what happens to slots that were missed while nothing was up.
type Catchup string

// The catchup policies. Paused time, new files and edited crons miss nothing.
const (
	CatchupNone   Catchup = "none"
	CatchupLatest Catchup = "latest" // the default
	CatchupAll    Catchup = "all"
)

// Catchups lists all catchup policies.
var Catchups = []Catchup{CatchupNone, CatchupLatest, CatchupAll}

// Overlap says what a due slot does when max_active_runs is reached.
type Overlap string

// The overlap policies.
const (
	OverlapQueue Overlap = "queue" // the default: the run waits
	OverlapSkip  Overlap = "skip"  // the run is recorded as skipped

	OverlapCancelRunning Overlap = "cancel_running" // the oldest scheduled runs make room for it
)

// Overlaps lists all overlap policies.
var Overlaps = []Overlap{OverlapQueue, OverlapSkip, OverlapCancelRunning}
