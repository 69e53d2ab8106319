package report

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// Machine is where and of what the figures are.
type Machine struct {
	CPU        string    `json:"cpu"`
	Cores      int       `json:"cores"`
	MemoryMB   int64     `json:"memoryMB"`
	Kernel     string    `json:"kernel"`
	Go         string    `json:"go"`
	PostgreSQL string    `json:"postgresql"`
	Shell      string    `json:"shell"` // what sh is
	Commit     string    `json:"commit"`
	SyncMicros float64   `json:"syncMicros"` // of a durable write of 8 KiB, median over the benchmarks' own directory
	At         time.Time `json:"at"`
}

// ThisMachine describes the machine; what cannot be read stays empty.
func ThisMachine(ctx context.Context, commit, postgresql string) Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version(), Commit: commit, PostgreSQL: postgresql, At: time.Now().UTC().Truncate(time.Second)}
	m.CPU = valueOf("/proc/cpuinfo", "model name")
	_, _ = fmt.Sscanf(valueOf("/proc/meminfo", "MemTotal"), "%d", &m.MemoryMB)
	m.MemoryMB /= 1024
	if out, err := exec.CommandContext(ctx, "uname", "-sr").Output(); err == nil {
		m.Kernel = strings.TrimSpace(string(out))
	}
	if out, err := exec.CommandContext(ctx, "readlink", "-f", "/bin/sh").Output(); err == nil {
		m.Shell = strings.TrimSpace(string(out))
	}
	return m
}

// valueOf returns the value of the first line "name : value" of a file.
func valueOf(path, name string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (m Machine) write(out io.Writer) {
	fmt.Fprintf(out, "Measured %s, version %s: %s, %d cores, %d MB, %s, %s, %s, sh is %s. A durable write of 8 KiB took %s µs.\n",
		m.At.Format("2006-01-02 15:04 UTC"), m.Commit, m.CPU, m.Cores, m.MemoryMB, m.Kernel, m.Go, m.PostgreSQL, m.Shell, Number(m.SyncMicros))
	fmt.Fprintf(out, "Both databases kept every promise: SQLite with `synchronous=FULL`, PostgreSQL with `fsync` and `synchronous_commit` on.\n\n")
}
