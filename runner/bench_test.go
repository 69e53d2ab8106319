package runner_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
)

// BenchmarkChain measures the time from one task's end to the next one's, and
// BenchmarkWide how many tasks end in a second, both without any process.
func BenchmarkChain(b *testing.B) {
	const tasks = 200
	var text strings.Builder
	text.WriteString("tasks:\n  t0: {noop: true}\n")
	for i := 1; i < tasks; i++ {
		fmt.Fprintf(&text, "  t%d: {noop: true, depends_on: [t%d]}\n", i, i-1)
	}
	benchmark(b, text.String(), tasks)
}

// BenchmarkWide is described at BenchmarkChain.
func BenchmarkWide(b *testing.B) {
	const tasks = 2000
	var text strings.Builder
	text.WriteString("max_active_tasks: 1000\ntasks:\n")
	for i := range tasks {
		fmt.Fprintf(&text, "  t%d: {noop: true}\n", i)
	}
	benchmark(b, text.String(), tasks)
}

func benchmark(b *testing.B, workflow string, tasks int) {
	for name, open := range map[string]func(testing.TB) miniairflow.Store{"sqlite": persistencetest.SQLite, "postgres": persistencetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			s := newSystem(b, open(b))
			s.load(map[string]string{"w.yaml": workflow})
			s.scheduler()
			config := s.config("w1")
			config.Concurrency = 32
			spawn(b, runner.NewWorker(config).Run)
			for b.Loop() {
				require.Equal(b, miniairflow.RunSuccess, s.finish(s.trigger("w", nil)).Status)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*tasks), "µs/task")
		})
	}
}
