//go:build linux || darwin

package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// spawners returns how many commands start at a time. Each start keeps a thread, and a
// processor of the runtime.
func spawners() int { return min(max(runtime.NumCPU(), 2), 4) }

var errStopped = errors.New("the command was stopped before it started")

// touch does what a start would wait for if the disk is slow or gone, where that
// holds up nobody: while a child is made, no other can be, and for long not even
// the memory of the guardian be cleared. What is wrong with the files, the start
// itself says.
func touch(dir, path string) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return
	}
	interpreter := touchProgram(dir, path)
	if interpreter != "" {
		touchProgram(dir, interpreter)
	}
}

// touchProgram opens a program, and returns the one that its first line names.
func touchProgram(dir, path string) (interpreter string) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return "" // to open a named pipe would take for ever
	}
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	head := make([]byte, 256) // the system does not look further either
	n, _ := file.Read(head)
	line, _, _ := bytes.Cut(head[:n], []byte("\n"))
	script, isScript := bytes.CutPrefix(line, []byte("#!"))
	if words := bytes.Fields(script); isScript && len(words) > 0 {
		return string(words[0])
	}
	return ""
}

// refuse answers for a command that was stopped before it began, which then
// never begins. It reports whether that is so.
func (s *server) refuse(j *job) bool {
	s.mu.Lock()
	refused := j.phase == startWaiting
	if refused {
		j.phase = startRefused
		delete(s.jobs, j.ID)
	}
	s.mu.Unlock()
	if refused {
		_ = s.wire.send(frame{Op: opStarted, ID: j.ID, Error: errStopped.Error()})
	}
	return refused
}

// run starts a command and sees to its end. It leaves our first thread alone: the
// system makes adopted processes that one's children, and whose children it has
// while it starts one cannot be told.
func (s *server) run(j *job) {
	s.turns <- struct{}{}
	runtime.LockOSThread()
	if isFirstThread() {
		go func() {
			runtime.LockOSThread()
			s.launch(j)
		}()
		select {} // the thread is taken for good
	}
	s.launch(j)
}

// launch starts a command on the thread that it is locked to, and sees to its end.
// A child asks to be killed when the thread that made it ends; threads of the
// runtime do not, unless something that is locked to one returns.
func (s *server) launch(j *job) {
	leader, err := s.fork(j, threadID())
	runtime.UnlockOSThread()
	<-s.turns
	if errors.Is(err, errStopped) {
		return // refuse has answered, or the worker takes it as lost when we are gone
	}
	answer := frame{Op: opStarted, ID: j.ID}
	if err != nil {
		answer.Errno, answer.Error, answer.Late = errnoOf(err), err.Error(), errors.Is(err, errTooLate)
		s.forget(j)
		_ = s.wire.send(answer)
		return
	}
	answer.PID = j.pid
	_ = s.wire.send(answer) // a worker that is gone is noticed by serve
	s.attend(j, leader)
}

// fork makes the leader of a command and notes it. It holds no lock meanwhile.
func (s *server) fork(j *job, thread int) (*watch, error) {
	defer func() {
		for _, fd := range j.files {
			_ = syscall.Close(fd)
		}
	}()
	if len(j.files) != j.frame.files() {
		return nil, fmt.Errorf("%d descriptors came with the command", len(j.files))
	}
	output, more := j.files[0], j.files[1:]
	stdin, stdout := s.null, output
	if j.OwnInput {
		stdin, more = more[0], more[1:]
	}
	if j.OwnStdout {
		stdout = more[0]
	}
	if err := s.begin(j, thread); err != nil {
		return nil, err
	}
	leader, err := startChild(j, []uintptr{uintptr(stdin), uintptr(stdout), uintptr(output)})
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.starting, j.ID)
	if err != nil {
		return nil, err
	}
	j.pid = leader.pid
	return leader, nil
}

// begin notes that thread makes a child, unless the command may not start any more.
func (s *server) begin(j *job, thread int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case j.phase == startRefused, s.isOver.Load():
		return errStopped
	case j.Latest > 0 && sinceBoot() > j.Latest:
		return errTooLate // others may run it by now
	}
	j.phase = startBegun
	s.starting[j.ID] = thread
	return nil
}
