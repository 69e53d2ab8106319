package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// executable returns the path of this program.
func executable() (string, error) { return os.Executable() }

// adopt does nothing: there are no subreapers here.
func adopt() {}

// reapAdopted has nothing to do.
func (*server) reapAdopted() {}

// isBeingMade reports false: here the thread that makes a child does not wait for it
// in a way that holds up others.
func (s *server) isBeingMade(int) bool { return false }

// remaining returns what is left of a command whose leader has ended.
func (s *server) remaining(j *job) []int { return s.members(j) }

// members returns the living processes of the command's group.
func (s *server) members(j *job) []int { return livingInGroup(j.pid) }

// livingInGroup returns the members of a process group that are no zombies.
func livingInGroup(group int) []int {
	found, err := unix.SysctlKinfoProcSlice("kern.proc.pgrp", group)
	if err != nil {
		return nil
	}
	var members []int
	for i := range found {
		if found[i].Proc.P_stat != stateZombie {
			members = append(members, int(found[i].Proc.P_pid))
		}
	}
	return members
}

// everything returns the living processes of all commands' groups.
func (s *server) everything() (found []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.pid > 0 {
			found = append(found, livingInGroup(j.pid)...)
		}
	}
	return found
}
