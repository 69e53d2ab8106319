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

// spawners is how many commands start at a time. Each start blocks a thread,
// which lives as long as the guardian: on Linux a child asks to be killed when
// the thread that made it ends.
const spawners = 4

var errStopped = errors.New("the command was stopped before it started")

// touchMax bounds the starts that wait for a disk, each of which holds a thread.
const touchMax = 1000

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

// prepare touches what the command needs and then has it started.
func (s *server) prepare(j *job) {
	if s.touching.Add(1) > touchMax {
		j.problem = syscall.EAGAIN
	} else {
		touch(j.Dir, j.Path)
	}
	s.touching.Add(-1)
	s.starts <- j
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

// spawn starts commands, for ever on the same thread. It leaves the first thread
// alone: the system makes adopted processes that one's children, and whose
// children a spawner has while it starts one cannot be told.
func (s *server) spawn(n int) {
	runtime.LockOSThread()
	if isFirstThread() {
		go s.spawn(n)
		select {}
	}
	thread := threadID(n)
	for j := range s.starts {
		answer := frame{Op: opStarted, ID: j.ID}
		var err error
		answer.PID, err = s.fork(j, thread)
		if errors.Is(err, errStopped) {
			continue // refuse has answered, or the worker takes it as lost when we are gone
		}
		if err != nil {
			answer.Errno, answer.Error, answer.Late = errnoOf(err), err.Error(), errors.Is(err, errTooLate)
			s.forget(j)
		}
		answer.Born = birth(answer.PID) // nobody has reaped it yet
		_ = s.wire.send(answer)         // a worker that is gone is noticed by serve
		if err == nil {
			go s.attend(j)
		}
	}
}

// fork makes the leader of a command and notes it. It holds no lock meanwhile.
func (s *server) fork(j *job, thread int) (pid int, err error) {
	defer func() {
		for _, file := range j.files {
			_ = file.Close()
		}
	}()
	if len(j.files) != 2 {
		return 0, fmt.Errorf("%d descriptors came with the command", len(j.files))
	}
	if err := s.begin(j, thread); err != nil {
		return 0, err
	}
	child, err := os.StartProcess(j.Path, j.Argv, &os.ProcAttr{
		Dir: j.Dir, Env: j.Env, Sys: childAttributes(),
		Files: []*os.File{j.files[0], j.files[1], j.files[1]},
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.starting, thread)
	if err != nil {
		return 0, err
	}
	j.pid = child.Pid
	return j.pid, child.Release() // it is waited for by its number
}

// begin notes that thread makes a child, unless the command may not start any more.
func (s *server) begin(j *job, thread int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case j.phase == startRefused, s.isOver.Load():
		return errStopped
	case j.problem != nil:
		return j.problem
	case j.Latest > 0 && sinceBoot() > j.Latest:
		return errTooLate // others may run it by now
	}
	j.phase = startBegun
	s.starting[thread] = true
	return nil
}
