package process

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"time"
)

// ticksPerSecond is the unit in which the process table tells times: Linux has made
// it a constant for programs.
const ticksPerSecond = 100

// clock returns the time as birth tells it.
func clock() uint64 { return uint64(sinceBoot() / (time.Second / ticksPerSecond)) }

// search finds what is left of commands whose guardian is gone.
type search struct {
	commands []lostCommand
	known    map[int]uint64 // whom it has found so far, and when they began
}

func newSearch(commands ...lostCommand) *search {
	return &search{commands: commands, known: map[int]uint64{}}
}

// find returns the living processes of the commands: those with their mark, who
// share a session or group with one of these or with a leader, and all below
// them. Whoever was found once is found until it is dead, also when it has lost
// its parent since.
func (s *search) find() []int {
	all := table()
	roots := s.roots(all)
	var found []int
	for pid, p := range all {
		if !p.isDead && below(all, roots, pid) {
			found = append(found, pid)
			s.known[pid] = p.born
		}
	}
	return found
}

// roots returns the processes, dead ones included, that are known or that give
// themselves away.
func (s *search) roots(all map[int]proc) map[int]bool {
	roots, ours := map[int]bool{}, map[int]bool{}
	for _, c := range s.commands {
		if c.isIntact(all) {
			ours[c.pid] = true
		}
	}
	for pid, p := range all {
		if born, known := s.known[pid]; known && born == p.born || s.isMarked(pid) {
			roots[pid] = true
			ours[p.session], ours[p.group] = true, true
		}
	}
	delete(ours, 0)
	for pid, p := range all {
		if ours[p.session] || ours[p.group] {
			roots[pid] = true
		}
	}
	return roots
}

// isIntact reports whether the leader's number still stands for its session and
// group. It is given to another process only when nobody is in them any more.
func (c lostCommand) isIntact(all map[int]proc) bool {
	if c.pid == 0 {
		return false
	}
	leader, found := all[c.pid]
	return !found || c.born.has(leader.born)
}

// isMarked reports whether a process has the mark of one of the commands.
func (s *search) isMarked(pid int) bool {
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	for entry := range bytes.SplitSeq(environ, []byte{0}) {
		if slices.ContainsFunc(s.commands, func(c lostCommand) bool { return c.mark == string(entry) }) {
			return true
		}
	}
	return false
}

// adopt notes everything below a process, which still holds together what is to
// be found when it is gone.
func (s *search) adopt(root int) {
	all := table()
	for pid, p := range all {
		if pid != root && below(all, map[int]bool{root: true}, pid) {
			s.known[pid] = p.born
		}
	}
}
