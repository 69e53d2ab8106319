package loader_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// benchFiles is how many files the benchmarks of a folder have.
const benchFiles = 2_000

// tenTasks returns a workflow of ten tasks, each after two of those before it.
func tenTasks() []byte {
	var text bytes.Buffer
	text.WriteString("description: as written\nmax_active_runs: 1000\ntasks:\n")
	for i := range 10 {
		fmt.Fprintf(&text, "  task-%d: {shell: sh, command: \"true\"", i)
		if i > 1 {
			fmt.Fprintf(&text, ", depends_on: [task-%d, task-%d]", i-2, i-1)
		}
		text.WriteString("}\n")
	}
	return text.Bytes()
}

// manyFiles writes files that were changed an hour ago.
func manyFiles(b *testing.B) (dir string) {
	b.Helper()
	dir = b.TempDir()
	old := time.Now().Add(-time.Hour)
	for i := range benchFiles {
		name := filepath.Join(dir, fmt.Sprintf("flow-%05d.yaml", i))
		require.NoError(b, os.WriteFile(name, tenTasks(), 0o644))
		require.NoError(b, os.Chtimes(name, old, old))
	}
	return dir
}

// BenchmarkSyncNew is the first sync of a folder.
func BenchmarkSyncNew(b *testing.B) {
	for name, open := range map[string]func(testing.TB) miniairflow.Store{"sqlite": persistencetest.SQLite, "postgres": persistencetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			dir := manyFiles(b)
			for b.Loop() {
				b.StopTimer()
				l := loader.New(loader.Config{Dir: dir, Store: open(b), Version: "1"})
				b.StartTimer()
				report, err := l.Sync(b.Context())
				require.NoError(b, err)
				require.Len(b, report.Created, benchFiles)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	text := tenTasks()
	for b.Loop() {
		_, problems := loader.Parse("flow.yaml", text, loader.Limits{})
		require.Empty(b, problems)
	}
}

// BenchmarkSyncKnown is the first sync of a loader that follows another one.
func BenchmarkSyncKnown(b *testing.B) {
	for name, open := range map[string]func(testing.TB) miniairflow.Store{"sqlite": persistencetest.SQLite, "postgres": persistencetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			config := loader.Config{Dir: manyFiles(b), Store: open(b), Version: "1", Lease: 1}
			_, err := loader.New(config).Sync(b.Context())
			require.NoError(b, err)
			for b.Loop() {
				report, err := loader.New(config).Sync(b.Context())
				require.NoError(b, err)
				require.Zero(b, report.Parsed)
			}
		})
	}
}
