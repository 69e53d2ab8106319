package miniairflow

import "strings"

// CauseKind says what kind of thing has started a run.
type CauseKind string

// The kinds of causes.
const (
	CauseSchedule CauseKind = "schedule"
	CauseManual   CauseKind = "manual" // a person or a program has asked for it
	CauseChild    CauseKind = "child"  // a task of another run
	CauseAfter    CauseKind = "after"  // the end of runs of other workflows
	CauseWebhook  CauseKind = "webhook"
	CauseBackfill CauseKind = "backfill"
	CauseFile     CauseKind = "file" // that has arrived
)

// Cause says why a run was started, and by whom. The engine decides nothing by it.
type Cause struct {
	Kind   CauseKind
	Detail string // for people, to be read after the kind: the name of the schedule or the backfill, "of daily-etl#142, task load", the runs whose end it was; may be empty
	By     string // who has asked for it, as Actor.Name; of a child run, for that of its parent, and of one of a backfill, for that. Empty: nobody is known
}

// SchedulerName is the name of the actor that starts runs by itself.
const SchedulerName = "scheduler"

// CauseDetailMax bounds Cause.Detail as it is kept, in bytes.
const CauseDetailMax = 500

// String returns the cause in a few words: "schedule", "manual by ann".
func (c Cause) String() string {
	words := []string{string(c.Kind)}
	if c.Detail != "" {
		words = append(words, c.Detail)
	}
	if c.By != "" && c.By != SchedulerName && c.By != string(c.Kind) {
		words = append(words, "by "+c.By)
	}
	return strings.Join(words, " ")
}

// CauseOf returns the cause of a run that is to be created: what it does not say
// follows from its type and from who asks for it.
func CauseOf(run *NewRun) Cause {
	c := run.Cause
	if c.Kind == "" {
		switch run.Type {
		case RunScheduled:
			c.Kind, c.Detail = CauseSchedule, run.ScheduleName
		case RunChild:
			c.Kind = CauseChild
		case RunBackfill:
			c.Kind = CauseBackfill
		default:
			c.Kind = CauseManual
		}
	}
	if c.By == "" {
		c.By = run.By.Name
	}
	return c
}
