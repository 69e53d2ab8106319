package action

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// private is what belongs to one attempt alone. The outputs file lies beside the
// scratch directory and not in it, so that a task may empty the latter.
type private struct {
	root    string
	scratch string
	output  string // the file of MINIAIRFLOW_OUTPUT, empty at first
}

// spareMax bounds how many directories are kept for later attempts.
const spareMax = 100

// spare are directories of attempts that have ended and left nothing in them.
// Most tasks use neither directory nor outputs file, and to make and to remove
// both costs about as much as the start of a process: the file system looks for
// numbers that it has not given away a moment ago.
type spare struct {
	mu  sync.Mutex
	all []private
}

// take returns a spare directory below root; ok is false if there is none.
func (s *spare) take(root string) (own private, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.all) - 1
	if last < 0 || s.all[last].root != root {
		return private{}, false
	}
	own = s.all[last]
	s.all = s.all[:last]
	return own, true
}

// give keeps a directory, and reports whether it did.
func (s *spare) give(own private) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == spareMax {
		return false
	}
	s.all = append(s.all, own)
	return true
}

// takePrivate returns an empty directory and outputs file below root. One that an
// attempt has left is looked at again: a process that outlived it may have had the
// directory open.
func (c *command) takePrivate(ctx context.Context, root string) (private, error) {
	for {
		own, ok := c.spare.take(root)
		if !ok {
			break
		}
		if own.isUntouched() {
			return own, nil
		}
		c.remove(ctx, own)
	}
	scratch, err := os.MkdirTemp(root, "attempt-")
	if err != nil {
		return private{}, fmt.Errorf("make scratch directory: %w", err)
	}
	own := private{root: root, scratch: scratch, output: scratch + ".output"}
	if err := os.WriteFile(own.output, nil, 0o600); err != nil {
		c.remove(ctx, own)
		return private{}, fmt.Errorf("make outputs file: %w", err)
	}
	return own, nil
}

// renamed returns it under another name: whoever still knows the old one does not
// find it any more. A part that cannot be renamed keeps its name.
func (p private) renamed() private {
	scratch := filepath.Join(p.root, "attempt-"+strconv.FormatUint(rand.Uint64(), 36))
	if syscall.Rename(p.scratch, scratch) != nil { // os.Rename would look first whether there is something
		return p
	}
	fresh := private{root: p.root, scratch: scratch, output: scratch + ".output"}
	if syscall.Rename(p.output, fresh.output) != nil {
		fresh.output = p.output
	}
	return fresh
}

// givePrivate keeps what an attempt had, and left as it was, for a later one, under
// another name.
func (c *command) givePrivate(ctx context.Context, own private) {
	if own = own.renamed(); !c.spare.give(own) {
		c.remove(ctx, own)
	}
}

// remove deletes what an attempt had.
func (c *command) remove(ctx context.Context, own private) {
	for _, path := range []string{own.scratch, own.output} {
		if err := RemoveAll(path); err != nil {
			c.logger.WarnContext(ctx, "files of an attempt cannot be removed", "path", path, "error", err)
		}
	}
}

// links returns how many names a file has. By another one somebody could still write
// into it.
func links(file os.FileInfo) uint64 {
	stat, ok := file.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return uint64(stat.Nlink) //nolint:unconvert // it has another type on other systems
}

// isUntouched reports whether directory and file are there, empty, and for
// nobody else, as they were made.
func (p private) isUntouched() bool {
	file, err := os.Lstat(p.output)
	if err != nil || file.Mode() != 0o600 || file.Size() != 0 || links(file) != 1 {
		return false
	}
	dir, err := os.Lstat(p.scratch)
	if err != nil || dir.Mode() != os.ModeDir|0o700 {
		return false
	}
	return isEmpty(p.scratch)
}

// isEmpty reports whether a directory has no entry. os.Open would try in vain to
// wait for it as for a pipe.
func isEmpty(dir string) bool {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	for buf := make([]byte, 512); ; {
		n, err := unix.ReadDirent(fd, buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return false
		case n == 0:
			return true
		}
		if _, entries, _ := unix.ParseDirent(buf[:n], 1, nil); entries > 0 {
			return false
		}
	}
}
