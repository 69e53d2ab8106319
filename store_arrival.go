package miniairflow

import (
	"context"

	"github.com/google/uuid"
)

// ArrivalStore keeps which files the triggers of workflows have seen.
type ArrivalStore interface {
	// FileTriggers returns the workflows that files start runs of, by name: those whose
	// latest version says so (Definition.File), which are active and not retired.
	FileTriggers(ctx context.Context) ([]FileWatch, error)
	// SeenFiles returns the files of a workflow that were seen since its watch began, by
	// path.
	SeenFiles(ctx context.Context, workflowID uuid.UUID) ([]FoundFile, error)
	// WatchFiles begins anew with the files that are there. It does nothing for a
	// workflow that has no such trigger any more.
	WatchFiles(ctx context.Context, workflowID uuid.UUID, hash string, files []FoundFile) error
	// NoteFiles notes files as seen, each in the place of one of the same path, and
	// forgets those of the paths that are gone. Those that have started nothing for a
	// fault, by path, are kept as missed, see MissedStore, unless they were seen before.
	NoteFiles(ctx context.Context, workflowID uuid.UUID, seen []FoundFile, gone []string, faults map[string]string) error
	// NoteWatchFault keeps as missed, see MissedStore, that the files of a workflow cannot
	// be looked at, so that they start nothing.
	NoteWatchFault(ctx context.Context, workflowID uuid.UUID, fault string) error
}

// FileWatch is a workflow that files start runs of.
type FileWatch struct {
	WorkflowID uuid.UUID
	Name       string
	SourceFile string
	VersionID  uuid.UUID // the latest
	// Hash is what WatchFiles was last called with. It is empty if it never was, or not
	// since the workflow was retired or not active: what came meanwhile starts nothing.
	Hash string
}
