//go:build linux || darwin

package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
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
// guardian answers with opTick and sends the others.
const (
	opTick    op = iota + 1 // the sender is alive
	opStart                 // start a command; its output and, with OwnInput and OwnStdout, its stdin and its stdout come with the frame
	opStop                  // end it, with Grace
	opDrained               // nobody holds its output any more, as an opLinger has asked for
	opStarted               // it runs as PID, or could not start for Errno
	opLinger                // its leader has ended, other processes are left: tell when they do not hold its output any more
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
	Errno  syscall.Errno
	Error  string
	Code   int
	Signal syscall.Signal
	Left   bool

	OwnInput  bool
	OwnStdout bool // apart from its output, which then is stderr alone
}

// filesMax is how many descriptors come with a frame.
const filesMax = 3

// files returns how many come with this one.
func (f *frame) files() int {
	if f.Op != opStart {
		return 0
	}
	return 1 + bit(f.OwnInput) + bit(f.OwnStdout)
}

// wire carries frames over a socket: a length of four bytes, with which the
// descriptors come, and the frame. Any number of goroutines may send, one receives.
type wire struct {
	conn     *net.UnixConn
	patience time.Duration // how long a frame may take before the wire is closed; 0: for ever
	mu       sync.Mutex

	in    []byte // received and not taken yet; likewise
	files []int
}

// send sends a frame and descriptors, which stay the caller's.
func (w *wire) send(f frame, fds ...int) error {
	text := f.encode(make([]byte, headBytes, 1024))
	size := len(text) - headBytes
	if size > frameMax {
		return syscall.E2BIG
	}
	binary.BigEndian.PutUint32(text, uint32(size))
	var rights []byte
	if len(fds) > 0 {
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
func (w *wire) receive() (f frame, fds []int, err error) {
	for {
		need := headBytes
		if len(w.in) >= headBytes {
			size := binary.BigEndian.Uint32(w.in)
			if size > frameMax {
				return f, nil, fmt.Errorf("a frame of %d bytes", size)
			}
			need += int(size)
			if len(w.in) >= need {
				return w.take(need)
			}
		}
		if err := w.read(need); err != nil {
			return f, nil, err
		}
	}
}

// take takes a frame that has arrived. The descriptors have come in the order of
// their frames.
func (w *wire) take(size int) (f frame, fds []int, err error) {
	err = f.decode(w.in[headBytes:size])
	rest := copy(w.in, w.in[size:])
	w.in = w.in[:rest]
	if cap(w.in) > keptBytes && rest == 0 {
		w.in = nil
	}
	n := min(f.files(), len(w.files))
	if n > 0 && w.files[0] == hole {
		w.files = w.files[1:]
		return f, nil, err
	}
	fds, w.files = w.files[:n:n], w.files[n:]
	return f, fds, err
}

// hole stands for the descriptors of a frame that could not all be received. They
// are not replaced by those of the next one.
const hole = -1

// keptBytes is how much memory a wire keeps for frames to come.
const keptBytes = 64 << 10

// read receives what there is, and has room for need bytes. The system never gives
// the descriptors of two frames at once.
func (w *wire) read(need int) error {
	w.in = slices.Grow(w.in, max(need-len(w.in), readMin))
	var rights [64]byte // of filesMax descriptors
	n, oob, flags, _, err := w.conn.ReadMsgUnix(w.in[len(w.in):cap(w.in)], rights[:syscall.CmsgSpace(4*filesMax)])
	if err != nil {
		return err
	}
	fds := received(rights[:oob])
	if flags&syscall.MSG_CTRUNC != 0 { // we are out of descriptors
		for _, fd := range fds {
			_ = syscall.Close(fd)
		}
		fds = []int{hole}
	}
	w.files = append(w.files, fds...)
	if n == 0 {
		return io.EOF
	}
	w.in = w.in[:len(w.in)+n]
	return nil
}

// readMin is how much is asked for at least.
const readMin = 4 << 10

// received returns the descriptors that came with a message. No child inherits them:
// net has seen to that.
func received(rights []byte) (fds []int) {
	if len(rights) == 0 {
		return nil
	}
	messages, err := syscall.ParseSocketControlMessage(rights)
	if err != nil {
		return nil
	}
	for i := range messages {
		if some, err := syscall.ParseUnixRights(&messages[i]); err == nil {
			fds = append(fds, some...)
		}
	}
	return fds
}

// errnoOf returns the number of a system error, for the way to the worker.
func errnoOf(err error) syscall.Errno {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return 0
}
