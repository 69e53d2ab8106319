package logs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/logs"
)

const generous = 20 * time.Second

func TestBytesAreKeptAsTheyAre(t *testing.T) {
	store := newMemory()
	w := logs.NewWriter(store, key, logs.WriterConfig{})
	text := "\x00\xff\xfe\r\n\x1b[31mred\x1b[0m no line end"
	write(t, w, text)
	finish(t, w)
	require.Equal(t, text, stored(t, store, 64<<10))
}

func TestOutputIsReadableWhileTheTaskRuns(t *testing.T) {
	store := newMemory()
	w := logs.NewWriter(store, key, logs.WriterConfig{FlushInterval: time.Millisecond})
	write(t, w, "first\n")
	require.Eventually(t, func() bool { return stored(t, store, 64<<10) == "first\n" }, generous, time.Millisecond)
	write(t, w, "second\n")
	require.Eventually(t, func() bool { return stored(t, store, 64<<10) == "first\nsecond\n" }, generous, time.Millisecond)
	finish(t, w)
}

func TestManyBytesDoNotWaitForTheInterval(t *testing.T) {
	store := newMemory()
	w := logs.NewWriter(store, key, logs.WriterConfig{FlushInterval: time.Hour, FlushBytes: 10})
	write(t, w, "0123456789")
	require.Eventually(t, func() bool { return stored(t, store, 10) != "" }, generous, time.Millisecond)
	finish(t, w)
}

func TestPossibleSecretIsHeldBack(t *testing.T) {
	store := newMemory()
	w := logs.NewWriter(store, key, logs.WriterConfig{FlushInterval: time.Millisecond, Mask: []string{"hunter2"}})
	write(t, w, "password: hun")
	require.Eventually(t, func() bool { return stored(t, store, 64<<10) == "password: " }, generous, time.Millisecond)
	write(t, w, "ter2\nhun")
	finish(t, w)
	require.Equal(t, "password: ***\nhun", stored(t, store, 64<<10))
}

func TestOutputBeyondTheCapIsDroppedVisibly(t *testing.T) {
	store := newMemory()
	w := logs.NewWriter(store, key, logs.WriterConfig{MaxBytes: 2048})
	for range 1000 {
		write(t, w, "0123456789\n")
	}
	finish(t, w)
	want := strings.Repeat("0123456789\n", 200)[:2048] + "\nminiairflow: output beyond 2 KiB was dropped\n"
	require.Equal(t, want, stored(t, store, 64<<10))
}

func TestOutputOfExactlyTheCapHasNoMark(t *testing.T) {
	store := newMemory()
	w := logs.NewWriter(store, key, logs.WriterConfig{MaxBytes: 5})
	write(t, w, "12345")
	finish(t, w)
	require.Equal(t, "12345", stored(t, store, 64<<10))
}

func TestNotesAreKeptBeyondTheCap(t *testing.T) {
	store := newMemory()
	w := logs.NewWriter(store, key, logs.WriterConfig{MaxBytes: 5, Mask: []string{"hunter2"}})
	write(t, w, "1")
	w.Note("early")
	write(t, w, "234hun")
	w.Note("killed by hunter2")
	write(t, w, "ter2")
	w.Note("late")
	finish(t, w)
	w.Note("too late")
	require.Equal(t, "1\nminiairflow: early\n234h\nminiairflow: output beyond 5 bytes was dropped\n"+
		"miniairflow: killed by ***\nminiairflow: late\n", stored(t, store, 64<<10))
}

// Notes have a bound too.
func TestNotesAreBounded(t *testing.T) {
	store := newMemory()
	w := logs.NewWriter(store, key, logs.WriterConfig{MaxBytes: 1, Mask: []string{"hunter2"}})
	for range 100 {
		w.Note(strings.Repeat("x", 1000))
	}
	finish(t, w)
	require.Equal(t, 16<<10, strings.Count(stored(t, store, 64<<10), "x"))
}

func TestGapIsVisibleWhenTheStoreStaysAway(t *testing.T) {
	store := newMemory()
	store.gate = make(chan struct{})
	w := logs.NewWriter(store, key, logs.WriterConfig{
		FlushInterval: time.Millisecond, FlushBytes: 100, BufferBytes: 1000, WriteWait: 10 * time.Millisecond,
	})
	line := strings.Repeat("x", 99) + "\n"
	write(t, w, line)
	require.Eventually(t, func() bool { return store.asked.Load() == 1 }, generous, time.Millisecond)
	for range 199 {
		write(t, w, line) // returns, though the store never does
	}
	close(store.gate)
	// The first line, and then what the buffer had room for.
	require.Eventually(t, func() bool { return store.count() == 2 }, generous, time.Millisecond)
	write(t, w, "back\n")
	finish(t, w)

	log := stored(t, store, 100)
	gaps := regexp.MustCompile(`(?m)^miniairflow: (\d+) bytes of output are missing here: the log store did not take them\n`)
	found := gaps.FindAllStringSubmatch(log, -1)
	require.Len(t, found, 1)
	missing, err := strconv.Atoi(found[0][1])
	require.NoError(t, err)
	require.Positive(t, missing)
	rest := gaps.ReplaceAllString(log, "")
	require.Equal(t, 200*len(line)+len("back\n"), len(rest)+missing)
	require.True(t, strings.HasSuffix(log, "back\n"), log)
}

func TestCloseGivesUpWithItsContext(t *testing.T) {
	store := newMemory()
	store.gate = make(chan struct{})
	w := logs.NewWriter(store, key, logs.WriterConfig{})
	write(t, w, "never stored")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, w.Close(ctx), context.Canceled)
	require.ErrorIs(t, w.Close(t.Context()), context.Canceled, "a second Close tells the same")
	_, err := w.Write([]byte("late"))
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

func TestCloseFreesAWriterThatWaits(t *testing.T) {
	store := newMemory()
	store.gate = make(chan struct{})
	w := logs.NewWriter(store, key, logs.WriterConfig{FlushBytes: 1, BufferBytes: 100, WriteWait: time.Hour})
	write(t, w, "never stored")
	written := make(chan error)
	go func() {
		_, err := w.Write(make([]byte, 1000))
		written <- err
	}()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, w.Close(ctx))
	if err := <-written; err != nil {
		require.ErrorIs(t, err, io.ErrClosedPipe, "Close came first")
	}
}

func TestStoreThatWillNeverTakeItIsNotAskedAgain(t *testing.T) {
	store := newMemory()
	refusal := miniairflow.Errorf(miniairflow.CodeNotFound, "the run was deleted")
	store.outcome = func(int) (bool, error) { return false, refusal }
	w := logs.NewWriter(store, key, logs.WriterConfig{FlushBytes: 10, BufferBytes: 10, WriteWait: time.Hour})
	for range 100 {
		write(t, w, "0123456789") // neither blocks nor fails
	}
	require.ErrorIs(t, w.Close(t.Context()), refusal)
	require.Equal(t, 1, store.count())
}

func TestFaultyStoreLeavesAGapAndNoHang(t *testing.T) {
	store := newMemory()
	full := errors.New("disk full")
	healed := make(chan struct{})
	store.outcome = func(int) (bool, error) {
		select {
		case <-healed:
			return true, nil
		default:
			return false, full
		}
	}
	w := logs.NewWriter(store, key, logs.WriterConfig{FlushInterval: 1, RetryDelay: 1})
	write(t, w, "lost\n")
	require.Eventually(t, func() bool { return store.count() >= 15 }, generous, time.Millisecond)
	close(healed)
	write(t, w, "kept\n")
	finish(t, w)
	require.Contains(t, []string{
		"miniairflow: 5 bytes of output are missing here: the log store did not take them\nkept\n",
		"lost\nkept\n", // the last try came after the disk had room again
	}, stored(t, store, 64<<10))
}

func TestCloseEndsWithAFaultyStore(t *testing.T) {
	store := newMemory()
	full := errors.New("disk full")
	store.outcome = func(int) (bool, error) { return false, full }
	w := logs.NewWriter(store, key, logs.WriterConfig{FlushInterval: time.Hour, RetryDelay: 1})
	write(t, w, "lost")
	require.ErrorIs(t, w.Close(t.Context()), full)
}

func TestReadOfADamagedLog(t *testing.T) {
	good := newMemory()
	w := logs.NewWriter(good, key, logs.WriterConfig{FlushBytes: 10})
	write(t, w, strings.Repeat("0123456789", 3))
	finish(t, w)
	for name, damage := range map[string]func(*memory){
		"hole":       func(m *memory) { delete(m.chunks, 10) },
		"not zstd":   func(m *memory) { m.chunks[10] = miniairflow.LogChunk{Offset: 10, Size: 10, Data: []byte("junk")} },
		"wrong size": func(m *memory) { c := m.chunks[10]; c.Size = 11; m.chunks[10] = c },
		"huge size":  func(m *memory) { c := m.chunks[10]; c.Size = 1 << 40; m.chunks[10] = c },
	} {
		t.Run(name, func(t *testing.T) {
			store := newMemory()
			for at, chunk := range good.chunks {
				store.chunks[at] = chunk
			}
			damage(store)
			_, _, err := logs.Read(t.Context(), store, key, 0, 30)
			require.Error(t, err)
			data, next, err := logs.Read(t.Context(), store, key, 0, 10)
			require.NoError(t, err, "the good part is readable")
			require.Equal(t, "0123456789", string(data))
			require.Equal(t, int64(10), next)
		})
	}
	_, _, err := logs.Read(t.Context(), good, key, -1, 10)
	require.Equal(t, miniairflow.CodeInvalid, miniairflow.ErrorCode(err))
}

// sizes is a store that keeps nothing and remembers the largest batch.
type sizes struct {
	*memory
	next, largest int64
}

func (s *sizes) AppendLog(_ context.Context, _ miniairflow.AttemptKey, chunks []miniairflow.LogChunk) error {
	var batch int64
	for _, chunk := range chunks {
		if chunk.Offset != s.next {
			return miniairflow.Errorf(miniairflow.CodeInvalid, "offset %d after %d", chunk.Offset, s.next)
		}
		s.next += int64(chunk.Size)
		batch += int64(chunk.Size)
	}
	s.largest = max(s.largest, batch)
	return nil
}

func TestFloodIsStoredInBoundedPieces(t *testing.T) {
	store := &sizes{memory: newMemory()}
	w := logs.NewWriter(store, key, logs.WriterConfig{MaxBytes: 64 << 20, Mask: []string{"secret"}})
	piece := []byte(strings.Repeat("some line of a task that prints too much\n", 1000))
	total := 0
	for total < 100<<20 {
		n, err := w.Write(piece)
		require.NoError(t, err)
		total += n
	}
	finish(t, w)
	require.InDelta(t, 64<<20, store.next, 100)
	require.LessOrEqual(t, store.largest, int64(1100<<10))
}

func TestFailingDestinationEndsCopy(t *testing.T) {
	store := newMemory()
	w := logs.NewWriter(store, key, logs.WriterConfig{})
	write(t, w, "text")
	finish(t, w)
	gone := errors.New("reader has gone")
	_, err := logs.Copy(t.Context(), failing{gone}, store, key, 0)
	require.ErrorIs(t, err, gone)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, fmt.Errorf("write: %w", f.err) }

// The log of an attempt that looks again goes on where it was, and MaxBytes counts
// all of it, with the mark once.
func TestWriterGoesOn(t *testing.T) {
	const mark = "\nminiairflow: output beyond 10 bytes was dropped\n"
	for _, c := range []struct{ before, want string }{
		{"", "0123456789" + mark},
		{"xxxx", "xxxx012345" + mark},
		{"xxxxxxxxxx", "xxxxxxxxxx" + mark[1:]},
		{"xxxxxxxxxx" + mark, "xxxxxxxxxx" + mark},
	} {
		store := newMemory()
		first := logs.NewWriter(store, key, logs.WriterConfig{})
		write(t, first, c.before)
		finish(t, first)
		w := logs.NewWriter(store, key, logs.WriterConfig{MaxBytes: 10, From: int64(len(c.before))})
		write(t, w, "0123456789+")
		w.Note("a note of a full log")
		finish(t, w)
		text := stored(t, store, 64<<10)
		require.True(t, strings.HasPrefix(text, c.want), "%q: %q", c.before, text)
		require.Equal(t, len(c.before) <= 10, strings.Contains(text, "a note"), "%q: notes are bounded over all looks", c.before)
	}
}
