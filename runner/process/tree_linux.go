package process

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// executable returns a path to this very program, whatever has become of its file.
func executable() (string, error) { return "/proc/self/exe", nil }

// reapGap is how often dead processes that were adopted are looked for.
const reapGap = 200 * time.Millisecond

// adopt makes the guardian the parent of every process that loses its own below
// it, so that none can get out of sight.
func adopt() {
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // without it a double fork is found by its mark only
}

// reapAdopted takes the exits of adopted processes as long as there are commands,
// which all of them come from. It does so now and then and not with each signal of
// a death: most are those of leaders.
func (s *server) reapAdopted() {
	ticker := time.NewTicker(reapGap)
	defer ticker.Stop()
	for s.isNeeded() {
		<-ticker.C
		for pid := range s.orphans() {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
	}
}

// isNeeded reports whether there are commands, and notes that nobody reaps any more
// if not. There is one who reaps at a time: another might have taken the exit of a
// process that this one has found, whose number is then a leader's.
func (s *server) isNeeded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isReaping = len(s.jobs) > 0
	return s.isReaping
}

// orphans returns the processes that the guardian has adopted: children that are
// no leaders of commands, and will not be. It does not wait for children that are
// being made.
func (s *server) orphans() map[int]bool {
	children := adopted()
	s.mu.Lock() // after the look: who was made before it is noted, or its thread is at it still
	defer s.mu.Unlock()
	leaders := s.leaders()
	orphans := map[int]bool{}
	for _, c := range children {
		if !leaders[c.pid] && !s.makes(c) {
			orphans[c.pid] = true
		}
	}
	return orphans
}

// isBeingMade reports whether a process may be a child that is not its command yet.
func (s *server) isBeingMade(pid int) bool {
	if s.isIdle() {
		return false
	}
	children := ownChildren()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(children, func(c child) bool { return c.pid == pid && s.makes(c) })
}

// makes reports whether a child may be one that is being made. s.mu must be held.
func (s *server) makes(c child) bool {
	for _, thread := range s.starting {
		if c.isFresh || c.thread == thread {
			return true
		}
	}
	return false
}

// leaders returns the leaders of all commands. s.mu must be held.
func (s *server) leaders() map[int]bool {
	leaders := make(map[int]bool, len(s.jobs))
	for _, j := range s.jobs {
		if j.pid > 0 {
			leaders[j.pid] = true
		}
	}
	return leaders
}

// child is a child of this process, an adopted one included.
type child struct {
	pid     int
	thread  int  // of ours, whose child it is; 0: not known
	isFresh bool // if the thread is not known: it may have been made just now
}

func ownChildren() []child {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil
	}
	var children []child
	for _, task := range tasks {
		thread, _ := strconv.Atoi(task.Name())
		found, err := childrenOf(thread)
		if err != nil {
			return childrenByScan()
		}
		children = append(children, found...)
	}
	return children
}

// adopted returns the children that the system gave us when they lost their own
// parent, dead ones included. They become those of our first thread, which makes
// none itself (see run): one look tells, however many threads there are.
func adopted() []child {
	children, err := childrenOf(os.Getpid())
	if err != nil {
		return childrenByScan()
	}
	return children
}

// childrenOf returns the children of one of our threads. Not every kernel tells.
func childrenOf(thread int) ([]child, error) {
	text, err := readProc("/proc/self/task/" + strconv.Itoa(thread) + "/children")
	if err != nil {
		return nil, err
	}
	var children []child
	for field := range bytes.FieldsSeq(text) {
		if pid, err := strconv.Atoi(string(field)); err == nil {
			children = append(children, child{pid: pid, thread: thread})
		}
	}
	return children, nil
}

// childrenByScan is for kernels that do not list children. A child that is being
// made is in our session or leads its own.
func childrenByScan() []child {
	var children []child
	self := os.Getpid()
	for pid, p := range table() {
		if p.parent == self {
			children = append(children, child{pid: pid, isFresh: p.session == self || p.session == pid})
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
	orphans := s.orphans()
	s.mu.Lock()
	leaders := s.leaders()
	s.mu.Unlock()
	mine := map[int]bool{}
	for pid, p := range all {
		switch {
		case pid == j.pid, p.session == j.pid, p.group == j.pid:
			mine[pid] = true
		case orphans[pid]:
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

// everything returns the living processes below the guardian.
func (s *server) everything() (found []int) {
	all, self := table(), os.Getpid()
	for pid, p := range all {
		if pid != self && !p.isDead && below(all, map[int]bool{self: true}, pid) {
			found = append(found, pid)
		}
	}
	return found
}
