package persistencetest

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// Bus implements miniairflow.Store.
func (f *Faulty) Bus() *miniairflow.Bus { return f.inner.Bus() }

// Close implements miniairflow.Store.
func (f *Faulty) Close() error { return f.inner.Close() }

// Now implements miniairflow.Store.
func (f *Faulty) Now(ctx context.Context) (time.Time, error) {
	return try(f, "Now", func() (time.Time, error) { return f.inner.Now(ctx) })
}

// SyncFiles implements miniairflow.CatalogStore.
func (f *Faulty) SyncFiles(ctx context.Context, files []miniairflow.FileSync) ([]miniairflow.FileResult, error) {
	return try(f, "SyncFiles", func() ([]miniairflow.FileResult, error) { return f.inner.SyncFiles(ctx, files) })
}

// KeepFiles implements miniairflow.FileStore.
func (f *Faulty) KeepFiles(ctx context.Context, hashes []string) ([]string, error) {
	return try(f, "KeepFiles", func() ([]string, error) { return f.inner.KeepFiles(ctx, hashes) })
}

// AddFiles implements miniairflow.FileStore.
func (f *Faulty) AddFiles(ctx context.Context, contents [][]byte) error {
	return tryOnly(f, "AddFiles", func() error { return f.inner.AddFiles(ctx, contents) })
}

// FindFiles implements miniairflow.FileStore.
func (f *Faulty) FindFiles(ctx context.Context, hashes []string) (map[string][]byte, error) {
	return try(f, "FindFiles", func() (map[string][]byte, error) { return f.inner.FindFiles(ctx, hashes) })
}

// DeleteFiles implements miniairflow.FileStore.
func (f *Faulty) DeleteFiles(ctx context.Context) (int, error) {
	return try(f, "DeleteFiles", func() (int, error) { return f.inner.DeleteFiles(ctx) })
}

// RetireFile implements miniairflow.CatalogStore.
func (f *Faulty) RetireFile(ctx context.Context, path string) error {
	return tryOnly(f, "RetireFile", func() error { return f.inner.RetireFile(ctx, path) })
}

// SourceFiles implements miniairflow.CatalogStore.
func (f *Faulty) SourceFiles(ctx context.Context) ([]miniairflow.SourceFile, error) {
	return try(f, "SourceFiles", func() ([]miniairflow.SourceFile, error) { return f.inner.SourceFiles(ctx) })
}

// FindWorkflow implements miniairflow.CatalogStore.
func (f *Faulty) FindWorkflow(ctx context.Context, id uuid.UUID) (*miniairflow.Workflow, error) {
	return try(f, "FindWorkflow", func() (*miniairflow.Workflow, error) { return f.inner.FindWorkflow(ctx, id) })
}

// FindWorkflowByName implements miniairflow.CatalogStore.
func (f *Faulty) FindWorkflowByName(ctx context.Context, name string) (*miniairflow.Workflow, error) {
	return try(f, "FindWorkflowByName", func() (*miniairflow.Workflow, error) { return f.inner.FindWorkflowByName(ctx, name) })
}

// FindWorkflows implements miniairflow.CatalogStore.
func (f *Faulty) FindWorkflows(ctx context.Context, filter miniairflow.WorkflowFilter) ([]*miniairflow.Workflow, error) {
	return try(f, "FindWorkflows", func() ([]*miniairflow.Workflow, error) { return f.inner.FindWorkflows(ctx, filter) })
}

// CountWorkflows implements miniairflow.CatalogStore.
func (f *Faulty) CountWorkflows(ctx context.Context, filter miniairflow.WorkflowFilter) (int, error) {
	return try(f, "CountWorkflows", func() (int, error) { return f.inner.CountWorkflows(ctx, filter) })
}

// FindVersion implements miniairflow.CatalogStore.
func (f *Faulty) FindVersion(ctx context.Context, id uuid.UUID) (*miniairflow.WorkflowVersion, error) {
	return try(f, "FindVersion", func() (*miniairflow.WorkflowVersion, error) { return f.inner.FindVersion(ctx, id) })
}

// FindSelectedDAG implements miniairflow.CatalogStore.
func (f *Faulty) FindSelectedDAG(ctx context.Context, versionID uuid.UUID, selection *miniairflow.Selection) (*miniairflow.DAG, error) {
	return try(f, "FindSelectedDAG", func() (*miniairflow.DAG, error) { return f.inner.FindSelectedDAG(ctx, versionID, selection) })
}

// FindDAG implements miniairflow.CatalogStore.
func (f *Faulty) FindDAG(ctx context.Context, versionID uuid.UUID) (*miniairflow.DAG, error) {
	return try(f, "FindDAG", func() (*miniairflow.DAG, error) { return f.inner.FindDAG(ctx, versionID) })
}

// FindVersions implements miniairflow.CatalogStore.
func (f *Faulty) FindVersions(ctx context.Context, workflowID uuid.UUID, limit int) ([]*miniairflow.WorkflowVersion, error) {
	return try(f, "FindVersions", func() ([]*miniairflow.WorkflowVersion, error) { return f.inner.FindVersions(ctx, workflowID, limit) })
}

// SetPaused implements miniairflow.CatalogStore.
func (f *Faulty) SetPaused(ctx context.Context, workflowID uuid.UUID, paused bool, by miniairflow.Actor) (*miniairflow.Workflow, error) {
	return try(f, "SetPaused", func() (*miniairflow.Workflow, error) { return f.inner.SetPaused(ctx, workflowID, paused, by) })
}

// FindImportErrors implements miniairflow.CatalogStore.
func (f *Faulty) FindImportErrors(ctx context.Context) ([]miniairflow.ImportError, error) {
	return try(f, "FindImportErrors", func() ([]miniairflow.ImportError, error) { return f.inner.FindImportErrors(ctx) })
}

// TryLease implements miniairflow.CatalogStore.
func (f *Faulty) TryLease(ctx context.Context, name string, holder uuid.UUID, ttl time.Duration) (bool, error) {
	return try(f, "TryLease", func() (bool, error) { return f.inner.TryLease(ctx, name, holder, ttl) })
}

// DueSchedules implements miniairflow.ScheduleStore.
func (f *Faulty) DueSchedules(ctx context.Context, limit int) (miniairflow.DueSchedules, error) {
	return try(f, "DueSchedules", func() (miniairflow.DueSchedules, error) { return f.inner.DueSchedules(ctx, limit) })
}

// FireSchedules implements miniairflow.ScheduleStore.
func (f *Faulty) FireSchedules(ctx context.Context, fires []miniairflow.Fire) (int, error) {
	return try(f, "FireSchedules", func() (int, error) { return f.inner.FireSchedules(ctx, fires) })
}

// FireDue implements miniairflow.ScheduleStore.
func (f *Faulty) FireDue(ctx context.Context, limit int, plan miniairflow.FirePlan) (miniairflow.DueSchedules, int, error) {
	return tryTwo(f, "FireDue", func() (miniairflow.DueSchedules, int, error) { return f.inner.FireDue(ctx, limit, plan) })
}

// CreateRun implements miniairflow.RunStore.
func (f *Faulty) CreateRun(ctx context.Context, run miniairflow.NewRun) (*miniairflow.WorkflowRun, bool, error) {
	return tryTwo(f, "CreateRun", func() (*miniairflow.WorkflowRun, bool, error) { return f.inner.CreateRun(ctx, run) })
}

// StartRuns implements miniairflow.RunStore.
func (f *Faulty) StartRuns(ctx context.Context, limit int) ([]uuid.UUID, error) {
	return try(f, "StartRuns", func() ([]uuid.UUID, error) { return f.inner.StartRuns(ctx, limit) })
}

// CancelRun implements miniairflow.RunStore.
func (f *Faulty) CancelRun(ctx context.Context, cancel miniairflow.Cancel) (*miniairflow.WorkflowRun, error) {
	return try(f, "CancelRun", func() (*miniairflow.WorkflowRun, error) { return f.inner.CancelRun(ctx, cancel) })
}

// SetRunPaused implements miniairflow.RunStore.
func (f *Faulty) SetRunPaused(ctx context.Context, runID uuid.UUID, paused bool, by miniairflow.Actor) (*miniairflow.WorkflowRun, error) {
	return try(f, "SetRunPaused", func() (*miniairflow.WorkflowRun, error) { return f.inner.SetRunPaused(ctx, runID, paused, by) })
}

// Rerun implements miniairflow.RunStore.
func (f *Faulty) Rerun(ctx context.Context, rerun miniairflow.Rerun) (miniairflow.RerunResult, error) {
	return try(f, "Rerun", func() (miniairflow.RerunResult, error) { return f.inner.Rerun(ctx, rerun) })
}

// OverdueRuns implements miniairflow.RunStore.
func (f *Faulty) OverdueRuns(ctx context.Context, limit int) ([]uuid.UUID, *time.Time, error) {
	return tryTwo(f, "OverdueRuns", func() ([]uuid.UUID, *time.Time, error) { return f.inner.OverdueRuns(ctx, limit) })
}

// AbandonedRuns implements miniairflow.RunStore.
func (f *Faulty) AbandonedRuns(ctx context.Context, limit int) ([]uuid.UUID, error) {
	return try(f, "AbandonedRuns", func() ([]uuid.UUID, error) { return f.inner.AbandonedRuns(ctx, limit) })
}

// ChildRuns implements miniairflow.RunStore.
func (f *Faulty) ChildRuns(ctx context.Context, parents []miniairflow.TaskRunKey) (map[miniairflow.TaskRunKey]*miniairflow.WorkflowRun, error) {
	return try(f, "ChildRuns", func() (map[miniairflow.TaskRunKey]*miniairflow.WorkflowRun, error) {
		return f.inner.ChildRuns(ctx, parents)
	})
}

// DeleteRuns implements miniairflow.RunStore.
func (f *Faulty) DeleteRuns(ctx context.Context, finishedBefore time.Time, limit int) (int, error) {
	return try(f, "DeleteRuns", func() (int, error) { return f.inner.DeleteRuns(ctx, finishedBefore, limit) })
}

// FindRun implements miniairflow.RunStore.
func (f *Faulty) FindRun(ctx context.Context, id uuid.UUID) (*miniairflow.WorkflowRun, error) {
	return try(f, "FindRun", func() (*miniairflow.WorkflowRun, error) { return f.inner.FindRun(ctx, id) })
}

// FindRunByNumber implements miniairflow.RunStore.
func (f *Faulty) FindRunByNumber(ctx context.Context, workflowID uuid.UUID, number int64) (*miniairflow.WorkflowRun, error) {
	return try(f, "FindRunByNumber", func() (*miniairflow.WorkflowRun, error) { return f.inner.FindRunByNumber(ctx, workflowID, number) })
}

// FindRuns implements miniairflow.RunStore.
func (f *Faulty) FindRuns(ctx context.Context, filter miniairflow.RunFilter) ([]*miniairflow.WorkflowRun, error) {
	return try(f, "FindRuns", func() ([]*miniairflow.WorkflowRun, error) { return f.inner.FindRuns(ctx, filter) })
}

// CountRuns implements miniairflow.RunStore.
func (f *Faulty) CountRuns(ctx context.Context, filter miniairflow.RunFilter, max int) (int, error) {
	return try(f, "CountRuns", func() (int, error) { return f.inner.CountRuns(ctx, filter, max) })
}

// CountTasks implements miniairflow.RunStore.
func (f *Faulty) CountTasks(ctx context.Context, runIDs []uuid.UUID) (map[uuid.UUID]map[miniairflow.TaskStatus]int, error) {
	return try(f, "CountTasks", func() (map[uuid.UUID]map[miniairflow.TaskStatus]int, error) { return f.inner.CountTasks(ctx, runIDs) })
}

// RunChanges implements miniairflow.RunStore.
func (f *Faulty) RunChanges(ctx context.Context, runID uuid.UUID, since int64) (miniairflow.RunChanges, error) {
	return try(f, "RunChanges", func() (miniairflow.RunChanges, error) { return f.inner.RunChanges(ctx, runID, since) })
}

// Exchange implements miniairflow.TaskStore.
func (f *Faulty) Exchange(ctx context.Context, request miniairflow.Exchange) (miniairflow.ExchangeResult, error) {
	return try(f, "Exchange", func() (miniairflow.ExchangeResult, error) { return f.inner.Exchange(ctx, request) })
}

// Claimed implements miniairflow.TaskStore.
func (f *Faulty) Claimed(ctx context.Context, token uuid.UUID) ([]miniairflow.Claim, error) {
	return try(f, "Claimed", func() ([]miniairflow.Claim, error) { return f.inner.Claimed(ctx, token) })
}

// PromoteRetries implements miniairflow.TaskStore.
func (f *Faulty) PromoteRetries(ctx context.Context, limit int) (int, *time.Time, error) {
	return tryTwo(f, "PromoteRetries", func() (int, *time.Time, error) { return f.inner.PromoteRetries(ctx, limit) })
}

// FailExpired implements miniairflow.TaskStore.
func (f *Faulty) FailExpired(ctx context.Context, limit int) (int, *time.Time, error) {
	return tryTwo(f, "FailExpired", func() (int, *time.Time, error) { return f.inner.FailExpired(ctx, limit) })
}

// Undecided implements miniairflow.TaskStore.
func (f *Faulty) Undecided(ctx context.Context, limit int) ([]uuid.UUID, error) {
	return try(f, "Undecided", func() ([]uuid.UUID, error) { return f.inner.Undecided(ctx, limit) })
}

// LoadDecisions implements miniairflow.TaskStore.
func (f *Faulty) LoadDecisions(ctx context.Context, runID uuid.UUID, limit int) (miniairflow.Decisions, error) {
	return try(f, "LoadDecisions", func() (miniairflow.Decisions, error) { return f.inner.LoadDecisions(ctx, runID, limit) })
}

// LoadNodes implements miniairflow.TaskStore.
func (f *Faulty) LoadNodes(ctx context.Context, runID uuid.UUID, seqs []int) ([]miniairflow.Node, error) {
	return try(f, "LoadNodes", func() ([]miniairflow.Node, error) { return f.inner.LoadNodes(ctx, runID, seqs) })
}

// ApplyChanges implements miniairflow.TaskStore.
func (f *Faulty) ApplyChanges(ctx context.Context, runID uuid.UUID, generation int, changes []miniairflow.Change) error {
	return tryOnly(f, "ApplyChanges", func() error { return f.inner.ApplyChanges(ctx, runID, generation, changes) })
}

// TaskResults implements miniairflow.TaskStore.
func (f *Faulty) TaskResults(ctx context.Context, runID uuid.UUID, seqs []int) ([]*miniairflow.TaskRun, error) {
	return try(f, "TaskResults", func() ([]*miniairflow.TaskRun, error) { return f.inner.TaskResults(ctx, runID, seqs) })
}

// FindItem implements miniairflow.TaskStore.
func (f *Faulty) FindItem(ctx context.Context, runID uuid.UUID, seq int) (json.RawMessage, error) {
	return try(f, "FindItem", func() (json.RawMessage, error) { return f.inner.FindItem(ctx, runID, seq) })
}

// FindItems implements miniairflow.TaskStore.
func (f *Faulty) FindItems(ctx context.Context, runID uuid.UUID, seq, after, limit int) ([]miniairflow.ItemRun, error) {
	return try(f, "FindItems", func() ([]miniairflow.ItemRun, error) { return f.inner.FindItems(ctx, runID, seq, after, limit) })
}

// FindFanOut implements miniairflow.TaskStore.
func (f *Faulty) FindFanOut(ctx context.Context, runID uuid.UUID, seq int) (miniairflow.FanOut, error) {
	return try(f, "FindFanOut", func() (miniairflow.FanOut, error) { return f.inner.FindFanOut(ctx, runID, seq) })
}

// ItemOutputs implements miniairflow.TaskStore.
func (f *Faulty) ItemOutputs(ctx context.Context, runID uuid.UUID, seq, most int) ([]map[string]any, error) {
	return try(f, "ItemOutputs", func() ([]map[string]any, error) { return f.inner.ItemOutputs(ctx, runID, seq, most) })
}

// FindWait implements miniairflow.TaskStore.
func (f *Faulty) FindWait(ctx context.Context, runID uuid.UUID, seq int) (miniairflow.TaskWait, error) {
	return try(f, "FindWait", func() (miniairflow.TaskWait, error) { return f.inner.FindWait(ctx, runID, seq) })
}

// FindPast implements miniairflow.TaskStore.
func (f *Faulty) FindPast(ctx context.Context, runID uuid.UUID, tasks []string) (miniairflow.Past, error) {
	return try(f, "FindPast", func() (miniairflow.Past, error) { return f.inner.FindPast(ctx, runID, tasks) })
}

// AskForPasts implements miniairflow.TaskStore.
func (f *Faulty) AskForPasts(ctx context.Context, limit int) (int, error) {
	return try(f, "AskForPasts", func() (int, error) { return f.inner.AskForPasts(ctx, limit) })
}

// TaskStates implements miniairflow.TaskStore.
func (f *Faulty) TaskStates(ctx context.Context, runID uuid.UUID, seqs []int) ([]miniairflow.TaskState, error) {
	return try(f, "TaskStates", func() ([]miniairflow.TaskState, error) { return f.inner.TaskStates(ctx, runID, seqs) })
}

// FindTaskRun implements miniairflow.TaskStore.
func (f *Faulty) FindTaskRun(ctx context.Context, runID uuid.UUID, seq int) (*miniairflow.TaskRun, error) {
	return try(f, "FindTaskRun", func() (*miniairflow.TaskRun, error) { return f.inner.FindTaskRun(ctx, runID, seq) })
}

// FindTaskRuns implements miniairflow.TaskStore.
func (f *Faulty) FindTaskRuns(ctx context.Context, filter miniairflow.TaskRunFilter) ([]*miniairflow.TaskRun, error) {
	return try(f, "FindTaskRuns", func() ([]*miniairflow.TaskRun, error) { return f.inner.FindTaskRuns(ctx, filter) })
}

// CountTaskRuns implements miniairflow.TaskStore.
func (f *Faulty) CountTaskRuns(ctx context.Context, filter miniairflow.TaskRunFilter, max int) (int, error) {
	return try(f, "CountTaskRuns", func() (int, error) { return f.inner.CountTaskRuns(ctx, filter, max) })
}

// FindAttempts implements miniairflow.TaskStore.
func (f *Faulty) FindAttempts(ctx context.Context, keys []miniairflow.TaskRunKey) (map[miniairflow.TaskRunKey][]*miniairflow.TaskAttempt, error) {
	return try(f, "FindAttempts", func() (map[miniairflow.TaskRunKey][]*miniairflow.TaskAttempt, error) {
		return f.inner.FindAttempts(ctx, keys)
	})
}

// QueueDepth implements miniairflow.TaskStore.
func (f *Faulty) QueueDepth(ctx context.Context) (map[string]int, error) {
	return try(f, "QueueDepth", func() (map[string]int, error) { return f.inner.QueueDepth(ctx) })
}

// StartSession implements miniairflow.WorkerStore.
func (f *Faulty) StartSession(ctx context.Context, w miniairflow.Worker, lease time.Duration) error {
	return tryOnly(f, "StartSession", func() error { return f.inner.StartSession(ctx, w, lease) })
}

// Heartbeat implements miniairflow.WorkerStore.
func (f *Faulty) Heartbeat(ctx context.Context, sessionID uuid.UUID, held []miniairflow.HeldAttempt, lease time.Duration) (miniairflow.HeartbeatResult, error) {
	return try(f, "Heartbeat", func() (miniairflow.HeartbeatResult, error) { return f.inner.Heartbeat(ctx, sessionID, held, lease) })
}

// EndSession implements miniairflow.WorkerStore.
func (f *Faulty) EndSession(ctx context.Context, sessionID uuid.UUID, reason miniairflow.EndReason) error {
	return tryOnly(f, "EndSession", func() error { return f.inner.EndSession(ctx, sessionID, reason) })
}

// DrainWorker implements miniairflow.WorkerStore.
func (f *Faulty) DrainWorker(ctx context.Context, name string, by miniairflow.Actor) (*miniairflow.Worker, error) {
	return try(f, "DrainWorker", func() (*miniairflow.Worker, error) { return f.inner.DrainWorker(ctx, name, by) })
}

// Sessions implements miniairflow.WorkerStore.
func (f *Faulty) Sessions(ctx context.Context) (miniairflow.Sessions, error) {
	return try(f, "Sessions", func() (miniairflow.Sessions, error) { return f.inner.Sessions(ctx) })
}

// FenceSession implements miniairflow.WorkerStore.
func (f *Faulty) FenceSession(ctx context.Context, sessionID uuid.UUID, beat int64) (bool, error) {
	return try(f, "FenceSession", func() (bool, error) { return f.inner.FenceSession(ctx, sessionID, beat) })
}

// Reap implements miniairflow.WorkerStore.
func (f *Faulty) Reap(ctx context.Context, limit int) (int, error) {
	return try(f, "Reap", func() (int, error) { return f.inner.Reap(ctx, limit) })
}

// FindWorkers implements miniairflow.WorkerStore.
func (f *Faulty) FindWorkers(ctx context.Context) ([]*miniairflow.Worker, error) {
	return try(f, "FindWorkers", func() ([]*miniairflow.Worker, error) { return f.inner.FindWorkers(ctx) })
}

// AppendLog implements miniairflow.LogStore.
func (f *Faulty) AppendLog(ctx context.Context, key miniairflow.AttemptKey, chunks []miniairflow.LogChunk) error {
	return tryOnly(f, "AppendLog", func() error { return f.inner.AppendLog(ctx, key, chunks) })
}

// ReadLog implements miniairflow.LogStore.
func (f *Faulty) ReadLog(ctx context.Context, key miniairflow.AttemptKey, offset int64, limit int) ([]miniairflow.LogChunk, error) {
	return try(f, "ReadLog", func() ([]miniairflow.LogChunk, error) { return f.inner.ReadLog(ctx, key, offset, limit) })
}

// LogSize implements miniairflow.LogStore.
func (f *Faulty) LogSize(ctx context.Context, key miniairflow.AttemptKey) (int64, error) {
	return try(f, "LogSize", func() (int64, error) { return f.inner.LogSize(ctx, key) })
}

// SetVar implements miniairflow.VarStore.
func (f *Faulty) SetVar(ctx context.Context, v miniairflow.Var, description *string, by miniairflow.Actor) (*miniairflow.Var, error) {
	return try(f, "SetVar", func() (*miniairflow.Var, error) { return f.inner.SetVar(ctx, v, description, by) })
}

// DeleteVar implements miniairflow.VarStore.
func (f *Faulty) DeleteVar(ctx context.Context, name string, by miniairflow.Actor) error {
	return tryOnly(f, "DeleteVar", func() error { return f.inner.DeleteVar(ctx, name, by) })
}

// FindVars implements miniairflow.VarStore.
func (f *Faulty) FindVars(ctx context.Context, filter miniairflow.VarFilter) ([]*miniairflow.Var, error) {
	return try(f, "FindVars", func() ([]*miniairflow.Var, error) { return f.inner.FindVars(ctx, filter) })
}

// CountVars implements miniairflow.VarStore.
func (f *Faulty) CountVars(ctx context.Context, filter miniairflow.VarFilter, max int) (int, error) {
	return try(f, "CountVars", func() (int, error) { return f.inner.CountVars(ctx, filter, max) })
}

// ReadVars implements miniairflow.VarStore.
func (f *Faulty) ReadVars(ctx context.Context, names []string) (map[string]any, error) {
	return try(f, "ReadVars", func() (map[string]any, error) { return f.inner.ReadVars(ctx, names) })
}

// SetSecret implements miniairflow.SecretStore.
func (f *Faulty) SetSecret(ctx context.Context, secret miniairflow.SealedSecret, by miniairflow.Actor) (*miniairflow.Secret, error) {
	return try(f, "SetSecret", func() (*miniairflow.Secret, error) { return f.inner.SetSecret(ctx, secret, by) })
}

// DeleteSecret implements miniairflow.SecretStore.
func (f *Faulty) DeleteSecret(ctx context.Context, name string, by miniairflow.Actor) error {
	return tryOnly(f, "DeleteSecret", func() error { return f.inner.DeleteSecret(ctx, name, by) })
}

// FindSecrets implements miniairflow.SecretStore.
func (f *Faulty) FindSecrets(ctx context.Context) ([]*miniairflow.Secret, error) {
	return try(f, "FindSecrets", func() ([]*miniairflow.Secret, error) { return f.inner.FindSecrets(ctx) })
}

// SealedSecrets implements miniairflow.SecretStore.
func (f *Faulty) SealedSecrets(ctx context.Context, names []string) ([]miniairflow.SealedSecret, error) {
	return try(f, "SealedSecrets", func() ([]miniairflow.SealedSecret, error) { return f.inner.SealedSecrets(ctx, names) })
}

// SyncPools implements miniairflow.PoolStore.
func (f *Faulty) SyncPools(ctx context.Context, path string, pools []miniairflow.Pool, problems []miniairflow.ImportError) (bool, error) {
	return try(f, "SyncPools", func() (bool, error) { return f.inner.SyncPools(ctx, path, pools, problems) })
}

// SetPool implements miniairflow.PoolStore.
func (f *Faulty) SetPool(ctx context.Context, pool miniairflow.Pool, by miniairflow.Actor) (*miniairflow.Pool, error) {
	return try(f, "SetPool", func() (*miniairflow.Pool, error) { return f.inner.SetPool(ctx, pool, by) })
}

// DeletePool implements miniairflow.PoolStore.
func (f *Faulty) DeletePool(ctx context.Context, name string, by miniairflow.Actor) error {
	return tryOnly(f, "DeletePool", func() error { return f.inner.DeletePool(ctx, name, by) })
}

// FindPools implements miniairflow.PoolStore.
func (f *Faulty) FindPools(ctx context.Context, holders int) ([]*miniairflow.Pool, error) {
	return try(f, "FindPools", func() ([]*miniairflow.Pool, error) { return f.inner.FindPools(ctx, holders) })
}

// FindAuditEntries implements miniairflow.AuditStore.
func (f *Faulty) FindAuditEntries(ctx context.Context, filter miniairflow.AuditFilter) ([]*miniairflow.AuditEntry, error) {
	return try(f, "FindAuditEntries", func() ([]*miniairflow.AuditEntry, error) { return f.inner.FindAuditEntries(ctx, filter) })
}

// CountAuditEntries implements miniairflow.AuditStore.
func (f *Faulty) CountAuditEntries(ctx context.Context, filter miniairflow.AuditFilter, max int) (int, error) {
	return try(f, "CountAuditEntries", func() (int, error) { return f.inner.CountAuditEntries(ctx, filter, max) })
}
