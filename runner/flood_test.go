package runner_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/logs"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

var floodFlag = flag.Int64("runner.flood", 300, "how many million bytes a task prints that prints too much")

const (
	// keptMax is what is kept of an attempt's output by default.
	keptMax = 256 << 20
	// growthMax is how much memory the output of a task may cost its worker.
	growthMax = 64 << 20
	// floodLine has a prime length, so that a piece which is missing or elsewhere
	// shows in all that follows.
	floodLine = "a task that prints far too much says the same again and again\n"
)

// capMark is what follows.
const capMark = "\nminiairflow: output beyond 256 MiB was dropped\n"

// stallTime is how long the database stalls while a task prints; not so long that
// output is dropped.
const stallTime = time.Second

// stalling is a store whose first answer about a log is late. A worker that went
// on reading meanwhile would have to hold all of it.
type stalling struct {
	miniairflow.Store
	once sync.Once
}

func (s *stalling) AppendLog(ctx context.Context, key miniairflow.AttemptKey, chunks []miniairflow.LogChunk) error {
	s.once.Do(func() {
		select {
		case <-time.After(stallTime):
		case <-ctx.Done():
		}
	})
	return s.Store.AppendLog(ctx, key, chunks)
}

// one loads and starts a workflow of one task with a real guardian, and returns
// its run and the key of its log.
func (s *system) one(script string) (uuid.UUID, miniairflow.AttemptKey) {
	s.load(map[string]string{"w.yaml": "tasks:\n  a:\n    shell: sh\n    command: |\n      " + strings.ReplaceAll(script, "\n", "\n      ") + "\n"})
	s.scheduler()
	s.worker("w1")
	id := s.trigger("w", nil)
	return id, miniairflow.AttemptKey{RunID: id, Attempt: 1}
}

// A task that prints more than is kept succeeds, its log ends with a mark, and
// its worker needs no more memory than for any other, even while the database is
// slower than the task.
func TestFloods(t *testing.T) {
	size := *floodFlag * 1_000_000
	require.Greater(t, size, int64(keptMax), "the flood must exceed what is kept")
	for name, flood := range map[string]struct{ script, period string }{
		"lines":    {script: fmt.Sprintf("yes '%s' | head -c %d", strings.TrimSpace(floodLine), size), period: floodLine},
		"one line": {script: fmt.Sprintf(`head -c %d /dev/zero | tr '\0' x`, size), period: strings.Repeat("x", 1000)},
	} {
		t.Run(name, func(t *testing.T) {
			persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
				s, began := newSystem(t, &stalling{Store: store}), time.Now()
				memory := watchMemory()
				id, key := s.one(flood.script)
				s.finish(id)
				took := time.Since(began)
				require.Equal(t, "run: success\na: success [success]\n", s.picture(id))
				expected := &periodic{period: flood.period, size: keptMax}
				requireLog(t, store, key, io.MultiReader(expected, strings.NewReader(capMark)))
				heap, resident := memory.growth()
				t.Logf("%d MB printed, %d MiB kept, in %s; heap grew by %d MiB, resident memory by %d MiB",
					size/1_000_000, keptMax>>20, took.Round(10*time.Millisecond), heap>>20, resident>>20)
				require.LessOrEqual(t, heap, int64(growthMax))
				require.LessOrEqual(t, resident, int64(growthMax))
			})
		})
	}
}

// A million short lines arrive, all of them and in order.
func TestMillionLines(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s, memory := newSystem(t, store), watchMemory()
		id, key := s.one("seq 999999")
		s.finish(id)
		require.Equal(t, "run: success\na: success [success]\n", s.picture(id))
		requireLog(t, store, key, countTo(1, 999_999))
		heap, resident := memory.growth()
		t.Logf("heap grew by %d MiB, resident memory by %d MiB", heap>>20, resident>>20)
		require.LessOrEqual(t, heap, int64(growthMax))
		require.LessOrEqual(t, resident, int64(growthMax))
	})
}

// Bytes that are no text are stored as they were printed.
func TestAnyBytes(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		content := make([]byte, 3<<20)
		random := rand.NewChaCha8([32]byte{1})
		_, _ = random.Read(content) // never fails
		content = append(content, "\x00\x00\xff\xfe\xc3\x28\xed\xa0\x80 and no line end \xe2\x82"...)
		path := filepath.Join(t.TempDir(), "bytes")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		s := newSystem(t, store)
		id, key := s.one("cat '" + path + "'")
		s.finish(id)
		require.Equal(t, "run: success\na: success [success]\n", s.picture(id))
		requireLog(t, store, key, bytes.NewReader(content))
	})
}

// Whoever follows a log from any offset while it is written gets the same bytes.
func TestLogIsFollowedLive(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		const half, all = 300_000, 600_000
		whole, err := io.ReadAll(countTo(1, all))
		require.NoError(t, err)
		middle := int64(bytes.Index(whole, []byte(strconv.Itoa(half+1)+"\n")))
		next := filepath.Join(t.TempDir(), "go")
		s := newSystem(t, store)
		id, key := s.one(fmt.Sprintf("seq %d\nwhile ! test -e '%s'; do sleep 0.05; done\nseq %d %d", half, next, half+1, all))

		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		offsets := []int64{0, 1, 64<<10 - 1, 64 << 10, 1_000_001, middle, middle + 7, int64(len(whole)) - 1}
		seen, ended := make(chan struct{}, len(offsets)), make(chan error, len(offsets))
		for _, from := range offsets {
			go func() { ended <- follow(ctx, store, key, whole, from, middle, seen) }()
		}
		for range offsets {
			select {
			case <-seen:
			case err := <-ended:
				require.FailNow(t, "a follower ended before the task", "%v", err)
			}
		}
		require.False(t, s.run(id).IsTerminal(), "all have seen the first half while the task runs")
		require.NoError(t, os.WriteFile(next, nil, 0o600))
		for range offsets {
			require.NoError(t, <-ended)
		}
		s.finish(id)
		requireLog(t, store, key, bytes.NewReader(whole))
	})
}

// follow reads a log from an offset on, as it grows, and compares it with the
// whole that it will be. It tells seen when it has read up to the middle.
func follow(ctx context.Context, store miniairflow.Store, key miniairflow.AttemptKey, whole []byte, from, middle int64, seen chan<- struct{}) error {
	changes := store.Bus().Subscribe(nil)
	defer changes.Close()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	told := false
	for at := from; at < int64(len(whole)); {
		changes.Take()
		data, next, err := logs.Read(ctx, store, key, at, 100_000)
		if err != nil {
			return err
		}
		if next != at+int64(len(data)) || next > int64(len(whole)) || !bytes.Equal(data, whole[at:next]) {
			return fmt.Errorf("from %d: bytes %d to %d differ", from, at, next)
		}
		at = next
		if !told && at >= middle {
			told = true
			seen <- struct{}{}
		}
		if len(data) > 0 {
			continue
		}
		select {
		case <-changes.C():
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("from %d: no more than %d bytes: %w", from, at, ctx.Err())
		}
	}
	return nil
}

// requireLog compares a stored log with what it must be, piece by piece.
func requireLog(t *testing.T, store miniairflow.LogStore, key miniairflow.AttemptKey, expected io.Reader) {
	t.Helper()
	compared := &comparer{expected: expected}
	_, err := logs.Copy(t.Context(), compared, store, key, 0)
	require.NoError(t, err)
	left, err := io.Copy(io.Discard, expected)
	require.NoError(t, err)
	require.Zero(t, left, "so many bytes are missing at the end")
}

// comparer is a Writer that fails at the first byte that is not expected.
type comparer struct {
	expected io.Reader
	buffer   []byte
	at       int64
}

func (c *comparer) Write(p []byte) (int, error) {
	c.buffer = append(c.buffer[:0], p...)
	n, _ := io.ReadFull(c.expected, c.buffer) // fewer are a difference
	if !bytes.Equal(p, c.buffer[:n]) {
		return 0, fmt.Errorf("the log differs between byte %d and %d, or is too long", c.at, c.at+int64(len(p)))
	}
	c.at += int64(len(p))
	return len(p), nil
}

// periodic reads as a text that is repeated up to a size.
type periodic struct {
	period   string
	at, size int64
}

func (r *periodic) Read(p []byte) (int, error) {
	if r.at == r.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.size-r.at)]
	for done := 0; done < len(p); {
		n := copy(p[done:], r.period[r.at%int64(len(r.period)):])
		done += n
		r.at += int64(n)
	}
	return len(p), nil
}

// countTo reads as what seq prints.
func countTo(from, to int) io.Reader {
	var text []byte
	for i := from; i <= to; i++ {
		text = append(strconv.AppendInt(text, int64(i), 10), '\n')
	}
	return bytes.NewReader(text)
}
