package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
)

// Bounds of what `run` prints of its tasks.
const (
	taskOutputTasksMax  = 100 // a workflow with more tasks prints none, unless asked to
	taskOutputFollowers = 16  // logs that are read at a time; others follow when these are over
)

// taskOutput prints what the tasks of a run print, while they run, each line
// with the name of its task. A nil one prints nothing.
type taskOutput struct {
	client *client
	show   *progress
	slots  chan struct{}
	known  map[string]bool // attempts whose logs are printed, by task run and number
	all    sync.WaitGroup
}

func newTaskOutput(c *client, show *progress) *taskOutput {
	return &taskOutput{client: c, show: show, slots: make(chan struct{}, taskOutputFollowers), known: map[string]bool{}}
}

// follow begins to print the logs of attempts that are new among the tasks.
func (o *taskOutput) follow(ctx context.Context, tasks []taskRunView) {
	if o == nil {
		return
	}
	for i := range tasks {
		t := tasks[i]
		key := fmt.Sprint(t.ID, "/", t.Attempt)
		if t.Attempt == 0 || o.known[key] {
			continue
		}
		o.known[key] = true
		o.all.Go(func() {
			select {
			case o.slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			defer func() { <-o.slots }()
			w := &lineWriter{prefix: t.Name + " | ", print: o.show.note}
			// A log that cannot be read to its end is one of a run that was given up.
			_ = o.client.followLog(ctx, w, t.ID, t.Attempt, 0)
			w.flush()
		})
	}
}

// wait returns when every log is printed to its end.
func (o *taskOutput) wait() {
	if o != nil {
		o.all.Wait()
	}
}

// lineWriter hands on whole lines, made safe for a terminal.
type lineWriter struct {
	prefix string
	print  func(lines ...string)
	rest   []byte
}

// lineMax is where a line without an end is cut.
const lineMax = 64 << 10

// Write implements io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	var lines []string
	for {
		end := bytes.IndexByte(w.rest, '\n')
		next := end + 1
		if end < 0 {
			if len(w.rest) < lineMax {
				break
			}
			end, next = lineMax, lineMax
		}
		lines = append(lines, w.line(w.rest[:end]))
		w.rest = w.rest[next:]
	}
	if len(lines) > 0 {
		w.print(lines...)
	}
	return len(p), nil
}

// flush prints a last line that has no end.
func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.print(w.line(w.rest))
		w.rest = nil
	}
}

func (w *lineWriter) line(text []byte) string {
	return w.prefix + printable(strings.TrimRight(string(text), "\r"))
}
