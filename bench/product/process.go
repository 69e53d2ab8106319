// Package product runs Mini Airflow as its users do: its program, its API, and
// what it leaves in its database.
package product

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Bounds of a process's life.
const (
	startMax = 2 * time.Minute
	stopMax  = time.Minute
)

// Config says how a process of the product is started.
type Config struct {
	Program     string // path of the binary
	Dir         string // holds the home, and the workflows if Dags is empty
	Dags        string // folder of the workflows
	Database    string // postgres://…; empty: SQLite in the home
	Roles       []string
	Concurrency int // tasks at once
	ID          string
	Extra       []string // further flags
}

// Process is a running process of the product.
type Process struct {
	config Config
	Home   string
	Dags   string
	API    *Client // nil without the role api
	cmd    *exec.Cmd
	output *bytes.Buffer
	ended  chan struct{}
	err    error
}

// Stopped describes a process that does not run: what another one has left in the
// home and the database of c.
func Stopped(c Config) *Process {
	p := newProcess(c)
	close(p.ended)
	return p
}

func newProcess(c Config) *Process {
	p := &Process{config: c, Home: filepath.Join(c.Dir, "home"), Dags: c.Dags, output: &bytes.Buffer{}, ended: make(chan struct{})}
	if c.ID != "" {
		p.Home = filepath.Join(c.Dir, "home-"+c.ID)
	}
	if p.Dags == "" {
		p.Dags = filepath.Join(c.Dir, "dags")
	}
	return p
}

// Start starts `miniairflow serve` and waits until it answers. The caller must
// Stop it. Nothing of its own environment reaches it but the PATH.
func Start(ctx context.Context, c Config) (*Process, error) {
	p := newProcess(c)
	if len(c.Roles) == 0 {
		c.Roles = []string{"api", "loader", "scheduler", "worker"}
	}
	for _, dir := range []string{p.Home, p.Dags} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make a folder of the product: %w", err)
		}
	}
	args := []string{
		"serve", "--home", p.Home, "--dags", p.Dags, "--addr", "127.0.0.1:0", "--no-auth", "--log-level", "warn",
		"--roles", strings.Join(c.Roles, ","), "--concurrency", strconv.Itoa(max(c.Concurrency, 1)),
	}
	if c.Database != "" {
		args = append(args, "--database-url", c.Database)
	}
	if c.ID != "" {
		args = append(args, "--id", c.ID)
	}
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), c.Program, append(args, c.Extra...)...)
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the product: %w", err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	if !slices.Contains(c.Roles, "api") {
		return p, nil
	}
	if err := p.await(ctx); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// await waits until the API answers at the address that the process notes in its home.
func (p *Process) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startMax)
	defer cancel()
	for {
		var note struct{ URL string }
		data, err := os.ReadFile(filepath.Join(p.Home, "server.json"))
		if err == nil && json.Unmarshal(data, &note) == nil && note.URL != "" {
			p.API = NewClient(note.URL)
			if p.API.Ready(ctx) == nil {
				return nil
			}
		}
		select {
		case <-p.ended:
			return fmt.Errorf("the product ended at once: %w: %s", p.err, p.output)
		case <-ctx.Done():
			return fmt.Errorf("the product does not answer: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stop ends the process, and returns an error if it had failed before or does
// not end by itself.
func (p *Process) Stop() error {
	if p.cmd == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.ended:
	case <-time.After(stopMax):
		_ = p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("the product did not end within %s: %s", stopMax, p.output)
	}
	if p.err != nil {
		return fmt.Errorf("the product failed: %w: %s", p.err, p.output)
	}
	return nil
}

// Files returns the paths of the SQLite database and of its logs.
func (p *Process) Files() (database, logs string) {
	return filepath.Join(p.Home, "miniairflow.db"), filepath.Join(p.Home, "miniairflow-logs.db")
}
