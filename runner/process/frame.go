//go:build linux || darwin

package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// frameMax bounds a frame: more than any system passes to a program as
// arguments and environment.
const frameMax = 16 << 20

// headBytes is the size of the length before a frame.
const headBytes = 4

// op says what a frame is about.
type op byte

// The frames. The worker sends opStart, opStop, opDrained and opTick; the
// guardian answers with opTick and the others.
const (
	opTick    op = iota + 1 // the sender is alive
	opStart                 // start a command; its stdin and output come with the frame
	opStop                  // end it, with Grace
	opDrained               // nobody holds its output any more
	opStarted               // it runs as PID, or could not start for Errno
	opDone                  // nothing of it is left
)

// frame is one message between a worker and its guardian; encode is how it goes.
type frame struct {
	Op     op
	ID     uint64 // of the command
	Path   string
	Argv   []string
	Env    []string
	Dir    string
	Mark   string // the environment variable by which its processes are known
	Linger time.Duration
	Latest time.Duration // since the machine began; a later start is refused, which Late says
	Late   bool
	Grace  time.Duration
	PID    int
	Born   uint64 // when PID began, on the system's own scale
	Errno  syscall.Errno
	Error  string
	Code   int
	Signal syscall.Signal
	Left   bool
}

// wire carries frames over a socket: a length of four bytes, with which the
// descriptors come, and the frame. Any number of goroutines may send, one receives.
type wire struct {
	conn     *net.UnixConn
	patience time.Duration // how long a frame may take before the wire is closed; 0: for ever
	mu       sync.Mutex
}

// send sends a frame and descriptors, which stay the caller's.
func (w *wire) send(f frame, files ...*os.File) error {
	text := f.encode(make([]byte, headBytes, 1024))
	size := len(text) - headBytes
	if size > frameMax {
		return syscall.E2BIG
	}
	binary.BigEndian.PutUint32(text, uint32(size))
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, file := range files {
			fds[i] = int(file.Fd())
		}
		rights = syscall.UnixRights(fds...)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.write(text, rights); err != nil {
		_ = w.conn.Close() // what came after half a frame would not be understood
		return err
	}
	return nil
}

func (w *wire) write(text, rights []byte) error {
	if w.patience > 0 {
		_ = w.conn.SetWriteDeadline(time.Now().Add(w.patience)) // fails only when the wire is closed
	}
	// The descriptors come with the first bytes; the system may take no more at once.
	n, _, err := w.conn.WriteMsgUnix(text, rights, nil)
	if err != nil {
		return err
	}
	if n < len(text) {
		_, err = w.conn.Write(text[n:])
	}
	return err
}

// receive returns the next frame and its descriptors, which are the caller's.
func (w *wire) receive() (f frame, files []*os.File, err error) {
	head, rights := make([]byte, headBytes), make([]byte, syscall.CmsgSpace(4*4))
	for n := 0; n < len(head); {
		got, oob, _, _, err := w.conn.ReadMsgUnix(head[n:], rights)
		if err != nil {
			return f, files, err
		}
		if got == 0 {
			return f, files, io.EOF
		}
		n += got
		files = append(files, received(rights[:oob])...)
	}
	size := binary.BigEndian.Uint32(head)
	if size > frameMax {
		return f, files, fmt.Errorf("a frame of %d bytes", size)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(w.conn, body); err != nil {
		return f, files, err
	}
	return f, files, f.decode(body)
}

// received returns the descriptors that came with a message.
func received(rights []byte) []*os.File {
	messages, err := syscall.ParseSocketControlMessage(rights)
	if err != nil {
		return nil
	}
	var files []*os.File
	for i := range messages {
		fds, err := syscall.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			syscall.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files
}

// errnoOf returns the number of a system error, for the way to the worker.
func errnoOf(err error) syscall.Errno {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return 0
}
