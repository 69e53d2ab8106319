package runner_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
)

// slotWorkflows is how many workflows are due at the same time.
const slotWorkflows = 10_000

// BenchmarkSlot measures how long schedulers take to make the runs of workflows
// that are all due at the same time, while they also start them; and how long if
// they have missed every minute of a week.
func BenchmarkSlot(b *testing.B) {
	for _, missed := range []time.Duration{0, 7 * 24 * time.Hour} {
		b.Run(fmt.Sprintf("sqlite/missed=%s", missed), func(b *testing.B) {
			benchmarkSlot(b, missed, func() []miniairflow.Store { return []miniairflow.Store{persistencetest.SQLite(b)} })
		})
		b.Run(fmt.Sprintf("postgres/missed=%s", missed), func(b *testing.B) {
			benchmarkSlot(b, missed, func() (stores []miniairflow.Store) {
				url := persistencetest.PostgresURL(b)
				for range 3 {
					stores = append(stores, persistencetest.Open(b, url))
				}
				return stores
			})
		})
	}
}

func benchmarkSlot(b *testing.B, missed time.Duration, open func() []miniairflow.Store) {
	var used time.Duration
	cron := "0 * * * *"
	if missed > 0 {
		cron = "* * * * *"
	}
	for b.Loop() {
		b.StopTimer()
		stores := open()
		s := newSystem(b, stores[0])
		files := map[string]string{}
		for i := range slotWorkflows {
			files[fmt.Sprintf("w%05d.yaml", i)] = "schedule: \"" + cron + "\"\ntasks: {a: {noop: true}}"
		}
		s.load(files)
		s.aim(slotWorkflows, time.Now().Truncate(time.Hour).Add(-missed))
		before := processorTime(b)
		b.StartTimer()
		all := &moves{done: make(chan struct{})}
		var schedulers []*process
		for _, store := range stores {
			schedulers = append(schedulers, spawn(b, runner.NewScheduler(runner.SchedulerConfig{Store: counting{store, all}, Evaluator: expression.New()}).Run))
		}
		<-all.done
		b.StopTimer()
		used += processorTime(b) - before
		for _, scheduler := range schedulers {
			scheduler.stop(b)
		}
		b.StartTimer()
	}
	b.ReportMetric(used.Seconds()/float64(b.N), "cpu-s/op")
}

// moves counts the cursors that have moved; done is closed after the last one.
type moves struct {
	count atomic.Int64
	done  chan struct{}
}

// counting is a store that counts the cursors that FireDue moves.
type counting struct {
	miniairflow.Store
	all *moves
}

func (c counting) FireDue(ctx context.Context, limit int, plan miniairflow.FirePlan) (miniairflow.DueSchedules, int, error) {
	due, moved, err := c.Store.FireDue(ctx, limit, plan)
	if moved > 0 && c.all.count.Add(int64(moved)) == slotWorkflows {
		close(c.all.done)
	}
	return due, moved, err
}

// processorTime returns what this process has used of processors so far.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
