package persistencetest_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// TestLogsOfManyAttempts: many attempts print much at the same time, and each
// call is made again with other data, as after a lost reply, together with the
// next piece. Each log is complete, and no chunk that was stored has changed.
func TestLogsOfManyAttempts(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		const attempts, pieces, size = 8, 10, 50_000
		id, err := miniairflow.NewParentID()
		require.NoError(t, err)
		chunk := func(attempt, piece int, mark string) miniairflow.LogChunk {
			text := fmt.Sprintf("%s of piece %d, attempt %d. ", mark, piece, attempt)
			return miniairflow.LogChunk{Offset: int64(piece * size), Size: size, Data: bytes.Repeat([]byte(text), size/len(text))}
		}
		ended := make(chan error)
		for attempt := range attempts {
			key := miniairflow.AttemptKey{RunID: id, Seq: attempt % 2, Attempt: attempt + 1}
			go func() {
				var again []miniairflow.LogChunk
				for piece := range pieces {
					if err := db.AppendLog(t.Context(), key, append(again, chunk(attempt, piece, "first"))); err != nil {
						ended <- err
						return
					}
					again = []miniairflow.LogChunk{chunk(attempt, piece, "second")}
				}
				ended <- nil
			}()
		}
		for range attempts {
			require.NoError(t, <-ended)
		}
		for attempt := range attempts {
			key := miniairflow.AttemptKey{RunID: id, Seq: attempt % 2, Attempt: attempt + 1}
			stored, err := db.ReadLog(t.Context(), key, 0, 2*pieces)
			require.NoError(t, err)
			require.Len(t, stored, pieces)
			for piece, got := range stored {
				want := chunk(attempt, piece, "first")
				require.True(t, got.Offset == want.Offset && got.Size == want.Size && bytes.Equal(got.Data, want.Data), "piece %d of attempt %d", piece, attempt)
			}
		}
	})
}
