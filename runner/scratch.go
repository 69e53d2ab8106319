package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow/runner/action"
)

const (
	scratchPrefix = "of-"
	lockSuffix    = ".lock"
)

// scratch is the directory of this process for what its attempts have of their
// own. It is ours while the file beside it is locked, which no process can be
// after its end, however that came: names of workers say nothing, for one may be
// used once only.
type scratch struct {
	root string
	dir  string
	lock *os.File
}

// takeScratch makes a directory below root, and locks it.
func takeScratch(root, worker string) (*scratch, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("scratch directory: %w", err)
	}
	// Who sweeps may have the new file for a moment, or have removed it.
	for {
		s := &scratch{root: root, dir: filepath.Join(root, scratchPrefix+url.PathEscape(worker)+"-"+uuid.NewString()[:8])}
		lock, err := lockScratch(s.dir)
		if err != nil {
			return nil, fmt.Errorf("scratch directory: %w", err)
		}
		if lock == nil {
			continue
		}
		s.lock = lock
		if err := os.Mkdir(s.dir, 0o700); err != nil {
			return nil, errors.Join(fmt.Errorf("scratch directory: %w", err), s.release())
		}
		return s, nil
	}
}

// lockScratch locks the directory of that path; nil if it is somebody's.
func lockScratch(dir string) (*os.File, error) {
	file, err := os.OpenFile(dir+lockSuffix, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	switch err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, file.Close()
	case err != nil:
		return nil, errors.Join(err, file.Close())
	}
	// The lock of a file that was removed meanwhile keeps nobody out.
	ours, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if there, err := os.Stat(file.Name()); err != nil || !os.SameFile(ours, there) {
		return nil, file.Close()
	}
	return file, nil
}

// release removes the directory, and then its lock.
func (s *scratch) release() error {
	err := action.RemoveAll(s.dir)
	return errors.Join(err, os.Remove(s.lock.Name()), s.lock.Close())
}

// sweep removes what processes left behind that have died.
func (s *scratch) sweep(ctx context.Context, logger *slog.Logger) {
	entries, err := os.ReadDir(s.root)
	if err != nil {
		logger.WarnContext(ctx, "Worker: Scratch directories cannot be swept", "error", err)
		return
	}
	for _, entry := range entries {
		dir := filepath.Join(s.root, strings.TrimSuffix(entry.Name(), lockSuffix))
		if ctx.Err() != nil || dir == s.dir || !strings.HasPrefix(entry.Name(), scratchPrefix) {
			continue
		}
		lock, err := lockScratch(dir)
		if err == nil && lock == nil {
			continue
		}
		if err == nil {
			err = (&scratch{dir: dir, lock: lock}).release()
		}
		if err != nil {
			logger.WarnContext(ctx, "Worker: Scratch directory of a dead worker cannot be removed", "directory", dir, "error", err)
		}
	}
}
