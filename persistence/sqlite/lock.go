//go:build unix

package sqlite

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/sauravritesh63/miniairflow"
)

// fileLock is the claim of one process on a database file. The kernel lets go
// of it when the process ends, however it ends.
type fileLock struct {
	file *os.File
}

// lockFile takes the lock for the database at path, in a file beside it that
// also tells the owner's process id. The file stays: a lock on a file that
// somebody else deletes would be no lock.
func lockFile(path string) (*fileLock, error) {
	file, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock of database: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		owner, _ := os.ReadFile(file.Name()) // only to say who it is
		if closeErr := file.Close(); closeErr != nil || !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock database %s: %w", path, errors.Join(err, closeErr))
		}
		return nil, miniairflow.Errorf(miniairflow.CodeConflict,
			"database %s is in use by process %s: stop it, or use PostgreSQL to share a database between processes", path, strings.TrimSpace(string(owner)))
	}
	if err := errors.Join(file.Truncate(0), writeOwner(file)); err != nil {
		return nil, fmt.Errorf("lock database %s: %w", path, errors.Join(err, file.Close()))
	}
	return &fileLock{file: file}, nil
}

func writeOwner(file *os.File) error {
	_, err := fmt.Fprintln(file, os.Getpid())
	return err
}

// release gives the file free for other processes.
func (l *fileLock) release() error { return l.file.Close() }
