//go:build linux || darwin

package process

import (
	"io"
	"os"
	"syscall"
	"time"
)

const (
	readBytes = 32 << 10
	// endWait is how long the end of the output is waited for after the group was killed.
	endWait = 250 * time.Millisecond
	// tailBytes is how much is still read after that. A pipe holds no more, and a
	// process that goes on writing must not keep us here.
	tailBytes = 1 << 20
)

// streams are the pipes to and from a child. Both of its output streams share
// one, so that what it prints stays in order.
type streams struct {
	stdin, childStdin   *os.File // stdin is nil if the child reads from the null device
	output, childOutput *os.File
	fed                 chan struct{} // closed when stdin is written
	copied              chan struct{} // closed when output has ended
}

func openStreams(stdin string) (*streams, error) {
	s := &streams{fed: make(chan struct{}), copied: make(chan struct{})}
	var err error
	if stdin == "" {
		s.childStdin, err = os.Open(os.DevNull)
	} else {
		s.childStdin, s.stdin, err = os.Pipe()
	}
	if err != nil {
		return nil, err
	}
	if s.output, s.childOutput, err = os.Pipe(); err != nil {
		s.closeChildEnds()
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *streams) closeChildEnds() {
	_ = s.childStdin.Close()
	_ = s.childOutput.Close()
}

func (s *streams) close() {
	if s.stdin != nil {
		_ = s.stdin.Close()
	}
	_ = s.output.Close()
}

// run feeds and drains the child on goroutines that end ends.
func (s *streams) run(stdin string, w io.Writer) {
	go func() {
		defer close(s.fed)
		if s.stdin != nil {
			_, _ = io.WriteString(s.stdin, stdin) // a child need not read it all
			_ = s.stdin.Close()
		}
	}()
	go func() {
		defer close(s.copied)
		s.copy(w)
	}()
}

// copy hands the output to w until its end, or until end gives up on it. After
// an error of w it goes on reading, so that the child never blocks.
func (s *streams) copy(w io.Writer) {
	buf := make([]byte, readBytes)
	for {
		n, err := s.output.Read(buf)
		if _, writeErr := w.Write(buf[:n]); writeErr != nil {
			w = io.Discard
		}
		if err != nil {
			return
		}
	}
}

// end waits for the end of the output a little, then closes our side and waits
// for the goroutines. Whoever still holds the other side writes into nothing.
func (s *streams) end(w io.Writer) {
	timer := time.NewTimer(endWait)
	defer timer.Stop()
	select {
	case <-s.copied:
	case <-timer.C:
		_ = s.output.SetReadDeadline(time.Now())
		<-s.copied
		s.copyTail(w)
	}
	s.close()
	<-s.fed
}

// copyTail hands over what the pipe holds, without waiting for more. A slow
// writer may have kept copy from it.
func (s *streams) copyTail(w io.Writer) {
	_ = s.output.SetReadDeadline(time.Time{})
	raw, err := s.output.SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, readBytes)
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
