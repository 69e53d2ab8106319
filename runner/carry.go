package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

const (
	// contentsMax bounds the contents of files that a worker keeps, in bytes.
	contentsMax = 64 << 20
	// contentsTimeout bounds the read of the contents of one version.
	contentsTimeout = time.Minute
)

// contents keeps the contents of the files that versions carry, those that were used
// last. They are in memory and not in a folder: what tasks could reach, one of them
// could change for all others. Its methods may be called from any goroutine.
type contents struct {
	store  miniairflow.FileStore
	flight singleflight.Group

	mu    sync.Mutex
	known *simplelru.LRU[string, []byte] // by hash
	bytes int
}

func newContents(store miniairflow.FileStore) *contents {
	c := &contents{store: store}
	known, err := simplelru.NewLRU(contentsMax>>6, func(_ string, content []byte) { c.bytes -= sizeKept(content) })
	if err != nil {
		panic(err) // only for a size below one
	}
	c.known = known
	return c
}

// sizeKept is what keeping a content costs, also of an empty one.
func sizeKept(content []byte) int { return len(content) + 256 }

// of returns the contents of the files of a version, by hash. Several callers that
// miss some at once cost one read. It waits no longer than ctx lasts.
func (c *contents) of(ctx context.Context, versionID uuid.UUID, files []miniairflow.WorkflowFile) (map[string][]byte, error) {
	hashes := miniairflow.FileHashes(files)
	found, missing := c.get(hashes)
	if len(missing) == 0 {
		return found, nil
	}
	flight := c.flight.DoChan(versionID.String(), func() (any, error) { return c.read(ctx, hashes) })
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("read files of version %s: %w", versionID, context.Cause(ctx))
	case result := <-flight:
		if fault := (*panicError)(nil); errors.As(result.Err, &fault) {
			panic(fault) // where somebody knows what it means
		}
		if result.Err != nil {
			return nil, fmt.Errorf("read files of version %s: %w", versionID, result.Err)
		}
		return result.Val.(map[string][]byte), nil
	}
}

// get returns those contents that are kept, and the hashes of the others.
func (c *contents) get(hashes []string) (found map[string][]byte, missing []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found = make(map[string][]byte, len(hashes))
	for _, hash := range hashes {
		if content, ok := c.known.Get(hash); ok {
			found[hash] = content
		} else {
			missing = append(missing, hash)
		}
	}
	return found, missing
}

// read reads what is missing, for all that wait for it: only its own time limit ends it.
func (c *contents) read(ctx context.Context, hashes []string) (found map[string][]byte, err error) {
	defer func() {
		if fault := recover(); fault != nil { // it would end the process, on a goroutine of nobody
			err = &panicError{fault: fault, stack: debug.Stack()}
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), contentsTimeout)
	defer cancel()
	found, missing := c.get(hashes)
	read, err := c.store.FindFiles(ctx, missing)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for hash, content := range read {
		found[hash] = content
		if !c.known.Contains(hash) {
			c.known.Add(hash, content)
			c.bytes += sizeKept(content)
		}
	}
	for c.bytes > contentsMax {
		c.known.RemoveOldest()
	}
	return found, nil
}

// layOut makes a directory for an attempt alone, with copies of the files of its
// version, and returns where in it the task runs. dropFiles removes it.
func (w *Worker) layOut(ctx context.Context, a *attempt, files []miniairflow.WorkflowFile, dir string) (string, error) {
	found, err := w.contents.of(ctx, a.claim.VersionID, files)
	if err != nil {
		return "", err
	}
	if a.files, err = os.MkdirTemp(w.scratch.dir, "files-"); err != nil {
		return "", fmt.Errorf("directory for the workflow's files: %w", err)
	}
	if err := writeFiles(a.files, files, found); err != nil {
		return "", fmt.Errorf("lay out the workflow's files: %w", err)
	}
	if dir != "" && !filepath.IsLocal(filepath.FromSlash(dir)) {
		return "", &hopeless{fmt.Errorf("working_dir %q leads out of the folder of the workflow's file", dir)}
	}
	path := filepath.Join(a.files, filepath.FromSlash(dir))
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return "", &hopeless{fmt.Errorf("working_dir %q is no folder of the workflow's files: add what it needs to files", dir)}
	}
	return path, nil
}

// writeFiles writes files below dir. They are copies and no links: a task runs as the
// same user and could write through one into what others get. os.Root keeps every
// path below dir, whatever a version says.
func writeFiles(dir string, files []miniairflow.WorkflowFile, contents map[string][]byte) error {
	if err := os.Chmod(dir, 0o755); err != nil { // for containers with a user of their own; nobody else gets here
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, file := range files {
		mode := fs.FileMode(0o444)
		if file.IsExecutable {
			mode = 0o555
		}
		if err := makeFolders(root, path.Dir(file.Path)); err != nil {
			return fmt.Errorf("%q: %w", file.Path, err)
		}
		place := filepath.FromSlash(file.Path)
		if err := errors.Join(root.WriteFile(place, contents[file.Hash], mode), root.Chmod(place, mode)); err != nil {
			return fmt.Errorf("%q: %w", file.Path, err)
		}
	}
	return nil
}

// dropFiles removes what was laid out for an attempt, which has ended.
func (w *Worker) dropFiles(ctx context.Context, a *attempt) {
	if a.files == "" {
		return
	}
	if err := action.RemoveAll(a.files); err != nil {
		w.logger.WarnContext(ctx, "Worker: Files of an attempt cannot be removed", "directory", a.files, "error", err)
	}
	a.files = ""
}
