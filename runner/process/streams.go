//go:build linux || darwin

package process

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// Output is read in pieces of up to readMax bytes, of readFirst as long as there is little.
	readFirst = 4 << 10
	readMax   = 64 << 10
	// pipeBytes is how much the pipe of a command that prints much is to hold: so it
	// seldom waits for us, nor we for it.
	pipeBytes = 256 << 10
	// endWait is how long the end of the output is waited for after the group was killed.
	endWait = 250 * time.Millisecond
	// tailBytes is how much is still read after that. A pipe holds no more, and a
	// process that goes on writing must not keep us here.
	tailBytes = 1 << 20
)

// streams are the pipes to and from a child. Both of its output streams share
// one, so that what it prints stays in order, unless its stdout is wanted alone.
type streams struct {
	stdin       *os.File // nil if the child reads from the null device
	output      *os.File
	stdout      *os.File      // nil if it goes to output
	childStdin  int           // -1 without stdin
	childPrint  int           // the other end of output
	childStdout int           // that of stdout; -1 without
	fed         chan struct{} // closed when stdin is written; nil without stdin
	drained     chan struct{} // closed when output and stdout have ended
}

func openStreams(stdin string, ownStdout bool) (*streams, error) {
	s := &streams{childStdin: -1, childStdout: -1, drained: make(chan struct{})}
	if stdin != "" {
		theirs, ours, err := pipe()
		if err != nil {
			return nil, err
		}
		s.childStdin, s.stdin, s.fed = theirs, pollable(ours, "stdin"), make(chan struct{})
	}
	ours, theirs, err := pipe()
	if err != nil {
		s.closeChildEnds()
		s.close()
		return nil, err
	}
	s.childPrint, s.output = theirs, pollable(ours, "output")
	if !ownStdout {
		return s, nil
	}
	if ours, theirs, err = pipe(); err != nil {
		s.closeChildEnds()
		s.close()
		return nil, err
	}
	s.childStdout, s.stdout = theirs, pollable(ours, "stdout")
	return s, nil
}

// pollable makes a file of our end of a pipe, which no thread waits for.
func pollable(fd int, name string) *os.File {
	_ = syscall.SetNonblock(fd, true)
	return os.NewFile(uintptr(fd), name)
}

// childEnds returns what goes with the frame that starts the child.
func (s *streams) childEnds() []int {
	ends := []int{s.childPrint}
	for _, end := range []int{s.childStdin, s.childStdout} {
		if end >= 0 {
			ends = append(ends, end)
		}
	}
	return ends
}

// closeChildEnds closes what the child has of its own by now. It may be called once.
func (s *streams) closeChildEnds() {
	for _, end := range []int{s.childStdin, s.childStdout} {
		if end >= 0 {
			_ = syscall.Close(end)
		}
	}
	if s.output != nil {
		_ = syscall.Close(s.childPrint)
	}
}

func (s *streams) close() {
	for _, file := range []*os.File{s.stdin, s.output, s.stdout} {
		if file != nil {
			_ = file.Close()
		}
	}
}

// feed writes the stdin of the child on a goroutine that close ends, which closes fed.
// With hold the child does not see its end.
func (s *streams) feed(stdin string, hold bool) {
	if s.stdin == nil {
		return
	}
	go func() {
		defer close(s.fed)
		_, _ = io.WriteString(s.stdin, stdin) // a child need not read it all
		if !hold {
			_ = s.stdin.Close()
		}
	}()
}

// drain hands the output to w, and a stdout of its own to stdout, until their ends,
// or until expire gives up on them.
func (s *streams) drain(w, stdout io.Writer) {
	defer close(s.drained)
	if s.stdout != nil {
		var other sync.WaitGroup
		other.Go(func() { drain(s.stdout, stdout) })
		defer other.Wait()
	}
	drain(s.output, w)
}

// drain hands what comes from a pipe to w. After an error of w it goes on reading,
// so that the child never blocks.
func drain(from *os.File, w io.Writer) {
	buf, isWide := make([]byte, readFirst), false
	for {
		n, err := from.Read(buf)
		if _, writeErr := w.Write(buf[:n]); writeErr != nil {
			w = io.Discard
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			copyTail(from, w)
			return
		case err != nil:
			return
		case n == len(buf) && n < readMax:
			buf = make([]byte, readMax)
		case n >= readMax/2 && !isWide:
			widen(from)
			isWide = true
		}
	}
}

// widen makes room for more output in the pipe. Where the system does not have that
// much for us, it stays as it is.
func widen(file *os.File) {
	if raw, err := file.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { setPipeSize(int(fd), pipeBytes) })
	}
}

// expire ends drain a little later: whoever still holds the other side then writes
// into nothing.
func (s *streams) expire() {
	select {
	case <-s.drained:
	default:
		deadline := time.Now().Add(endWait)
		_ = s.output.SetReadDeadline(deadline) // fails only when drain is through
		if s.stdout != nil {
			_ = s.stdout.SetReadDeadline(deadline)
		}
	}
}

// copyTail hands over what the pipe holds, without waiting for more. A slow
// writer may have kept copy from it.
func copyTail(from *os.File, w io.Writer) {
	_ = from.SetReadDeadline(time.Time{})
	raw, err := from.SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, readMax)
	for total := 0; total < tailBytes; {
		n := 0
		_ = raw.Read(func(fd uintptr) bool {
			n, _ = syscall.Read(int(fd), buf)
			return true
		})
		if n <= 0 {
			return
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return
		}
		total += n
	}
}
