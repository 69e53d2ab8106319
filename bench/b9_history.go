package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// A history is made of the runs of one wide workflow, which has one, and of so
// many narrow ones, which have all others. In the last of these each tenth task
// fails.
const (
	narrowWorkflows = 9
	failEach        = 10
)

// cloneGap is the time between two runs of a history.
const cloneGap = 7 * time.Second

// history is a database full of runs that are over, and what is in it. The
// product that made it is stopped.
type history struct {
	*system
	page   string // the id of the wide run
	widest int    // how many task runs it has

	runs, tasks, failed int
}

// template is a run that the product has played, of which others are copies.
type template struct {
	run           string // its id
	created       time.Time
	tasks, failed int
}

// clone is a copy of a run, older than that.
type clone struct {
	*template
	id     string
	number int
	age    time.Duration
}

// newHistory lets the product load and play each workflow once, stops it, and
// copies these runs until there are so many task runs. The caller must close it.
func (l *lab) newHistory(ctx context.Context, on database, tasks int) (*history, error) {
	graphs := []*shape.Graph{shape.Wide(pick(l, 20, 1000, 1000))}
	for i := range narrowWorkflows {
		graph := shape.Wide(pick(l, 10, 100, 100))
		graph.Name = fmt.Sprintf("narrow-%d", i+1)
		graphs = append(graphs, graph)
	}
	s, err := l.newSystem(ctx, on, product.Config{Concurrency: slots}, func(dags string) error {
		if err := writeFailing(dags, graphs[narrowWorkflows]); err != nil {
			return err
		}
		return workflows(shape.Task{Noop: true}, graphs[:narrowWorkflows]...)(dags)
	})
	if err != nil {
		return nil, err
	}
	h := &history{system: s}
	if err := h.fill(ctx, on, graphs, tasks); err != nil {
		return nil, errors.Join(fmt.Errorf("make a history of %d task runs: %w", tasks, err), s.close(ctx))
	}
	return h, nil
}

// writeFailing writes a workflow of tasks without processes, but for those that fail.
func writeFailing(dags string, graph *shape.Graph) error {
	return writeFile(filepath.Join(dags, graph.Name+".yaml"), func(f *os.File) error {
		out := bufio.NewWriter(f)
		fmt.Fprintf(out, "name: %s\nmax_active_tasks: %d\ntasks:\n", graph.Name, shape.MaxActiveTasks)
		for i := range graph.Len() {
			what := "noop: true"
			if fails(i) {
				what = `shell: sh, command: "false"`
			}
			fmt.Fprintf(out, "  %s: {%s}\n", shape.TaskName(i), what)
		}
		return out.Flush()
	})
}

func fails(task int) bool { return task%failEach == failEach-1 }

// fill plays the workflows, stops the product and copies their runs.
func (h *history) fill(ctx context.Context, on database, graphs []*shape.Graph, tasks int) error {
	var templates []*template
	for i, graph := range graphs {
		t, err := h.playOnce(ctx, graph, i == len(graphs)-1)
		if err != nil {
			return fmt.Errorf("play %s: %w", graph.Name, err)
		}
		templates = append(templates, t)
		h.count(t)
	}
	h.page, h.widest = templates[0].run, templates[0].tasks
	if err := h.Stop(); err != nil {
		return err
	}
	narrow := templates[1:]
	clones, err := plan(narrow, max(0, tasks-h.tasks)/narrow[0].tasks)
	if err != nil {
		return err
	}
	for _, c := range clones {
		h.count(c.template)
	}
	return h.insert(ctx, on, clones)
}

func (h *history) count(t *template) {
	h.runs++
	h.tasks += t.tasks
	h.failed += t.failed
}

// playOnce plays a workflow and checks that of its tasks those have failed that
// should have.
func (h *history) playOnce(ctx context.Context, graph *shape.Graph, isFailing bool) (*template, error) {
	id, err := h.API.Trigger(ctx, graph.Name)
	if err != nil {
		return nil, err
	}
	if err := h.API.Wait(ctx, id); err != nil {
		return nil, err
	}
	run, err := h.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(run.Tasks) != graph.Len() {
		return nil, fmt.Errorf("%d of %d tasks ran", len(run.Tasks), graph.Len())
	}
	t := &template{run: id, created: run.Created, tasks: graph.Len()}
	for i, task := range run.Tasks {
		if task.Success == (isFailing && fails(i)) || task.Attempts != 1 {
			return nil, fmt.Errorf("task %d: success %t after %d attempts", i, task.Success, task.Attempts)
		}
		if !task.Success {
			t.failed++
		}
	}
	return t, nil
}

// plan returns n copies of the templates in turns, the oldest first. Each is
// older than its template, and has a lower number.
func plan(templates []*template, n int) ([]clone, error) {
	clones := make([]clone, n)
	left := make(map[*template]int, len(templates))
	for i := range clones {
		c := clone{template: templates[i%len(templates)], age: time.Duration(n-i) * cloneGap}
		left[c.template]++
		c.number = left[c.template]
		var err error
		if c.id, err = runIDAt(c.created.Add(-c.age)); err != nil {
			return nil, err
		}
		clones[i] = c
	}
	return clones, nil
}

// runIDAt returns an id as the product would have made it at that time: ordered
// by the millisecond, random, and with room for the places of its task runs.
func runIDAt(at time.Time) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("new id: %w", err)
	}
	millis := at.UnixMilli()
	for i := range 6 {
		id[5-i] = byte(millis >> (8 * i))
	}
	id[13], id[14], id[15] = 0, 0, 0
	return id.String(), nil
}
