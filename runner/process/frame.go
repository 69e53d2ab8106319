//go:build linux || darwin

package process

import (
	"encoding/binary"
	"encoding/json"
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

// The frames. The worker sends opStart, opStop, opDrained and opTick; the
// guardian answers with opTick and the others.
const (
	opTick    = "tick"    // the sender is alive
	opStart   = "start"   // start a command; its stdin and output come with the frame
	opStop    = "stop"    // end it, with Grace
	opDrained = "drained" // nobody holds its output any more
	opStarted = "started" // it runs as PID, or could not start for Errno
	opLeft    = "left"    // its leader has ended, others of it have not
	opDone    = "done"    // nothing of it is left
)

// rawText is text as the system knows it: of any bytes, which JSON would only
// take for characters.
type rawText []byte

func rawTexts(texts []string) []rawText {
	raw := make([]rawText, len(texts))
	for i, text := range texts {
		raw[i] = rawText(text)
	}
	return raw
}

func plainTexts(raw []rawText) []string {
	texts := make([]string, len(raw))
	for i, text := range raw {
		texts[i] = string(text)
	}
	return texts
}

// frame is one message between a worker and its guardian.
type frame struct {
	Op     string         `json:"op"`
	ID     uint64         `json:"id,omitempty"` // of the command
	Path   rawText        `json:"path,omitempty"`
	Argv   []rawText      `json:"argv,omitempty"`
	Env    []rawText      `json:"env,omitempty"`
	Dir    rawText        `json:"dir,omitempty"`
	Mark   string         `json:"mark,omitempty"` // the environment variable by which its processes are known
	Linger time.Duration  `json:"linger,omitempty"`
	Latest time.Duration  `json:"latest,omitempty"` // since the machine began; a later start is refused, which Late says
	Late   bool           `json:"late,omitempty"`
	Grace  time.Duration  `json:"grace,omitempty"`
	PID    int            `json:"pid,omitempty"`
	Born   uint64         `json:"born,omitempty"` // when PID began, on the system's own scale
	Errno  syscall.Errno  `json:"errno,omitempty"`
	Error  string         `json:"error,omitempty"`
	Code   int            `json:"code,omitempty"`
	Signal syscall.Signal `json:"signal,omitempty"`
	Left   bool           `json:"left,omitempty"`
}

// wire carries frames over a socket: a length of four bytes, with which the
// descriptors come, and JSON. Any number of goroutines may send, one receives.
type wire struct {
	conn     *net.UnixConn
	patience time.Duration // how long a frame may take before the wire is closed; 0: for ever
	mu       sync.Mutex
}

// send sends a frame and descriptors, which stay the caller's.
func (w *wire) send(f frame, files ...*os.File) error {
	body, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if len(body) > frameMax {
		return syscall.E2BIG
	}
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
	if err := w.write(body, rights); err != nil {
		_ = w.conn.Close() // what came after half a frame would not be understood
		return err
	}
	return nil
}

func (w *wire) write(body, rights []byte) error {
	if w.patience > 0 {
		_ = w.conn.SetWriteDeadline(time.Now().Add(w.patience)) // fails only when the wire is closed
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	if _, _, err := w.conn.WriteMsgUnix(head, rights, nil); err != nil {
		return err
	}
	_, err := w.conn.Write(body)
	return err
}

// receive returns the next frame and its descriptors, which are the caller's.
func (w *wire) receive() (f frame, files []*os.File, err error) {
	head, rights := make([]byte, 4), make([]byte, syscall.CmsgSpace(4*4))
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
	return f, files, json.Unmarshal(body, &f)
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
