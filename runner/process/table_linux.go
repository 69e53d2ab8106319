package process

import (
	"bytes"
	"os"
	"strconv"
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

// look returns what the process table says of one process.
func look(pid int) (p proc, ok bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
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

// birth returns when a process began, 0 if it is not there.
func birth(pid int) uint64 {
	p, _ := look(pid)
	return p.born
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
