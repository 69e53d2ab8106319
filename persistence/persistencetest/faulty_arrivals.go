package persistencetest

import (
	"context"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// FileTriggers implements miniairflow.ArrivalStore.
func (f *Faulty) FileTriggers(ctx context.Context) ([]miniairflow.FileWatch, error) {
	return try(f, "FileTriggers", func() ([]miniairflow.FileWatch, error) { return f.inner.FileTriggers(ctx) })
}

// SeenFiles implements miniairflow.ArrivalStore.
func (f *Faulty) SeenFiles(ctx context.Context, workflowID uuid.UUID) ([]miniairflow.FoundFile, error) {
	return try(f, "SeenFiles", func() ([]miniairflow.FoundFile, error) { return f.inner.SeenFiles(ctx, workflowID) })
}

// WatchFiles implements miniairflow.ArrivalStore.
func (f *Faulty) WatchFiles(ctx context.Context, workflowID uuid.UUID, hash string, files []miniairflow.FoundFile) error {
	return tryOnly(f, "WatchFiles", func() error { return f.inner.WatchFiles(ctx, workflowID, hash, files) })
}

// NoteFiles implements miniairflow.ArrivalStore.
func (f *Faulty) NoteFiles(ctx context.Context, workflowID uuid.UUID, seen []miniairflow.FoundFile, gone []string, faults map[string]string) error {
	return tryOnly(f, "NoteFiles", func() error { return f.inner.NoteFiles(ctx, workflowID, seen, gone, faults) })
}

// NoteWatchFault implements miniairflow.ArrivalStore.
func (f *Faulty) NoteWatchFault(ctx context.Context, workflowID uuid.UUID, fault string) error {
	return tryOnly(f, "NoteWatchFault", func() error { return f.inner.NoteWatchFault(ctx, workflowID, fault) })
}
