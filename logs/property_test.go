package logs_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/logs"
)

// masked is the definition of masking: at each place the longest secret goes.
func masked(text string, secrets []string) string {
	var out strings.Builder
	for text != "" {
		longest := ""
		for _, secret := range secrets {
			if len(secret) > len(longest) && strings.HasPrefix(text, secret) {
				longest = secret
			}
		}
		if longest == "" {
			out.WriteByte(text[0])
			text = text[1:]
			continue
		}
		out.WriteString("***")
		text = text[len(longest):]
	}
	return out.String()
}

// TestStoredIsWrittenWithMaskApplied writes random bytes of a small alphabet,
// so that secrets occur, overlap and begin without ending, in random pieces, to
// a store that fails now and then, before or after it has stored.
func TestStoredIsWrittenWithMaskApplied(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[abc\n\x00]{0,300}`).Draw(t, "text")
		secrets := rapid.SliceOfN(rapid.StringMatching(`[abc]{0,5}`), 0, 4).Draw(t, "secrets")
		flushBytes := rapid.IntRange(1, 40).Draw(t, "flush bytes")
		faults := rapid.SliceOfN(rapid.SampledFrom([]string{"", "refused", "reply lost"}), 0, 20).Draw(t, "faults")
		store := newMemory()
		store.outcome = func(n int) (bool, error) {
			if n >= len(faults) || faults[n] == "" {
				return true, nil
			}
			return faults[n] == "reply lost", miniairflow.Errorf(miniairflow.CodeUnavailable, "gone")
		}
		w := logs.NewWriter(store, key, logs.WriterConfig{FlushBytes: flushBytes, BufferBytes: 64, Mask: secrets, FlushInterval: 1, RetryDelay: 1})
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			write(t, w, rest[:n])
			rest = rest[n:]
		}
		require.NoError(t, w.Close(context.Background()))
		want := masked(text, secrets)
		require.Equal(t, want, stored(t, store, flushBytes))

		offset := rapid.IntRange(0, len(want)+3).Draw(t, "offset")
		limit := rapid.IntRange(0, len(want)+3).Draw(t, "limit")
		data, next, err := logs.Read(context.Background(), store, key, int64(offset), limit)
		require.NoError(t, err)
		from, to := min(offset, len(want)), min(offset+limit, len(want))
		require.Equal(t, want[from:to], string(data))
		require.Equal(t, int64(max(offset, to)), max(next, int64(offset)))

		var copied bytes.Buffer
		n, err := logs.Copy(context.Background(), &copied, store, key, int64(offset))
		require.NoError(t, err)
		require.Equal(t, want[from:], copied.String())
		require.Equal(t, int64(len(want)-from), n)
	})
}
