package logs

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

const (
	// delayGrowth is how many times RetryDelay the longest delay is.
	delayGrowth = 10
	// triesMax is how often output is offered to a store that answers, but with a
	// fault of its own, such as a full disk.
	triesMax = 15
)

// sender moves output from a queue to the store, in order, on a goroutine of its own.
type sender struct {
	store miniairflow.LogStore
	key   miniairflow.AttemptKey
	cfg   WriterConfig
	queue *queue

	ctx     context.Context // ended when nobody waits for the store any more
	cancel  context.CancelFunc
	done    chan struct{}
	err     error // why the end of the output was lost; read after done is closed
	packer  packer
	offset  int64
	stored  time.Time // when the last batch was
	lost    int64     // output before the next batch that the store did not take
	midLine bool      // the last stored byte was no line end
}

func startSender(store miniairflow.LogStore, key miniairflow.AttemptKey, cfg WriterConfig, q *queue) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sender{
		store: store, key: key, cfg: cfg, queue: q,
		ctx: ctx, cancel: cancel, done: make(chan struct{}), offset: cfg.From,
	}
	go s.run()
	return s
}

// wait waits for the end of the sender, and ends it when ctx is done.
func (s *sender) wait(ctx context.Context) error {
	select {
	case <-s.done:
	case <-ctx.Done():
		s.cancel()
		<-s.done
	}
	return s.err
}

func (s *sender) run() {
	defer close(s.done)
	defer s.queue.aide.wait()
	defer s.cancel()
	// The output that the code cannot stand must not end the process.
	defer func() {
		if fault := recover(); fault != nil {
			s.err = fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
			s.queue.close()
		}
	}()
	for last, isLate := false, false; !last; {
		last, isLate = s.await()
		taken := s.queue.take(last || isLate)
		size := taken.size()
		if size == 0 && (s.lost == 0 || !last) {
			continue
		}
		s.err = s.send(s.number(&taken))
		switch {
		case s.err == nil:
			s.lost, s.midLine = 0, size > 0 && taken.midLine
		case s.ctx.Err() != nil || !mayHeal(s.err):
			s.queue.close()
			return
		default:
			s.lost += size
		}
	}
}

// await returns when output is due: FlushInterval after its first byte, or
// when FlushBytes wait. Where so much waits again within FlushInterval, more is
// gathered, since each batch costs a commit. last says that the queue is finished,
// isLate that something has waited for FlushInterval.
func (s *sender) await() (last, isLate bool) {
	select {
	case <-s.queue.finished:
		return true, false
	case <-s.queue.filled:
	}
	due := s.queue.due
	if time.Since(s.stored) < s.cfg.FlushInterval {
		due = s.queue.plenty
	}
	timer := time.NewTimer(s.cfg.FlushInterval)
	defer timer.Stop()
	select {
	case <-s.queue.finished:
		return true, false
	case <-due:
		return false, false
	case <-timer.C:
		return false, true
	}
}

// number returns the chunks of a batch, and of what is to be said of output that
// was lost before it, with their offsets.
func (s *sender) number(b *batch) []miniairflow.LogChunk {
	chunks := make([]miniairflow.LogChunk, 0, len(b.chunks)+2)
	if s.lost > 0 {
		chunks = append(chunks, s.packer.pack(noteLine(missingNote(s.lost), s.midLine)))
	}
	for _, p := range b.chunks {
		chunks = append(chunks, p.await())
	}
	if len(b.rest) > 0 {
		chunks = append(chunks, s.packer.pack(b.rest))
	}
	offset := s.offset
	for i := range chunks {
		chunks[i].Offset = offset
		offset += int64(chunks[i].Size)
	}
	return chunks
}

// send stores chunks from offset on. A store that cannot be reached is
// tried until ctx is done; the same chunks are sent again, so a try whose reply
// was lost does no harm. After any other error nothing was stored, and offset
// stays where it is.
func (s *sender) send(chunks []miniairflow.LogChunk) error {
	delay := s.cfg.RetryDelay
	for try := 1; ; try++ {
		err := s.store.AppendLog(s.ctx, s.key, chunks)
		if err == nil {
			last := chunks[len(chunks)-1]
			s.offset, s.stored = last.Offset+int64(last.Size), time.Now()
			return nil
		}
		unreachable := miniairflow.ErrorCode(err) == miniairflow.CodeUnavailable
		if s.ctx.Err() != nil || !mayHeal(err) || !unreachable && try == triesMax {
			return fmt.Errorf("store log from offset %d: %w", s.offset, err)
		}
		level := slog.LevelDebug
		if try == 1 { // an outage is not to fill the worker's own log
			level = slog.LevelWarn
		}
		s.cfg.Logger.Log(s.ctx, level, "log cannot be stored, trying again", "run_id", s.key.RunID,
			"seq", s.key.Seq, "attempt", s.key.Attempt, "offset", s.offset, "delay", delay, "error", err)
		select {
		case <-s.ctx.Done():
		case <-time.After(delay):
		}
		delay = min(2*delay, delayGrowth*s.cfg.RetryDelay)
	}
}

// mayHeal reports whether the same call may succeed later.
func mayHeal(err error) bool {
	switch miniairflow.ErrorCode(err) {
	case miniairflow.CodeUnavailable, miniairflow.CodeInternal:
		return true
	default:
		return false
	}
}
