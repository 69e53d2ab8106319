package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// hopsUnderFlood measures the time per hop of a chain while another run of the
// same system floods its log, beside the chain alone.
func (l *lab) hopsUnderFlood(ctx context.Context, on database, path string) (row report.Row, err error) {
	chain, flood := shape.Chain(pick(l, 10, 50, 50)), shape.Chain(pick(l, 20, 11, 11))
	row = report.Row{
		Name: fmt.Sprintf("chain of %d while another run prints, %s", chain.Len(), on), Unit: "ms/hop", LimitName: "the chain alone", Target: 1.2, AtMost: true,
	}
	// One task at a time floods, so that slots are free, and each prints less than
	// what is kept of one, so that everything is stored.
	script := catScript(path, pick(l, 20, 10, 10))
	s, err := l.newSystem(ctx, on, product.Config{Concurrency: slots}, func(dags string) error {
		return errors.Join(
			workflows(shape.Task{Script: trueScript}, chain)(dags),
			workflows(shape.Task{Script: script}, flood)(dags))
	})
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	if _, err := s.Play(ctx, chain); err != nil { // the first one only warms up
		return row, err
	}
	for range pick(l, 1, 2, 5) {
		alone, err := s.Play(ctx, chain)
		if err != nil {
			row.Void = err.Error()
			return row, ctx.Err()
		}
		beside, err := s.playBeside(ctx, chain, flood)
		if err != nil {
			row.Void = err.Error()
			return row, ctx.Err()
		}
		row.Ours = append(row.Ours, hopMillis(beside))
		row.Limit = append(row.Limit, hopMillis(alone))
	}
	if on == databases[0] {
		row.Note = "the task that prints, what stores its output and the chain share the cores of the machine; the ratio is as it was measured."
	}
	return row, nil
}

// playBeside plays the chain while the flood runs, and returns the run of the
// chain once the flood is over.
func (s *system) playBeside(ctx context.Context, chain, flood *shape.Graph) (*product.Run, error) {
	id, err := s.API.Trigger(ctx, flood.Name)
	if err != nil {
		return nil, err
	}
	if err := s.awaitOutput(ctx, id); err != nil {
		return nil, err
	}
	run, err := s.Play(ctx, chain)
	if err != nil {
		return nil, err
	}
	if err := s.API.Wait(ctx, id); err != nil {
		return nil, err
	}
	flooded, err := s.Checked(ctx, flood, id)
	if err != nil {
		return nil, err
	}
	if flooded.Finished.Before(run.Finished) {
		return nil, fmt.Errorf("the flood was over %s before the chain", run.Finished.Sub(flooded.Finished))
	}
	return run, nil
}

// awaitOutput waits until output of a run is stored.
func (s *system) awaitOutput(ctx context.Context, run string) (err error) {
	logs, err := s.OpenLogs()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, logs.Close()) }()
	return await(ctx, func() (bool, error) {
		size, err := logs.Size(ctx, run)
		return size > 0, err
	})
}

// hopMillis returns the time from the start of one task of a chain to the next.
func hopMillis(run *product.Run) float64 {
	return 1e3 * run.Finished.Sub(run.Tasks[0].Started).Seconds() / float64(len(run.Tasks))
}
