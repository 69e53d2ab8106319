package process

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// proc is what the process table says of a process.
type proc struct {
	parent, group, session int
	born                   uint64 // when it began, in ticks since the machine did; with its number it is unique
	isDead                 bool
}

// table returns all processes of the machine.
func table() map[int]proc {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	found := make(map[int]proc, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p, ok := look(pid); ok {
			found[pid] = p
		}
	}
	return found
}

// readProc reads a file of the system, which never makes anybody wait: os.ReadFile
// would ask thrice what kind of file it is.
func readProc(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	text := make([]byte, 0, 512)
	for {
		n, err := unix.Read(fd, text[len(text):cap(text)])
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return nil, err
		case n == 0:
			return text, nil
		default:
			text = slices.Grow(text[:len(text)+n], 512)
		}
	}
}

// look returns what the process table says of one process.
func look(pid int) (p proc, ok bool) {
	stat, err := readProc("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return p, false
	}
	// pid (name, with any character in it) state ppid pgrp session …, and as the 22nd the start
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return p, false
	}
	p.isDead = bytes.ContainsAny(fields[0], "ZXx")
	p.parent, _ = strconv.Atoi(string(fields[1]))
	p.group, _ = strconv.Atoi(string(fields[2]))
	p.session, _ = strconv.Atoi(string(fields[3]))
	p.born, _ = strconv.ParseUint(string(fields[19]), 10, 64)
	return p, true
}

// below reports whether a process or one above it is among those of roots.
func below(all map[int]proc, roots map[int]bool, pid int) bool {
	for range len(all) { // a table that is read while it changes may have a circle
		if roots[pid] {
			return true
		}
		p, found := all[pid]
		if !found {
			return false
		}
		pid = p.parent
	}
	return false
}

func isMarked(pid int, mark string) bool {
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return err == nil && hasMark(string(environ), mark)
}
