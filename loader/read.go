package loader

import (
	"errors"
	"io/fs"
	"syscall"
)

// readBounded reads a file up to just above the limit, so that Parse can tell
// that it is too large. It refuses what is no regular file, and never blocks on
// a pipe. It does without os.File, which asks the system twice as much for each
// file: at a start all of them are read.
func readBounded(name string, limit int) ([]byte, error) {
	file, err := uninterrupted(func() (int, error) {
		return syscall.Open(name, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	defer func() { _ = syscall.Close(file) }() // nothing was written to it
	var stat syscall.Stat_t
	if _, err := uninterrupted(func() (int, error) { return 0, syscall.Fstat(file, &stat) }); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	if stat.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return nil, errNotRegular
	}
	data, err := readAll(file, int(min(stat.Size, int64(limit))), limit+1)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return data, nil
}

// readAll reads a file, which has size bytes or so, up to its end or limit bytes.
// Less than asked for is its end if so much has come before: room for a byte more
// saves a call. Else it may be a fault, which only the next call tells.
func readAll(file, size, limit int) ([]byte, error) {
	data := make([]byte, 0, size+1)
	for len(data) < limit {
		free := data[len(data):min(cap(data), limit)]
		n, err := uninterrupted(func() (int, error) { return syscall.Read(file, free) })
		if err != nil {
			return nil, err
		}
		if data = data[:len(data)+n]; n == 0 || n < len(free) && len(data) >= size {
			break
		}
		data = append(data, 0)[:len(data)] // it has grown meanwhile
	}
	return data, nil
}

// uninterrupted repeats a system call that a signal has interrupted.
func uninterrupted(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}
