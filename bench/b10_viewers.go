package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/product"
)

// Bounds of one look at a crowd.
const (
	dialsAtOnce   = 16
	watchOverrun  = time.Minute // by which the runs may end later than planned
	stalledBuffer = 4096        // bytes, of a client that does not read
)

// watchText asks for what a page of a run shows.
const watchText = `subscription ($id: ID!) { workflowRunUpdated(id: $id) { revision workflowRun { status finishedAt }
	changedTaskRuns { id index name status attempt startedAt finishedAt } } }`

// watched is what a crowd has seen.
type watched struct {
	latencies []float64 // ms, of each delivery to those who read
	perSecond float64   // deliveries
	cores     float64   // that the server has used
	sample    []byte    // a delivery
}

// watch triggers the runs and lets the subscribers watch until all runs are over.
// So many of them never read. Each of the others must see the end of every task.
func (s *system) watch(ctx context.Context, c *crowd, stalled int) (*watched, error) {
	ctx, cancel := context.WithTimeout(ctx, c.tick(c.ticks)+watchOverrun)
	defer cancel()
	viewers := make([]*viewer, c.subscribers)
	runs := make([]string, c.runs)
	for i := range runs {
		var err error
		if runs[i], err = s.API.Trigger(ctx, c.workflow); err != nil {
			return nil, err
		}
	}
	for i := range viewers {
		// Those who do not read come first, so each of them has others beside it.
		viewers[i] = &viewer{run: runs[i%len(runs)], isStalled: i < stalled, ended: make([]bool, c.ticks)}
	}
	cores, err := s.live(ctx, viewers)
	if err != nil {
		return nil, err
	}
	w := gather(viewers)
	w.cores = cores
	if len(w.latencies) == 0 || w.sample == nil {
		return nil, errors.New("all changes came before the subscribers")
	}
	return w, nil
}

// live runs the viewers until those who read have seen the end, and returns how
// many cores the server has used from when all had connected.
func (s *system) live(ctx context.Context, viewers []*viewer) (cores float64, err error) {
	var connected, readers, others sync.WaitGroup
	over, dials := make(chan struct{}), make(chan struct{}, dialsAtOnce)
	connected.Add(len(viewers))
	for _, v := range viewers {
		group := &readers
		if v.isStalled {
			group = &others
		}
		group.Go(func() { v.err = v.live(ctx, s.API, dials, connected.Done, over) })
	}
	connected.Wait()
	began := time.Now()
	before, err := s.Usage()
	readers.Wait()
	after, afterErr := s.Usage()
	took := time.Since(began)
	close(over)
	others.Wait()
	err = errors.Join(err, afterErr)
	for i, v := range viewers {
		if v.err != nil {
			return 0, errors.Join(fmt.Errorf("subscriber %d: %w", i, v.err), err)
		}
	}
	return (after.CPU - before.CPU).Seconds() / took.Seconds(), err
}

// gather adds up what the viewers have seen.
func gather(viewers []*viewer) *watched {
	w := &watched{}
	var first, last time.Time
	for _, v := range viewers {
		w.latencies = append(w.latencies, v.latencies...)
		if len(v.latencies) == 0 {
			continue
		}
		if w.sample == nil {
			w.sample = v.sample
		}
		if first.IsZero() || v.first.Before(first) {
			first = v.first
		}
		if v.last.After(last) {
			last = v.last
		}
	}
	w.perSecond = float64(len(w.latencies)) / last.Sub(first).Seconds()
	return w
}

// viewer is one subscriber of one run, and what it has seen.
type viewer struct {
	run       string
	isStalled bool
	err       error

	ended       []bool // of each task: it was seen to be over
	isOver      bool   // so was the run
	latencies   []float64
	first, last time.Time // arrivals that count
	sample      []byte
}

// runUpdate is what comes.
type runUpdate struct {
	WorkflowRunUpdated struct {
		WorkflowRun     struct{ FinishedAt *time.Time }
		ChangedTaskRuns []struct {
			Index                 int
			StartedAt, FinishedAt *time.Time
		}
	}
}

// live subscribes and reads until the run is over, or does not read until the
// others have.
func (v *viewer) live(ctx context.Context, api *product.Client, dials chan struct{}, connected func(), over <-chan struct{}) error {
	socket, err := v.subscribe(ctx, api, dials)
	connected()
	if err != nil {
		return err
	}
	defer socket.Close()
	if v.isStalled {
		select {
		case <-over:
		case <-ctx.Done():
		}
		return nil
	}
	return v.read(ctx, socket)
}

func (v *viewer) subscribe(ctx context.Context, api *product.Client, dials chan struct{}) (*product.Socket, error) {
	select {
	case dials <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-dials }()
	sub := product.Subscription{Text: watchText, Variables: map[string]any{"id": v.run}}
	if v.isStalled {
		sub.ReceiveBuffer = stalledBuffer
	}
	return api.Subscribe(ctx, sub)
}

// read reads to the end. The first update is the state of the whole run, which is
// no news, so it does not count.
func (v *viewer) read(ctx context.Context, socket *product.Socket) error {
	for isNews := false; ; isNews = true {
		update, err := socket.Next(ctx)
		if errors.Is(err, io.EOF) {
			return v.checkEnd()
		}
		if err != nil {
			return err
		}
		var got runUpdate
		if err := json.Unmarshal(update.Data, &got); err != nil {
			return fmt.Errorf("decode update: %w", err)
		}
		newest, err := v.see(&got)
		if err != nil {
			return err
		}
		if !isNews || newest.IsZero() {
			continue
		}
		if v.first.IsZero() {
			v.first, v.sample = update.At, update.Message
		}
		v.last = update.At
		v.latencies = append(v.latencies, 1e3*update.At.Sub(newest).Seconds())
	}
}

// see notes what is over, and returns when the newest change of a task run was;
// zero: there was none.
func (v *viewer) see(got *runUpdate) (newest time.Time, err error) {
	v.isOver = got.WorkflowRunUpdated.WorkflowRun.FinishedAt != nil
	for _, task := range got.WorkflowRunUpdated.ChangedTaskRuns {
		if task.Index < 0 || task.Index >= len(v.ended) {
			return newest, fmt.Errorf("a change of task run %d, and there are %d", task.Index, len(v.ended))
		}
		v.ended[task.Index] = task.FinishedAt != nil
		for _, at := range []*time.Time{task.StartedAt, task.FinishedAt} {
			if at != nil && at.After(newest) {
				newest = *at
			}
		}
	}
	return newest, nil
}

// checkEnd returns an error unless the end of every task was seen.
func (v *viewer) checkEnd() error {
	for i, ended := range v.ended {
		if !ended {
			return fmt.Errorf("the end of task run %d of run %s never came", i, v.run)
		}
	}
	if !v.isOver {
		return fmt.Errorf("the end of run %s never came", v.run)
	}
	return nil
}
