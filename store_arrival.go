package miniairflow

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// ArrivalStore keeps which files the triggers of workflows have seen.
type ArrivalStore interface {
	// FileTriggers returns the workflows that files start runs of, by name: those whose
	// latest version says so (Definition.File), which are active and not retired.
	FileTriggers(ctx context.Context) ([]FileWatch, error)
	// SeenFiles returns the files of a workflow that were seen since its watch began and
	// are not forgotten, by path.
	SeenFiles(ctx context.Context, workflowID uuid.UUID) ([]SeenFile, error)
	// WatchFiles begins anew with the files that are there, however many. It works in
	// parts, and has begun with the last of them: after an error it has not, and is to be
	// called again. It does nothing for a workflow that has no such trigger, and ends
	// where another call for it has begun, or the workflow has stood still, meanwhile.
	WatchFiles(ctx context.Context, workflowID uuid.UUID, hash string, files []FoundFile) error
	// NoteFiles notes what has become of files.
	NoteFiles(ctx context.Context, workflowID uuid.UUID, notes FileNotes) error
	// NoteFileFault notes what is wrong with the files of a workflow, in the place of what
	// was before, and reports whether that was anything else; empty: nothing is. Each
	// fault is counted as one of MissedFile, see MissedStore, when it is new.
	NoteFileFault(ctx context.Context, workflowID uuid.UUID, fault string) (isNew bool, err error)
}

const (
	// FilePathMax bounds the path of a file that a store keeps, in bytes: indexes take
	// no longer texts.
	FilePathMax = 2048
	// FilesNotedMax bounds the files of one FileNotes.
	FilesNotedMax = 500
)

// FileNotes is what has become of the files of a workflow, of FilesNotedMax at most.
type FileNotes struct {
	Seen []FoundFile // are there, each in the place of one of the same path
	// Faults say by path why some of them have started nothing. These are kept as missed,
	// see MissedStore, unless they were seen before.
	Faults    map[string]string
	Gone      []string // paths of files that are not there, from now on
	Forgotten []string // paths of those of them that need not be known any more
}

// SeenFile is a file that was seen.
type SeenFile struct {
	FoundFile
	GoneAt *time.Time // since when it is not there; nil: it is
}

// FileWatch is a workflow that files start runs of.
type FileWatch struct {
	WorkflowID uuid.UUID
	Name       string
	SourceFile string
	VersionID  uuid.UUID // the latest
	// Hash is what WatchFiles was last called with. It is empty if it never was, or not
	// since the workflow was retired or not active: what came meanwhile starts nothing.
	// It is none that a trigger has while WatchFiles is at work, or where it has failed.
	Hash  string
	Fault string // what is wrong with its files, as people read it; empty: nothing is known to be
}
