package persistencetest

import (
	"context"
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

// FindCursors implements miniairflow.ScheduleStore.
func (f *Faulty) FindCursors(ctx context.Context, workflowID uuid.UUID) (miniairflow.WorkflowCursors, error) {
	return try(f, "FindCursors", func() (miniairflow.WorkflowCursors, error) { return f.inner.FindCursors(ctx, workflowID) })
}

// FireSchedules implements miniairflow.ScheduleStore.
func (f *Faulty) FireSchedules(ctx context.Context, fires []miniairflow.Fire) (int, error) {
	return try(f, "FireSchedules", func() (int, error) { return f.inner.FireSchedules(ctx, fires) })
}

// FireDue implements miniairflow.ScheduleStore.
func (f *Faulty) FireDue(ctx context.Context, limit int, plan miniairflow.FirePlan) (miniairflow.DueSchedules, int, error) {
	return tryTwo(f, "FireDue", func() (miniairflow.DueSchedules, int, error) { return f.inner.FireDue(ctx, limit, plan) })
}

// FindMissedSlots implements miniairflow.MissedStore.
func (f *Faulty) FindMissedSlots(ctx context.Context, filter miniairflow.MissedFilter) ([]*miniairflow.MissedSlots, error) {
	return try(f, "FindMissedSlots", func() ([]*miniairflow.MissedSlots, error) { return f.inner.FindMissedSlots(ctx, filter) })
}

// CountMissedSlots implements miniairflow.MissedStore.
func (f *Faulty) CountMissedSlots(ctx context.Context, filter miniairflow.MissedFilter, max int) (int, error) {
	return try(f, "CountMissedSlots", func() (int, error) { return f.inner.CountMissedSlots(ctx, filter, max) })
}

// DeleteMissedSlots implements miniairflow.MissedStore.
func (f *Faulty) DeleteMissedSlots(ctx context.Context, endedBefore time.Time, limit int) (int, error) {
	return try(f, "DeleteMissedSlots", func() (int, error) { return f.inner.DeleteMissedSlots(ctx, endedBefore, limit) })
}

// CreateRun implements miniairflow.RunStore.
func (f *Faulty) CreateRun(ctx context.Context, run miniairflow.NewRun) (*miniairflow.WorkflowRun, bool, error) {
	return tryTwo(f, "CreateRun", func() (*miniairflow.WorkflowRun, bool, error) { return f.inner.CreateRun(ctx, run) })
}

// StartRuns implements miniairflow.RunStore.
func (f *Faulty) StartRuns(ctx context.Context, limit int, without ...uuid.UUID) ([]uuid.UUID, error) {
	return try(f, "StartRuns", func() ([]uuid.UUID, error) { return f.inner.StartRuns(ctx, limit, without...) })
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

// ReplacedRuns implements miniairflow.RunStore.
func (f *Faulty) ReplacedRuns(ctx context.Context, limit int) ([]miniairflow.ReplacedRun, error) {
	return try(f, "ReplacedRuns", func() ([]miniairflow.ReplacedRun, error) { return f.inner.ReplacedRuns(ctx, limit) })
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
