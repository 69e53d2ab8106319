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
func (f *Faulty) SeenFiles(ctx context.Context, workflowID uuid.UUID) ([]miniairflow.SeenFile, error) {
	return try(f, "SeenFiles", func() ([]miniairflow.SeenFile, error) { return f.inner.SeenFiles(ctx, workflowID) })
}

// WatchFiles implements miniairflow.ArrivalStore.
func (f *Faulty) WatchFiles(ctx context.Context, workflowID uuid.UUID, hash string, files []miniairflow.FoundFile) error {
	return tryOnly(f, "WatchFiles", func() error { return f.inner.WatchFiles(ctx, workflowID, hash, files) })
}

// NoteFiles implements miniairflow.ArrivalStore.
func (f *Faulty) NoteFiles(ctx context.Context, workflowID uuid.UUID, notes miniairflow.FileNotes) error {
	return tryOnly(f, "NoteFiles", func() error { return f.inner.NoteFiles(ctx, workflowID, notes) })
}

// NoteFileFault implements miniairflow.ArrivalStore.
func (f *Faulty) NoteFileFault(ctx context.Context, workflowID uuid.UUID, fault string) (bool, error) {
	return try(f, "NoteFileFault", func() (bool, error) { return f.inner.NoteFileFault(ctx, workflowID, fault) })
}
