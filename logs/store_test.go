package logs_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/logs"
)

// memory is a LogStore in a map, with the contract of the real ones and a
// database that a test can take away.
type memory struct {
	mu     sync.Mutex
	chunks map[int64]miniairflow.LogChunk
	calls  int
	// outcome decides the n-th append, counted from 0: whether it happens, and
	// what the caller hears. nil: it happens and succeeds.
	outcome func(n int) (stored bool, err error)
	// gate, if set, blocks appends until it is closed or ctx is done.
	gate  chan struct{}
	asked atomic.Int32 // appends that have begun
}

func newMemory() *memory { return &memory{chunks: map[int64]miniairflow.LogChunk{}} }

func (m *memory) AppendLog(ctx context.Context, _ miniairflow.AttemptKey, chunks []miniairflow.LogChunk) error {
	m.asked.Add(1)
	if m.gate != nil {
		select {
		case <-m.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	stored, err := true, error(nil)
	if m.outcome != nil {
		stored, err = m.outcome(m.calls)
	}
	m.calls++
	for _, chunk := range chunks {
		if _, ok := m.chunks[chunk.Offset]; stored && !ok {
			m.chunks[chunk.Offset] = chunk
		}
	}
	return err
}

func (m *memory) ReadLog(_ context.Context, _ miniairflow.AttemptKey, offset int64, limit int) ([]miniairflow.LogChunk, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []miniairflow.LogChunk
	for _, at := range slices.Sorted(maps.Keys(m.chunks)) {
		if chunk := m.chunks[at]; at+int64(chunk.Size) > offset && len(found) < limit {
			found = append(found, chunk)
		}
	}
	return found, nil
}

func (m *memory) LogSize(context.Context, miniairflow.AttemptKey) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var size int64
	for at, chunk := range m.chunks {
		size = max(size, at+int64(chunk.Size))
	}
	return size, nil
}

// count returns how many appends were asked for.
func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

var key = miniairflow.AttemptKey{RunID: uuid.MustParse("01890000-0000-7000-8000-000000000000"), Attempt: 1}

// tb is what testing.T and rapid.T have in common.
type tb interface {
	require.TestingT
	Helper()
}

// stored returns the whole log and checks that its chunks are contiguous and
// none is larger than chunkMax.
func stored(t tb, store miniairflow.LogStore, chunkMax int) string {
	t.Helper()
	var next int64
	for {
		chunks, err := store.ReadLog(context.Background(), key, next, 1000)
		require.NoError(t, err)
		if len(chunks) == 0 {
			break
		}
		for _, chunk := range chunks {
			require.Equal(t, next, chunk.Offset)
			require.LessOrEqual(t, chunk.Size, chunkMax)
			require.Positive(t, chunk.Size)
			next += int64(chunk.Size)
		}
	}
	data, end, err := logs.Read(context.Background(), store, key, 0, int(next)+1)
	require.NoError(t, err)
	require.GreaterOrEqual(t, end, next) // more may have come meanwhile
	return string(data[:next])
}

func write(t tb, w *logs.Writer, text string) {
	t.Helper()
	n, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.Equal(t, len(text), n)
}

func finish(t *testing.T, w *logs.Writer) {
	t.Helper()
	require.NoError(t, w.Close(t.Context()))
}
