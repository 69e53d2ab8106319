package logs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// notesMax bounds the notes of an attempt, in bytes without their marks.
const notesMax = 16 << 10

// WriterConfig are the limits of a Writer. A zero field has its default.
type WriterConfig struct {
	FlushInterval time.Duration // the longest that output waits before it is stored; 200 ms
	FlushBytes    int           // the size of a full chunk; so much is stored at once if nothing was stored within FlushInterval; 64 KiB
	BufferBytes   int           // how much output may wait for the store; half of it is stored at once; 1 MiB
	WriteWait     time.Duration // how long a Write waits for the store before it drops output; 10 s
	RetryDelay    time.Duration // after the first failure of the store, doubling up to 10 times as much; 100 ms
	MaxBytes      int64         // what is kept of an attempt; 256 MiB
	From          int64         // where the log goes on that an attempt has already; 0
	Mask          []string      // secrets; each occurrence is stored as ***
	Courtesy      *Courtesy     // shared by the Writers of a process; nil: they wait for nobody
	Logger        *slog.Logger  // told when the store fails; nil: nobody
}

func (c WriterConfig) withDefaults() WriterConfig {
	if c.FlushInterval <= 0 {
		c.FlushInterval = 200 * time.Millisecond
	}
	if c.FlushBytes <= 0 {
		c.FlushBytes = 64 << 10
	}
	if c.BufferBytes <= 0 {
		c.BufferBytes = 1 << 20
	}
	if c.WriteWait <= 0 {
		c.WriteWait = 10 * time.Second
	}
	if c.RetryDelay <= 0 {
		c.RetryDelay = 100 * time.Millisecond
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 256 << 20
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Writer stores the output of one attempt, byte by byte as it comes but for
// masked secrets; offsets count the stored bytes. It never holds more than
// about twice BufferBytes and never blocks for ever: a Write that finds
// no room waits up to WriteWait, then output is dropped until the store answers
// again, and a line in the log says how much. Beyond MaxBytes everything is
// dropped, after a line that says so; notes are not.
//
// Its methods may be called from any goroutine. It must be closed.
type Writer struct {
	cfg   WriterConfig
	input sync.Mutex // held by Write and Close, so that output keeps its order
	mask  *masker
	queue *queue
	full  bool // MaxBytes is reached
	kept  int64
	noted int // bytes of notes

	closing   chan struct{}
	closeOnce sync.Once
	sender    *sender
}

// NewWriter returns a Writer for the log of key, which must have cfg.From bytes.
func NewWriter(store miniairflow.LogStore, key miniairflow.AttemptKey, cfg WriterConfig) *Writer {
	cfg = cfg.withDefaults()
	w := &Writer{
		cfg:     cfg,
		mask:    newMasker(cfg.Mask),
		queue:   newQueue(cfg.FlushBytes, cfg.BufferBytes, cfg.Courtesy),
		closing: make(chan struct{}),
		kept:    min(cfg.From, cfg.MaxBytes),
		full:    cfg.From > cfg.MaxBytes, // and the log says so
	}
	if w.full {
		w.noted = notesMax // of the attempt, not of each of its looks
	}
	w.sender = startSender(store, key, cfg, w.queue)
	return w
}

// Write takes over p. It returns an error only after Close: output that cannot
// be stored is dropped, as described at Writer, and the caller goes on.
func (w *Writer) Write(p []byte) (int, error) {
	w.input.Lock()
	defer w.input.Unlock()
	select {
	case <-w.closing:
		return 0, io.ErrClosedPipe
	default:
	}
	for rest := p; len(rest) > 0 && !w.full; {
		n := min(len(rest), w.cfg.FlushBytes) // masking a huge write at once would double it in memory
		w.keep(w.mask.write(rest[:n]))
		rest = rest[n:]
	}
	return len(p), nil
}

// Note adds a line of our own. It is marked as such, so that nobody takes it for
// the task's, begins on a line of its own, and has secrets masked. Notes do not
// count as output: they are kept after MaxBytes too, up to notesMax of an attempt.
func (w *Writer) Note(text string) {
	w.input.Lock()
	defer w.input.Unlock()
	select {
	case <-w.closing:
		return
	default:
	}
	if !w.full {
		w.keep(w.mask.flush()) // no secret goes on behind a note
	}
	mask := newMasker(w.cfg.Mask)
	masked := append(slices.Clone(mask.write([]byte(text))), mask.flush()...)
	masked = masked[:min(len(masked), notesMax-w.noted)]
	if len(masked) == 0 {
		return
	}
	w.noted += len(masked)
	w.queue.note(string(masked))
}

// Close stores what is left and ends the Writer. A store that cannot be reached
// is tried until ctx is done, one that answers with a fault a few times. The last
// byte is durable when Close returns nil; a gap before it is no error here, but
// a line in the log. Further calls wait for the first one and return its outcome.
func (w *Writer) Close(ctx context.Context) error {
	w.closeOnce.Do(func() {
		close(w.closing)
		w.input.Lock()
		defer w.input.Unlock()
		if !w.full {
			w.keep(w.mask.flush())
		}
		w.queue.finish()
	})
	return w.sender.wait(ctx)
}

// keep queues masked output within MaxBytes.
func (w *Writer) keep(b []byte) {
	left := w.cfg.MaxBytes - w.kept
	if int64(len(b)) <= left {
		w.kept += int64(len(b))
		w.put(b)
		return
	}
	w.put(b[:left])
	w.full = true
	w.queue.note(fmt.Sprintf("output beyond %s was dropped", byteSize(w.cfg.MaxBytes)))
}

// put queues b, waiting for room up to WriteWait, and drops what finds none.
func (w *Writer) put(b []byte) {
	var timer *time.Timer
	for {
		n, pause := w.queue.add(b)
		w.wait(pause)
		if b = b[n:]; len(b) == 0 {
			return
		}
		if timer == nil {
			timer = time.NewTimer(w.cfg.WriteWait)
			defer timer.Stop()
		}
		if w.queue.dropping() {
			w.queue.drop(len(b))
			return
		}
		select {
		case <-w.queue.room:
		case <-timer.C:
			w.queue.drop(len(b))
			return
		case <-w.closing:
			w.queue.drop(len(b))
			return
		}
	}
}

// wait lets others go first for a while.
func (w *Writer) wait(pause time.Duration) {
	if pause <= 0 {
		return
	}
	select {
	case <-time.After(pause):
	case <-w.closing:
	}
}

// byteSize writes n in the largest unit that divides it.
func byteSize(n int64) string {
	for _, unit := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= unit.size && n%unit.size == 0 {
			return fmt.Sprintf("%d %s", n/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
