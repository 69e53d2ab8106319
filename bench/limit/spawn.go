// Package limit measures what the machine can do at most: the same commands,
// commits and bytes, without anything around them.
package limit

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// argv is what the product executes for a script of a task with `shell: sh`.
func argv(script string) []string { return []string{"sh", "-e", "-c", script} }

// Loop runs a script for each task of the graph, slots at a time and each after
// its parents, and returns how the tasks ran: the bare Go loop that does nothing
// else. Their output is read and thrown away.
func Loop(ctx context.Context, graph *shape.Graph, script string, slots int) ([]shape.Done, time.Duration, error) {
	l := &loop{graph: graph, left: make([]int, graph.Len()), children: make([][]int, graph.Len()), done: make([]shape.Done, graph.Len())}
	l.ready = make(chan int, graph.Len())
	for i, parents := range graph.Parents {
		l.left[i] = len(parents)
		for _, parent := range parents {
			l.children[parent] = append(l.children[parent], i)
		}
		if len(parents) == 0 {
			l.ready <- i
		}
	}
	began := time.Now()
	var workers sync.WaitGroup
	for range slots {
		workers.Go(func() { l.work(ctx, argv(script)) })
	}
	workers.Wait()
	return l.done, time.Since(began), l.err
}

type loop struct {
	graph    *shape.Graph
	ready    chan int
	children [][]int

	mu    sync.Mutex
	left  []int // parents that have not ended, of each task
	ended int
	err   error
	done  []shape.Done
}

func (l *loop) work(ctx context.Context, argv []string) {
	for i := range l.ready {
		began := time.Now()
		err := run(ctx, argv, i)
		l.end(i, shape.Done{Started: began, Finished: time.Now(), Attempts: 1, Success: err == nil}, err)
	}
}

func (l *loop) end(i int, done shape.Done, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done[i] = done
	if err != nil && l.err == nil {
		l.err = fmt.Errorf("task %d: %w", i, err)
	}
	for _, child := range l.children[i] {
		if l.left[child]--; l.left[child] == 0 {
			l.ready <- child
		}
	}
	if l.ended++; l.ended == l.graph.Len() {
		close(l.ready)
	}
}

// run runs one command with both of its output streams on one pipe.
func run(ctx context.Context, argv []string, task int) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "BENCH_TASK=" + strconv.Itoa(task)}
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	cmd.Stdout, cmd.Stderr = writer, writer
	err = cmd.Start()
	_ = writer.Close() // the command has its own
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, reader); err != nil {
		return err
	}
	return cmd.Wait()
}

// Xargs runs a script n times with xargs, slots at a time.
func Xargs(ctx context.Context, n, slots int, script string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, "xargs", append([]string{"-P", strconv.Itoa(slots), "-n", "1"}, argv(script)...)...)
	cmd.Stdin = strings.NewReader(strings.Repeat("x\n", n))
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("xargs: %w: %.200s", err, out)
	}
	return time.Since(began), nil
}

// Make runs a graph with make, slots at a time, from a file that WriteMakefile wrote.
func Make(ctx context.Context, path string, slots int) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, "make", "-s", "-f", path, "-j", strconv.Itoa(slots), "all")
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("make: %w: %.200s", err, out)
	}
	return time.Since(began), nil
}
