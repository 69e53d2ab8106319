package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// peerStopMax is how long a peer that took too long may take to end.
const peerStopMax = 10 * time.Second

// peer is another program that can run a graph.
type peer struct {
	name    string
	program string // its path; empty if it is not there
	// play runs the graph in an empty folder and returns the time from the start
	// of the program to its end, which must tell success.
	play func(ctx context.Context, c *peerCall) (time.Duration, error)
}

// peerCall is one play of a peer.
type peerCall struct {
	program string
	dir     string // its own
	graph   *shape.Graph
	slots   int
	max     time.Duration
}

// played is what came of a graph in the peers that are there.
type played struct {
	took  map[string]time.Duration
	notes []string // what did not work
}

// playPeers runs the graph, of the shortest tasks there are, in each peer that is
// there. One that fails or takes too long is noted and nothing more.
func (l *lab) playPeers(ctx context.Context, graph *shape.Graph, slots int) (played, error) {
	result := played{took: map[string]time.Duration{}}
	var missing []string
	for _, p := range l.peers() {
		if p.program == "" {
			missing = append(missing, p.name)
			continue
		}
		took, err := l.playPeer(ctx, p, graph, slots)
		if ctx.Err() != nil {
			return result, ctx.Err()
		}
		if err != nil {
			result.notes = append(result.notes, p.name+" has no figure: "+err.Error())
			continue
		}
		result.took[p.name] = took
	}
	if len(missing) > 0 {
		result.notes = append(result.notes, "not found on this machine: "+strings.Join(missing, ", "))
	}
	return result, nil
}

func (l *lab) playPeer(ctx context.Context, p peer, graph *shape.Graph, slots int) (took time.Duration, err error) {
	c := &peerCall{graph: graph, slots: slots, max: pick(l, time.Minute, time.Minute, 10*time.Minute)}
	if c.program, err = filepath.Abs(p.program); err != nil { // it runs in a folder of its own
		return 0, err
	}
	if c.dir, err = os.MkdirTemp(l.dir, "peer-"); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.dir)) }()
	return p.play(ctx, c)
}

// peers returns all that are known.
func (l *lab) peers() []peer {
	onPath := func(name string) string {
		path, _ := exec.LookPath(name) // empty if there is none
		return path
	}
	return []peer{
		{"Dagu", l.dagu, playDagu},
		{"Airflow", onPath("airflow"), playAirflow},
		{"Prefect", onPath("prefect"), playPrefect},
	}
}

// beside adds the figures of the peers to a row, each made of its seconds. What
// did not work is told once, in the row of the first database.
func (p *played) beside(on database, row *report.Row, figure func(seconds float64) float64) {
	if row.Beside == nil {
		row.Beside = map[string]float64{}
	}
	for name, took := range p.took {
		row.Beside[name] = figure(took.Seconds())
	}
	if on == databases[0] {
		row.Note = strings.Join(p.notes, "; ")
	}
}

func playDagu(ctx context.Context, c *peerCall) (time.Duration, error) {
	file := filepath.Join(c.dir, c.graph.Name+".yaml")
	if err := writeFile(file, func(f *os.File) error { return c.graph.WriteDagu(f, trueScript, c.slots) }); err != nil {
		return 0, err
	}
	return c.run(ctx, c.program, []string{"DAGU_HOME=" + filepath.Join(c.dir, "home")}, "start", file)
}

// playAirflow runs the graph as Airflow does it without a server: in one process.
func playAirflow(ctx context.Context, c *peerCall) (time.Duration, error) {
	dags := filepath.Join(c.dir, "dags")
	if err := os.Mkdir(dags, 0o755); err != nil {
		return 0, err
	}
	if err := writeFile(filepath.Join(dags, "graph.py"), func(f *os.File) error { return c.graph.WriteAirflow(f, trueScript, c.slots) }); err != nil {
		return 0, err
	}
	env := []string{"AIRFLOW_HOME=" + c.dir, "AIRFLOW__CORE__DAGS_FOLDER=" + dags, "AIRFLOW__CORE__LOAD_EXAMPLES=False"}
	if _, err := c.run(ctx, c.program, env, "db", "migrate"); err != nil {
		return 0, fmt.Errorf("make its database: %w", err)
	}
	return c.run(ctx, c.program, env, "dags", "test", c.graph.Name, "2026-01-01")
}

// playPrefect runs the graph with the Python that Prefect is installed in.
func playPrefect(ctx context.Context, c *peerCall) (time.Duration, error) {
	file := filepath.Join(c.dir, "graph.py")
	if err := writeFile(file, func(f *os.File) error { return c.graph.WritePrefect(f, trueScript, c.slots) }); err != nil {
		return 0, err
	}
	python := filepath.Join(filepath.Dir(c.program), "python3")
	if _, err := os.Stat(python); err != nil {
		python = "python3"
	}
	env := []string{"PREFECT_HOME=" + filepath.Join(c.dir, "home"), "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE=true", "PREFECT_LOGGING_LEVEL=ERROR"}
	return c.run(ctx, python, env, file)
}

// run runs a program to its end and returns the time that took. Nothing of it
// stays, also if it takes too long.
func (c *peerCall) run(ctx context.Context, program string, env []string, args ...string) (time.Duration, error) {
	bounded, cancel := context.WithTimeout(ctx, c.max)
	defer cancel()
	cmd := exec.CommandContext(bounded, program, args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = peerStopMax
	began := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(began)
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // its group has ended, if all went well
	}
	if bounded.Err() != nil {
		return 0, fmt.Errorf("not over after %s", c.max)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %s", strings.Join(args[:min(len(args), 2)], " "), err, out[max(0, len(out)-300):])
	}
	return took, nil
}
