package process

import (
	"time"

	"golang.org/x/sys/unix"
)

// search finds what is left of commands whose guardian is gone.
type search struct{ commands []lostCommand }

func newSearch(commands ...lostCommand) *search { return &search{commands: commands} }

// find returns the living processes of the commands' groups.
func (s *search) find() (found []int) {
	for _, c := range s.commands {
		if now := birth(c.pid); c.pid == 0 || now != 0 && !c.born.has(now) {
			continue // the number is somebody else's by now
		}
		found = append(found, livingInGroup(c.pid)...)
	}
	return found
}

// adopt does nothing: parents lead to nobody outside of the groups here.
func (*search) adopt(int) {}

// clock returns the time as birth tells it.
func clock() uint64 { return uint64(time.Now().UnixMicro()) }

// birth returns when a process began, in microseconds, 0 if it is not there.
func birth(pid int) uint64 {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || info == nil {
		return 0
	}
	began := info.Proc.P_starttime
	return uint64(began.Sec)*1_000_000 + uint64(began.Usec)
}
