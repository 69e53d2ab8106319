package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticksPerSecond is the unit of the processor times in /proc: 100 on every Linux.
const ticksPerSecond = 100

// CPU returns the processor time that the server has used since its start: its
// main process, those that serve connections, and those that have ended. It works
// on Linux only.
func (s *Server) CPU() (time.Duration, error) {
	note, err := os.ReadFile(filepath.Join(s.dir, "data", "postmaster.pid"))
	if err != nil {
		return 0, fmt.Errorf("read the server's process id: %w", err)
	}
	first, _, _ := bytes.Cut(note, []byte("\n"))
	server, err := statOf("/proc/" + string(bytes.TrimSpace(first)) + "/stat")
	if err != nil {
		return 0, fmt.Errorf("read usage of the server: %w", err)
	}
	ticks := server.own + server.ended
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, path := range stats {
		process, err := statOf(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has just ended
		}
		if err != nil {
			return 0, fmt.Errorf("read usage of a process: %w", err)
		}
		if process.parent == server.id {
			ticks += process.own
		}
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// stat is what the system says of a process.
type stat struct {
	id, parent int
	own, ended int64 // ticks: its own, and those of its children that have ended
}

func statOf(path string) (s stat, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	if s.id, err = strconv.Atoi(filepath.Base(filepath.Dir(path))); err != nil {
		return s, err
	}
	// The name of the program, in brackets, may contain anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const needed = 15
	if len(fields) < needed {
		return s, fmt.Errorf("%s has %d fields", path, len(fields))
	}
	var times [4]int64
	for i := range times {
		if times[i], err = strconv.ParseInt(fields[11+i], 10, 64); err != nil {
			return s, err
		}
	}
	s.parent, err = strconv.Atoi(fields[1])
	s.own, s.ended = times[0]+times[1], times[2]+times[3]
	return s, err
}
