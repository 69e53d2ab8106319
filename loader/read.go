package loader

import (
	"errors"
	"io/fs"
	"slices"
	"syscall"
)

// readBounded reads a file up to just above the limit, so that Parse can tell
// that it is too large. It refuses what is no regular file, and never blocks on
// a pipe. It does without os.File, which asks the system twice as much for each
// file: at a start all of them are read.
func readBounded(name string, limit int) ([]byte, error) {
	data, _, err := appendBounded(nil, name, 0, limit, func(stamp) bool { return true })
	return data, err
}

// appendBounded is readBounded behind what data has already, with a stamp from
// before the read. It reads nothing if wants does not want a file of that stamp.
func appendBounded(data []byte, name string, flags, limit int, wants func(stamp) bool) ([]byte, stamp, error) {
	file, err := uninterrupted(func() (int, error) {
		return syscall.Open(name, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC|flags, 0)
	})
	if err != nil {
		return nil, stamp{}, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	defer func() { _ = syscall.Close(file) }() // nothing was written to it
	var stat syscall.Stat_t
	if _, err := uninterrupted(func() (int, error) { return 0, syscall.Fstat(file, &stat) }); err != nil {
		return nil, stamp{}, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	if stat.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return nil, stamp{}, errNotRegular
	}
	found := stampFrom(&stat)
	if !wants(found) {
		return data, found, nil
	}
	if data, err = appendAll(data, file, int(min(stat.Size, int64(limit))), limit+1); err != nil {
		return nil, stamp{}, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return data, found, nil
}

// appendAll reads a file, which has size bytes or so, up to its end or limit bytes,
// behind what data has already. Less than asked for is its end if so much has come
// before: room for a byte more saves a call. Else it may be a fault, which only the
// next call tells.
func appendAll(data []byte, file, size, limit int) ([]byte, error) {
	data = slices.Grow(data, size+1)
	size, limit = size+len(data), limit+len(data)
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
