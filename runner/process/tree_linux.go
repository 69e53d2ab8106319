package process

import (
	"bytes"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// executable returns a path to this very program, whatever has become of its file.
func executable() (string, error) { return "/proc/self/exe", nil }

// adopt makes the guardian the parent of every process that loses its own below
// it, so that none can get out of sight, and reaps those.
func adopt(s *server) {
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // without it a double fork is found by its mark only
	deaths := make(chan os.Signal, 1)
	signal.Notify(deaths, syscall.SIGCHLD)
	go func() {
		for range deaths {
			for _, pid := range s.orphans() {
				_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
			}
		}
	}()
}

// orphans returns the guardian's children that are no leaders of commands.
func (s *server) orphans() []int {
	s.forks.Lock()
	defer s.forks.Unlock()
	children := ownChildren()
	s.mu.Lock()
	defer s.mu.Unlock()
	leaders := make(map[int]bool, len(s.jobs))
	for _, j := range s.jobs {
		leaders[j.pid] = true
	}
	var orphans []int
	for _, pid := range children {
		if !leaders[pid] {
			orphans = append(orphans, pid)
		}
	}
	return orphans
}

// ownChildren returns the children of this process, adopted ones included.
func ownChildren() []int {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil
	}
	var children []int
	for _, task := range tasks {
		text, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		if err != nil {
			return childrenByScan()
		}
		for _, field := range bytes.Fields(text) {
			if pid, err := strconv.Atoi(string(field)); err == nil {
				children = append(children, pid)
			}
		}
	}
	return children
}

// childrenByScan is for kernels that do not list children.
func childrenByScan() []int {
	var children []int
	for pid, p := range table() {
		if p.parent == os.Getpid() {
			children = append(children, pid)
		}
	}
	return children
}

// remaining returns what is left of a command whose leader has ended. It costs
// next to nothing when nobody has lost a parent.
func (s *server) remaining(j *job) []int {
	if len(s.orphans()) == 0 {
		return nil
	}
	return s.members(j)
}

// members returns the living processes of a command: its leader, those whom the
// leader's session or group or the mark in the environment gives away, and all
// below these. An adopted process that nothing gives away belongs to the command
// if it is the only one.
func (s *server) members(j *job) []int {
	all := table()
	s.mu.Lock()
	leaders := make(map[int]bool, len(s.jobs))
	for _, other := range s.jobs {
		leaders[other.pid] = true
	}
	s.mu.Unlock()
	self := os.Getpid()
	mine := map[int]bool{}
	for pid, p := range all {
		switch {
		case pid == j.pid, p.session == j.pid, p.group == j.pid:
			mine[pid] = true
		case p.parent == self && !leaders[pid]:
			mine[pid] = len(leaders) == 1 && leaders[j.pid] || isMarked(pid, j.Mark)
		}
	}
	var members []int
	for pid, p := range all {
		if !p.isDead && below(all, mine, pid) {
			members = append(members, pid)
		}
	}
	return members
}

// killEverything ends whatever is below the guardian.
func killEverything(s *server) {
	self := os.Getpid()
	again := time.NewTicker(killPoll)
	defer again.Stop()
	deadline := time.Now().Add(killPatience)
	for ; time.Now().Before(deadline); <-again.C {
		all, alive := table(), false
		for pid, p := range all {
			if pid != self && !p.isDead && below(all, map[int]bool{self: true}, pid) {
				alive = true
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		if !alive {
			return
		}
	}
}
