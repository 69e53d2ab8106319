package product

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is the unit of the processor times in /proc: 100 on every Linux.
const ticksPerSecond = 100

// Usage is what a process has used, from its start on.
type Usage struct {
	CPU     time.Duration // of its own threads, not of its children
	RSS     int64         // bytes now
	PeakRSS int64         // bytes
	Written int64         // bytes to storage
}

// Usage reads what the process has used.
func (p *Process) Usage() (Usage, error) { return usageOf(p.PID()) }

// usageOf reads what a process has used. It works on Linux only.
func usageOf(pid int) (Usage, error) {
	var u Usage
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, fmt.Errorf("read usage: %w", err)
	}
	// The name of the program, in brackets, may contain anything.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	u.CPU = time.Duration(user+system) * time.Second / ticksPerSecond
	status, err := table(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	u.RSS, u.PeakRSS = status["VmRSS"]*1024, status["VmHWM"]*1024
	io, err := table(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return u, err
	}
	u.Written = io["write_bytes"]
	return u, nil
}

// ResetPeak lets the peak of the memory be counted from now on.
func (p *Process) ResetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.PID()), []byte("5"), 0)
}

// table reads lines such as "VmRSS:  1234 kB".
func table(path string) (map[string]int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	defer file.Close()
	values := map[string]int64{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		name, rest, _ := strings.Cut(lines.Text(), ":")
		if words := strings.Fields(rest); len(words) > 0 {
			if value, err := strconv.ParseInt(words[0], 10, 64); err == nil {
				values[name] = value
			}
		}
	}
	return values, lines.Err()
}
