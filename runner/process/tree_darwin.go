package process

import (
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// executable returns the path of this program.
func executable() (string, error) { return os.Executable() }

// adopt does nothing: there are no subreapers here.
func adopt(*server) {}

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

// killEverything ends the groups of all commands.
func killEverything(s *server) {
	s.mu.Lock()
	var started []*job
	for _, j := range s.jobs {
		if j.pid > 0 {
			started = append(started, j)
		}
	}
	s.mu.Unlock()
	again := time.NewTicker(killPoll)
	defer again.Stop()
	for deadline := time.Now().Add(killPatience); time.Now().Before(deadline); <-again.C {
		started = slices.DeleteFunc(started, func(j *job) bool {
			_ = syscall.Kill(-j.pid, syscall.SIGKILL)
			return len(s.members(j)) == 0
		})
		if len(started) == 0 {
			return
		}
	}
}
