package miniairflow

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// AuditAction is what somebody did, in the audit log. It also says what kind of
// thing the entry's Subject is.
type AuditAction string

// The actions of the audit log.
const (
	AuditCreateRun        AuditAction = "create_run" // this one and those up to AuditSendNotification: of a run
	AuditCancelRun        AuditAction = "cancel_run" // also by the scheduler, when the run's timeout has passed
	AuditPauseRun         AuditAction = "pause_run"
	AuditResumeRun        AuditAction = "resume_run"
	AuditRetryRun         AuditAction = "retry_run"
	AuditClearTasks       AuditAction = "clear_tasks"
	AuditMarkTasks        AuditAction = "mark_tasks"
	AuditAnswerApproval   AuditAction = "answer_approval"
	AuditSendNotification AuditAction = "send_notification"
	AuditCreateBackfill   AuditAction = "create_backfill" // this one and those up to AuditCancelBackfill: of a backfill
	AuditPauseBackfill    AuditAction = "pause_backfill"
	AuditResumeBackfill   AuditAction = "resume_backfill"
	AuditCancelBackfill   AuditAction = "cancel_backfill"
	AuditPauseWorkflow    AuditAction = "pause_workflow"
	AuditUnpauseWorkflow  AuditAction = "unpause_workflow"
	AuditDrainWorker      AuditAction = "drain_worker"
	AuditSetPool          AuditAction = "set_pool"
	AuditDeletePool       AuditAction = "delete_pool"
	AuditSetVar           AuditAction = "set_var"
	AuditDeleteVar        AuditAction = "delete_var"
	AuditSetSecret        AuditAction = "set_secret"
	AuditDeleteSecret     AuditAction = "delete_secret"
	AuditRotateSecrets    AuditAction = "rotate_secrets"
	AuditCreateToken      AuditAction = "create_token"
	AuditRevokeToken      AuditAction = "revoke_token"
)

// AuditActions lists every action.
var AuditActions = []AuditAction{
	AuditCreateRun, AuditCancelRun, AuditPauseRun, AuditResumeRun, AuditRetryRun, AuditClearTasks, AuditMarkTasks, AuditAnswerApproval, AuditSendNotification,
	AuditCreateBackfill, AuditPauseBackfill, AuditResumeBackfill, AuditCancelBackfill,
	AuditPauseWorkflow, AuditUnpauseWorkflow, AuditDrainWorker, AuditSetPool, AuditDeletePool,
	AuditSetVar, AuditDeleteVar, AuditSetSecret, AuditDeleteSecret, AuditRotateSecrets, AuditCreateToken, AuditRevokeToken,
}

// Audit returns the action of a rerun.
func (k RerunKind) Audit() AuditAction {
	switch k {
	case RerunClear:
		return AuditClearTasks
	case RerunMark:
		return AuditMarkTasks
	case RerunAnswer:
		return AuditAnswerApproval
	default:
		return AuditRetryRun
	}
}

// AuditEntry says that somebody changed something. It is written in the
// transaction of the change, once, and stays when its subject is deleted.
type AuditEntry struct {
	ID         int64 // rises with each entry, not always by one
	At         time.Time
	Actor      string // who, see Actor; empty only for a rerun that nobody signed
	Action     AuditAction
	Subject    string        // the id of the run, the backfill or the workflow, the name of the worker, the pool, the variable, the secret or the token
	Label      string        // what people call it: daily-etl#142, daily-etl/january, or the name; Subject if a run is deleted
	WorkflowID uuid.UUID     // of the run, the backfill or the workflow; else uuid.Nil
	Reason     string        // empty: none was given
	Details    *AuditDetails // nil: the action says all
}

// AuditTasksMax bounds AuditDetails.Tasks, so that an entry has no more than 4 KiB
// of details.
const AuditTasksMax = 20

// AuditDetails says what exactly was done, where the action alone does not.
type AuditDetails struct {
	Tasks      []string   `json:"tasks,omitempty"`      // of a rerun: those that were named; of a retry, those that run again. At most AuditTasksMax
	MoreTasks  int        `json:"more_tasks,omitempty"` // how many there were beyond Tasks
	Downstream bool       `json:"downstream,omitempty"` // also all tasks below them
	Status     TaskStatus `json:"status,omitempty"`     // that they were marked as
	Latest     bool       `json:"latest,omitempty"`     // the run went on with the latest version
	Slots      *int       `json:"slots,omitempty"`      // that a pool was given
	Selection  *Selection `json:"selection,omitempty"`  // of a run that was created in part
}

// AuditOfRerun returns the details of a rerun that was done: plan is what
// PlanRerun made of the request with g.
func AuditOfRerun(g *DAG, plan RerunPlan, req Rerun) *AuditDetails {
	seqs := sortedSeqs(req.Seqs)
	if req.Kind == RerunFailed {
		seqs = sortedSeqs(slices.Concat(plan.Reopen, plan.Added))
	}
	d := &AuditDetails{Downstream: req.Downstream && req.Kind == RerunClear, Latest: req.Latest}
	if req.Kind == RerunMark || req.Kind == RerunAnswer {
		d.Status = req.Status
	}
	for _, seq := range seqs[:min(len(seqs), AuditTasksMax)] {
		d.Tasks = append(d.Tasks, g.Definition.Tasks[seq].Name)
	}
	d.MoreTasks = len(seqs) - len(d.Tasks)
	return d
}

// Text returns the details in words: "extract, load and 3 more with all below,
// latest version".
func (d *AuditDetails) Text() string {
	tasks := strings.Join(d.Tasks, ", ")
	if d.MoreTasks > 0 {
		tasks += fmt.Sprintf(" and %d more", d.MoreTasks)
	}
	if d.Downstream {
		tasks += " with all below"
	}
	if d.Status != "" {
		tasks += " as " + string(d.Status)
	}
	var parts []string
	if tasks != "" {
		parts = append(parts, tasks)
	}
	if d.Latest {
		parts = append(parts, "latest version")
	}
	if d.Selection != nil {
		parts = append(parts, d.Selection.String())
	}
	if d.Slots != nil {
		parts = append(parts, fmt.Sprintf("%d slots", *d.Slots))
	}
	return strings.Join(parts, ", ")
}

// AuditStore reads the audit log. Every operation that changed something and
// names an Actor has exactly one entry there; one that changed nothing has none.
type AuditStore interface {
	// FindAuditEntries returns a page, the newest first (by ID). Labels are those
	// of now.
	FindAuditEntries(ctx context.Context, filter AuditFilter) ([]*AuditEntry, error)
	// CountAuditEntries counts what FindAuditEntries would return over all pages,
	// up to max.
	CountAuditEntries(ctx context.Context, filter AuditFilter, max int) (int, error)
}

// AuditFilter chooses entries. The zero value of a field does not restrict.
type AuditFilter struct {
	Subject    string    // an id in its usual form, or a name
	WorkflowID uuid.UUID // what was done to the workflow and to its runs
	Action     AuditAction
	Before     int64 // page: entries older than the one with this ID
	Limit      int   // 1 to 200; 0: 50
}
