package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// Schedules of the workflows: all due in each minute, and none for long.
const (
	everyMinute = "* * * * *"
	onceAYear   = "0 0 1 1 *"
)

// schedulersAtOnce is how many schedulers share a PostgreSQL.
const schedulersAtOnce = 3

// settleTime is what a process gets to end what its start left to be done.
const settleTime = 3 * time.Second

// roomToPlan is what the schedulers get to plan all workflows before the minute
// in which these are due.
const roomToPlan = 15 * time.Second

// measureSchedules measures how late the runs of workflows are that are all due
// in the same minute, and what as many workflows cost while none is due.
func measureSchedules(ctx context.Context, l *lab) (outcome report.Outcome, err error) {
	for _, on := range databases {
		if err := l.schedules(ctx, on, &outcome); err != nil {
			return outcome, err
		}
	}
	return outcome, nil
}

// schedules loads workflows of one task without a process, measures them while
// they are idle, and then lets them become due.
func (l *lab) schedules(ctx context.Context, on database, outcome *report.Outcome) (err error) {
	files := &catalog{
		n: pick(l, 50, 10_000, 10_000), graph: shape.Wide(1), task: shape.Task{Noop: true},
		head: fmt.Sprintf("schedule: %q\n", onceAYear),
	}
	s, err := l.newSystem(ctx, on, product.Config{Concurrency: slots}, files.write)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	if err := s.awaitCatalog(ctx, files); err != nil {
		return err
	}
	if err := s.awaitPlanned(ctx, files.n); err != nil {
		return err
	}
	idle, err := s.measureIdle(ctx, on, files.n)
	if err != nil {
		return err
	}
	if err := s.Stop(); err != nil {
		return err
	}
	late, err := s.measureLateness(ctx, on, files.n)
	l.keep(outcome, late, idle)
	return err
}

// measureLateness lets all workflows of a stopped system become due at once. No
// worker is needed: what counts is when the rows of the runs were written.
func (s *system) measureLateness(ctx context.Context, on database, n int) (row report.Row, err error) {
	row = report.Row{
		Name: fmt.Sprintf("%s workflows due in the same minute, run rows committed, p99 after the slot, %s", report.Number(float64(n)), on),
		Unit: "s", Target: 1, AtMost: true, Beside: map[string]float64{},
		Note: "a run's time is the one that its own transaction notes; that is committed some milliseconds later",
	}
	if on == onPostgres {
		row.Name += fmt.Sprintf(", %d schedulers", schedulersAtOnce)
	}
	// They begin early enough in a minute to plan all workflows before the next one,
	// so that none is due before the others.
	if err := product.Pause(ctx, untilRoom(time.Now(), pick(s.lab, roomToPlan/3, roomToPlan, roomToPlan))); err != nil {
		return row, err
	}
	at, err := s.makeFrequent(ctx, s.lab.size == smoke)
	if err != nil {
		return row, err
	}
	stop, err := s.startSchedulers(ctx, on)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return row, err
	}
	var late, last []float64
	for range pick(s.lab, 1, 1, 3) {
		slot, err := s.watchSlot(ctx, n, at)
		if err != nil {
			row.Void = err.Error()
			return row, ctx.Err()
		}
		row.Ours = append(row.Ours, report.Quantile(slot.late, 0.99))
		late, last = append(late, slot.late...), append(last, slot.done.Seconds())
	}
	row.Beside["median, s"], row.Beside["all visible, s"] = report.Median(late), report.Median(last)
	if err := stop(); err != nil {
		return row, err
	}
	bare, err := s.bareRows(ctx, fmt.Sprintf("SELECT * FROM workflow_runs LIMIT %d", n))
	row.Beside["the same rows in one transaction, s"] = bare.Seconds()
	return row, err
}

// untilRoom returns how long to wait until a minute has at least so much left.
func untilRoom(now time.Time, need time.Duration) time.Duration {
	left := now.Truncate(time.Minute).Add(time.Minute).Sub(now)
	if left >= need {
		return 0
	}
	return left
}

// startSchedulers lets the workflows become due. The caller must call stop, even
// after an error; more than once does no harm.
func (s *system) startSchedulers(ctx context.Context, on database) (stop func() error, err error) {
	var processes []*product.Process
	stop = func() error {
		var errs []error
		for _, p := range processes {
			errs = append(errs, p.Stop())
		}
		return errors.Join(errs...)
	}
	if on == onSQLite {
		// One process owns the file. It need not load again what is loaded.
		p, err := s.start(ctx, "", []string{"api", "scheduler"}, 1)
		if err != nil {
			return stop, err
		}
		processes = append(processes, p)
		return stop, nil
	}
	for i := range schedulersAtOnce {
		p, err := s.start(ctx, fmt.Sprintf("scheduler-%d", i+1), []string{"scheduler"}, 1)
		if err != nil {
			return stop, err
		}
		processes = append(processes, p)
	}
	return stop, nil
}

// measureIdle measures what a whole server takes of a core while nothing is due.
func (s *system) measureIdle(ctx context.Context, on database, n int) (row report.Row, err error) {
	row = report.Row{
		Name: fmt.Sprintf("processor time of an idle server with %s scheduled workflows, %s", report.Number(float64(n)), on),
		Unit: "% of a core", Target: 1, AtMost: true, Beside: map[string]float64{},
	}
	if err := product.Pause(ctx, pick(s.lab, settleTime/3, settleTime, settleTime)); err != nil {
		return row, err
	}
	ours, server, err := s.lab.watchProcessors(ctx, s, pick(s.lab, time.Second, 30*time.Second, time.Minute))
	if err != nil {
		return row, err
	}
	row.Ours = []float64{ours}
	if on == onPostgres {
		row.Beside["PostgreSQL beside it, % of a core"] = server
	}
	if err := s.checkIdle(ctx); err != nil {
		row.Void = err.Error()
	}
	return row, ctx.Err()
}

// watchProcessors returns how much of a core the product's process and the
// database server use for a while, in percent.
func (l *lab) watchProcessors(ctx context.Context, s *system, d time.Duration) (ours, server float64, err error) {
	read := func() (ours, server time.Duration, err error) {
		usage, err := s.Usage()
		if err != nil {
			return 0, 0, err
		}
		server, err = l.server.CPU()
		return usage.CPU, server, err
	}
	oursBefore, serverBefore, err := read()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := product.Pause(ctx, d); err != nil {
		return 0, 0, err
	}
	oursAfter, serverAfter, err := read()
	if err != nil {
		return 0, 0, err
	}
	took := time.Since(began)
	percent := func(used time.Duration) float64 { return 100 * used.Seconds() / took.Seconds() }
	return percent(oursAfter - oursBefore), percent(serverAfter - serverBefore), nil
}
