package graph_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// chunkOf is a piece of a log as the API shows it.
type chunkOf struct {
	Attempt            int
	Offset, NextOffset int64
	Text               string
	IsComplete         bool
}

const chunkFields = `{ attempt offset text nextOffset isComplete }`

// write appends text to the log of a claim.
func (w *world) write(t *testing.T, c miniairflow.Claim, offset int64, text string) int64 {
	t.Helper()
	encoder, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	defer encoder.Close()
	chunk := miniairflow.LogChunk{Offset: offset, Size: len(text), Data: encoder.EncodeAll([]byte(text), nil)}
	key := miniairflow.AttemptKey{RunID: c.RunID, Seq: c.Seq, Attempt: c.Attempt}
	require.NoError(t, w.store.AppendLog(t.Context(), key, []miniairflow.LogChunk{chunk}))
	return offset + int64(len(text))
}

// readLog reads a whole log through the API in pieces of at most limit bytes.
func (w *world) readLog(t *testing.T, id uuid.UUID, from int64, limit int) (text string, end int64, complete bool) {
	t.Helper()
	for {
		var got struct{ TaskRun struct{ Logs chunkOf } }
		w.ask(t, `query($id: ID!, $from: Int64, $limit: Int) { taskRun(id: $id) { logs(fromOffset: $from, limit: $limit) `+chunkFields+` } }`,
			vars{"id": id, "from": from, "limit": limit}, &got)
		c := got.TaskRun.Logs
		require.True(t, utf8.ValidString(c.Text))
		text += c.Text
		if c.NextOffset == from || c.IsComplete {
			return text, c.NextOffset, c.IsComplete
		}
		from = c.NextOffset
	}
}

// TestLogTextIsNeverCutInsideCharacter reads a text of long characters with
// every small limit.
func TestLogTextIsNeverCutInsideCharacter(t *testing.T) {
	w := newWorld(t, persistencetest.SQLite(t))
	w.save(t, workflow("text", "a"))
	w.started(t, "text")
	claim := w.work(t, 1)[0]
	id := miniairflow.MemberID(claim.RunID, claim.Seq)
	const text = "aé漢🙂 ends with \xff bad and 漢"
	const shown = "aé漢🙂 ends with \uFFFD bad and 漢"
	offset := w.write(t, claim, 0, text[:7]) // the chunk ends inside 🙂
	got, end, complete := w.readLog(t, id, 0, 1000)
	require.Equal(t, "aé漢", got, "a character that is not there yet waits")
	require.EqualValues(t, 6, end)
	require.False(t, complete)

	w.write(t, claim, offset, text[7:])
	for limit := 1; limit < 20; limit++ {
		got, _, complete := w.readLog(t, id, 0, limit)
		require.Equal(t, shown, got, "limit %d", limit)
		require.False(t, complete)
	}
	w.work(t, 0, succeed(claim))
	got, end, complete = w.readLog(t, id, 0, 5)
	require.Equal(t, shown, got)
	require.True(t, complete)
	require.EqualValues(t, len(text), end)

	got, _, _ = w.readLog(t, id, -4, 100)
	require.Equal(t, " 漢", got)
	got, _, _ = w.readLog(t, id, -2, 100)
	require.Empty(t, got, "a start inside a character moves behind it")
	got, _, _ = w.readLog(t, id, -1000, 100)
	require.Equal(t, shown, got)
	got, end, complete = w.readLog(t, id, 1000, 100)
	require.Empty(t, got)
	require.True(t, complete)
	require.EqualValues(t, 1000, end)
}

func TestLogOfAttemptThatIsNotThere(t *testing.T) {
	w := newWorld(t, persistencetest.SQLite(t))
	w.save(t, workflow("empty", "a"))
	run := w.started(t, "empty")
	id := miniairflow.MemberID(run, 0)
	got, _, complete := w.readLog(t, id, 0, 100)
	require.Empty(t, got)
	require.False(t, complete)
	query := `query($id: ID!, $n: Int, $limit: Int) { taskRun(id: $id) { logs(attempt: $n, limit: $limit) { text } } }`
	require.Equal(t, miniairflow.CodeNotFound, w.code(t, query, vars{"id": id, "n": 7}))
	require.Equal(t, miniairflow.CodeNotFound, w.code(t, query, vars{"id": id, "n": -1}))
	require.Equal(t, miniairflow.CodeInvalid, w.code(t, query, vars{"id": id, "limit": 0}))
	require.Equal(t, miniairflow.CodeInvalid, w.code(t, query, vars{"id": id, "limit": 1<<20 + 1}))
}

// TestLogIsWatchedLive joins before the task starts, in the middle, and after
// its end: all see the same bytes, in order, without gap or repetition.
func TestLogIsWatchedLive(t *testing.T) {
	eachTransport(t, func(t *testing.T, w *world, open func(*testing.T, string, vars) *source) {
		name := "live-" + uuid.NewString()
		w.save(t, workflow(name, "a"))
		run := w.started(t, name)
		watch := func(from int64) *source {
			return open(t, `subscription($id: ID!, $from: Int64) { taskLogs(taskRunId: $id, fromOffset: $from) `+chunkFields+` }`,
				vars{"id": miniairflow.MemberID(run, 0), "from": from})
		}
		early := watch(0)
		claim := w.work(t, 1)[0]
		var whole strings.Builder
		line := strings.Repeat("漢字 and more\n", 700)
		offset := int64(0)
		var middle *source
		for i := range 20 {
			// Pieces end inside characters.
			piece := line[i : i+len(line)/2]
			whole.WriteString(piece)
			offset = w.write(t, claim, offset, piece)
			if i == 10 {
				middle = watch(offset)
			}
		}
		w.work(t, 0, succeed(claim))
		expected := string([]rune(whole.String())) // each bad byte is one U+FFFD
		require.Equal(t, expected, collect(t, early, 0))
		require.Equal(t, expected, collect(t, watch(0), 0))
		require.True(t, strings.HasSuffix(expected, strings.TrimLeft(collect(t, middle, -1), "\uFFFD")))
	})
}

// collect reads a log to its end and returns its text. Each chunk must begin
// where the last one ended; the first at from, if that is not negative.
func collect(t *testing.T, s *source, from int64) string {
	t.Helper()
	var text strings.Builder
	complete := false
	for {
		a, ok := s.next()
		if !ok {
			require.True(t, complete, "the last chunk says that it is the last")
			return text.String()
		}
		require.Empty(t, a.Errors)
		var data struct{ TaskLogs chunkOf }
		require.NoError(t, json.Unmarshal(a.Data, &data))
		c := data.TaskLogs
		require.False(t, complete)
		require.Equal(t, 1, c.Attempt)
		require.True(t, utf8.ValidString(c.Text))
		if from >= 0 {
			require.Equal(t, from, c.Offset)
		}
		from, complete = c.NextOffset, c.IsComplete
		text.WriteString(c.Text)
	}
}

// TestLogOfTaskThatNeverRunsCompletes: a client must not wait for ever.
func TestLogOfTaskThatNeverRunsCompletes(t *testing.T) {
	eachTransport(t, func(t *testing.T, w *world, open func(*testing.T, string, vars) *source) {
		name := "never-" + uuid.NewString()
		w.save(t, workflow(name, "a", "b"))
		run := w.started(t, name)
		s := open(t, `subscription($id: ID!) { taskLogs(taskRunId: $id) `+chunkFields+` }`, vars{"id": miniairflow.MemberID(run, 1)})
		_, err := w.store.CancelRun(t.Context(), miniairflow.Cancel{RunID: run})
		require.NoError(t, err)
		a, ok := s.next()
		require.True(t, ok)
		require.JSONEq(t, `{"taskLogs": {"attempt": 0, "offset": 0, "text": "", "nextOffset": 0, "isComplete": true}}`, string(a.Data))
		_, ok = s.next()
		require.False(t, ok)
	})
}
