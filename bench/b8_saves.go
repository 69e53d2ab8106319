package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/report"
)

// saveSeed makes the pauses between saves the same in each run.
const saveSeed = 8

// pauseMax bounds the pause before a save. Saves come at any moment, as people's
// do, and not in step with the loader.
const pauseMax = 100 * time.Millisecond

// measureSaves measures how long after a save the new version is in the
// database, and whether more files beside it make that longer.
func measureSaves(ctx context.Context, l *lab) (outcome report.Outcome, err error) {
	for _, on := range databases {
		rows, err := l.compareSaves(ctx, on, 10, pick(l, 50, 10_000, 10_000))
		if err != nil {
			return outcome, err
		}
		l.keep(&outcome, rows...)
	}
	return outcome, nil
}

// compareSaves saves a file again and again, in turns among few files and among
// many.
func (l *lab) compareSaves(ctx context.Context, on database, fewFiles, manyFiles int) (rows []report.Row, err error) {
	few, err := l.newDesk(ctx, on, fewFiles)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, few.close(ctx)) }()
	many, err := l.newDesk(ctx, on, manyFiles)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, many.close(ctx)) }()
	ratio := report.Row{
		Name: fmt.Sprintf("save → in the database among %s files, %s", report.Number(float64(manyFiles)), on),
		Unit: "ms", LimitName: fmt.Sprintf("among %d files", fewFiles), Target: 1.2, AtMost: true,
	}
	desks := []*desk{few, many}
	for range pick(l, 1, 3, 5) {
		for _, d := range desks {
			if err := d.work(ctx, pick(l, 5, 30, 40)); err != nil {
				ratio.Void = fmt.Sprintf("among %d files: %v", d.files.n, err)
				return []report.Row{ratio}, ctx.Err()
			}
		}
		ratio.Ours, ratio.Limit = append(ratio.Ours, report.Median(many.block)), append(ratio.Limit, report.Median(few.block))
	}
	for _, d := range desks {
		row := report.Row{
			Name: fmt.Sprintf("save → in the database, p99, among %s files, %s", report.Number(float64(d.files.n)), on),
			Unit: "ms", Target: 150, AtMost: true, Ours: []float64{report.Quantile(d.took, 0.99)},
			Beside: map[string]float64{"median, ms": report.Median(d.took), "longest, ms": report.Quantile(d.took, 1)},
		}
		if err := checkCatalog(ctx, d.db, d.files, d.files.n+d.saves); err != nil {
			row.Void = err.Error()
		}
		rows = append(rows, row)
	}
	return append(rows, ratio), ctx.Err()
}

// desk is where somebody edits one of the files of a running system.
type desk struct {
	*system
	files  *catalog
	db     *sql.DB
	pauses *rand.Rand
	saves  int
	took   []float64 // ms, of each save that counts
	block  []float64 // the last ones of them
}

// newDesk starts a system with n files, which is ready when one save has got
// through. The caller must close it.
func (l *lab) newDesk(ctx context.Context, on database, n int) (*desk, error) {
	d := &desk{files: tenTasks(n), pauses: rand.New(rand.NewPCG(saveSeed, uint64(n)))}
	var err error
	if d.system, err = l.newSystem(ctx, on, product.Config{Roles: []string{"api", "loader"}}, d.files.write); err != nil {
		return nil, err
	}
	if d.db, err = d.OpenDatabase(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database: %w", err), d.system.close(ctx))
	}
	if err := d.awaitCatalog(ctx, d.files); err != nil {
		return nil, errors.Join(err, d.close(ctx))
	}
	if _, err := d.save(ctx); err != nil {
		return nil, errors.Join(err, d.close(ctx))
	}
	return d, nil
}

func (d *desk) close(ctx context.Context) error {
	return errors.Join(d.db.Close(), d.system.close(ctx))
}

// work saves a file n times, each time when the last one is in the database.
func (d *desk) work(ctx context.Context, n int) error {
	d.block = d.block[:0]
	for range n {
		if err := product.Pause(ctx, time.Duration(d.pauses.Int64N(int64(pauseMax)))); err != nil {
			return err
		}
		took, err := d.save(ctx)
		if err != nil {
			return err
		}
		d.block = append(d.block, 1e3*took.Seconds())
	}
	d.took = append(d.took, d.block...)
	return nil
}

// save changes the file in the middle and returns how long it takes, from the
// first byte written on, until the change is in the database.
func (d *desk) save(ctx context.Context) (time.Duration, error) {
	d.saves++
	description := fmt.Sprintf("save %d", d.saves)
	changed := d.files.n / 2
	began := time.Now()
	if err := d.files.save(d.Dags, changed, description); err != nil {
		return 0, err
	}
	if err := awaitDescription(ctx, d.db, d.files.name(changed), description, narrowGap); err != nil {
		return 0, err
	}
	return time.Since(began), nil
}
