package miniairflow

import (
	"context"
	"time"
)

// Bounds of the files that one version carries.
const (
	WorkflowFilesMax     = 1_000
	WorkflowFileBytesMax = 10 << 20 // of all of them together
)

// WorkflowFile is a file that a version carries. Its content is kept by the store,
// once for all files that have it, so that every attempt of a run finds the file as
// it was when the version was made, on whatever worker.
type WorkflowFile struct {
	Path         string `json:"path"` // below the folder of the workflow's file, with slashes
	Hash         string `json:"hash"` // SHA-256 of the content, in hex
	Size         int64  `json:"size"`
	IsExecutable bool   `json:"is_executable,omitempty"`
}

// FileHashes returns the hashes of the contents of files, each once, in their order.
func FileHashes(files []WorkflowFile) []string {
	seen := make(map[string]bool, len(files))
	var hashes []string
	for _, file := range files {
		if !seen[file.Hash] {
			seen[file.Hash] = true
			hashes = append(hashes, file.Hash)
		}
	}
	return hashes
}

// Commit is what a folder of workflows was checked out from when a version was made.
type Commit struct {
	Hash       string
	Author     string
	AuthoredAt time.Time
	IsDirty    bool // the workflow's file, or one that it carries, is not as in the commit
}

// FileStore keeps the contents of the files that versions carry, by the SHA-256 of
// each in hex. SyncFiles refuses a version of which a content is missing, so the
// contents come first. What no version names lives for an hour at least, so that
// its version has the time to follow.
type FileStore interface {
	// KeepFiles lets the contents of these hashes live on for an hour, and returns
	// those hashes of which there is no content.
	KeepFiles(ctx context.Context, hashes []string) (missing []string, err error)
	// AddFiles stores contents. One that is there already lives on, as with KeepFiles.
	// It is done in parts: after an error some may be stored.
	AddFiles(ctx context.Context, contents [][]byte) error
	// FindFiles returns contents by their hashes. It is ErrNotFound if one is missing.
	FindFiles(ctx context.Context, hashes []string) (map[string][]byte, error)
	// DeleteFiles deletes contents that no version needs any more, and returns how
	// many. A version needs its files while it is the latest one of its workflow, for
	// an hour after that, and while it has runs, or a backfill that is running and makes
	// more of them. It goes on in short transactions.
	DeleteFiles(ctx context.Context) (int, error)
}
