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

// measureSchedules measures how late the runs of workflows are that are all due
// in the same minute, and what as many workflows cost while none is due.
func measureSchedules(ctx context.Context, l *lab) (outcome report.Outcome, err error) {
	for _, on := range databases {
		row, err := l.measureLateness(ctx, on)
		if err != nil {
			return outcome, err
		}
		l.keep(&outcome, row)
		if row, err = l.measureIdle(ctx, on); err != nil {
			return outcome, err
		}
		l.keep(&outcome, row)
	}
	return outcome, nil
}

// scheduled returns workflows of one task without a process.
func (l *lab) scheduled(cron string) *catalog {
	return &catalog{
		n: pick(l, 50, 10_000, 10_000), graph: shape.Wide(1), task: shape.Task{Noop: true},
		head: fmt.Sprintf("schedule: %q\n", cron),
	}
}

// measureLateness lets all workflows become due at once. No worker is needed:
// what counts is when the rows of the runs were written.
func (l *lab) measureLateness(ctx context.Context, on database) (row report.Row, err error) {
	files := l.scheduled(everyMinute)
	row = report.Row{
		Name: fmt.Sprintf("%s workflows due in the same minute, run rows committed, p99 after the slot, %s", report.Number(float64(files.n)), on),
		Unit: "s", Target: 1, AtMost: true, Beside: map[string]float64{},
		Note: "a run's time is the one that its own transaction notes; that is committed some milliseconds later",
	}
	if on == onPostgres {
		row.Name += fmt.Sprintf(", %d schedulers", schedulersAtOnce)
	}
	s, err := l.newSystem(ctx, on, product.Config{Roles: []string{"api", "loader"}}, files.write)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	if err := s.awaitCatalog(ctx, files); err != nil {
		return row, err
	}
	// The schedulers begin early in a minute, so that they have planned all
	// workflows before the next one and none is due before the others.
	if err := product.Pause(ctx, untilRoom(time.Now(), pick(l, 5*time.Second, 45*time.Second, 45*time.Second))); err != nil {
		return row, err
	}
	stop, err := s.startSchedulers(ctx, on)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return row, err
	}
	var late, last []float64
	for range pick(l, 1, 1, 3) {
		slot, err := s.watchSlot(ctx, files.n)
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
	bare, err := s.bareRows(ctx, fmt.Sprintf("SELECT * FROM workflow_runs LIMIT %d", files.n))
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
		if err := s.Stop(); err != nil {
			return stop, err
		}
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
func (l *lab) measureIdle(ctx context.Context, on database) (row report.Row, err error) {
	files := l.scheduled(onceAYear)
	row = report.Row{
		Name: fmt.Sprintf("processor time of an idle server with %s scheduled workflows, %s", report.Number(float64(files.n)), on),
		Unit: "% of a core", Target: 1, AtMost: true, Beside: map[string]float64{},
	}
	s, err := l.newSystem(ctx, on, product.Config{Concurrency: slots}, files.write)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	if err := s.awaitCatalog(ctx, files); err != nil {
		return row, err
	}
	if err := s.awaitPlanned(ctx, files.n); err != nil {
		return row, err
	}
	if err := product.Pause(ctx, settleTime); err != nil {
		return row, err
	}
	ours, server, err := l.watchProcessors(ctx, s, pick(l, 2*time.Second, 20*time.Second, time.Minute))
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
