package persistencetest

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

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

// KnownVars implements miniairflow.VarStore.
func (f *Faulty) KnownVars(ctx context.Context, names []string) ([]string, error) {
	return try(f, "KnownVars", func() ([]string, error) { return f.inner.KnownVars(ctx, names) })
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

// ResealSecrets implements miniairflow.SecretStore.
func (f *Faulty) ResealSecrets(ctx context.Context, reseal func(miniairflow.SealedSecret) (miniairflow.SealedSecret, error), by miniairflow.Actor) (int, error) {
	return try(f, "ResealSecrets", func() (int, error) { return f.inner.ResealSecrets(ctx, reseal, by) })
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
