package logs_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/logs"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// TestRealStores writes megabytes in pieces of any size and reads them back,
// whole and in parts.
func TestRealStores(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		random := rand.New(rand.NewPCG(1, 2))
		var text strings.Builder
		for text.Len() < 3<<20 {
			text.WriteString([]string{"a line of output\n", "password=hunter2 ", "\x00\xff", "…\r"}[random.IntN(4)])
		}
		w := logs.NewWriter(store, key, logs.WriterConfig{FlushInterval: time.Millisecond, Mask: []string{"hunter2"}})
		for rest := text.String(); rest != ""; {
			n := min(len(rest), 1+random.IntN(50_000))
			write(t, w, rest[:n])
			rest = rest[n:]
		}
		finish(t, w)
		want := strings.ReplaceAll(text.String(), "hunter2", "***")
		size, err := store.LogSize(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, int64(len(want)), size)
		requireSame(t, want, stored(t, store, 64<<10))

		var copied bytes.Buffer
		_, err = logs.Copy(t.Context(), &copied, store, key, 1_000_000)
		require.NoError(t, err)
		requireSame(t, want[1_000_000:], copied.String())
		for range 50 {
			offset, limit := random.IntN(len(want)), random.IntN(100_000)
			data, next, err := logs.Read(t.Context(), store, key, int64(offset), limit)
			require.NoError(t, err)
			end := min(offset+limit, len(want))
			requireSame(t, want[offset:end], string(data))
			require.Equal(t, int64(end), next)
		}

		none := miniairflow.AttemptKey{RunID: key.RunID, Seq: 1, Attempt: 1}
		data, next, err := logs.Read(t.Context(), store, none, 0, 10)
		require.NoError(t, err)
		require.Empty(t, data)
		require.Zero(t, next)
	})
}

// requireSame compares megabytes, whose difference is not for printing.
func requireSame(t *testing.T, want, got string) {
	t.Helper()
	if want != got {
		require.Fail(t, "the log is not what was written")
	}
}
