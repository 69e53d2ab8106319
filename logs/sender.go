package logs

import (
	"context"
	"fmt"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// The delays between tries of a store that fails.
const (
	retryFirst = 100 * time.Millisecond
	retryMax   = 5 * time.Second
)

// sender moves output from a queue to the store, in order, on a goroutine of its own.
type sender struct {
	store miniairflow.LogStore
	key   miniairflow.AttemptKey
	cfg   WriterConfig
	queue *queue

	ctx    context.Context // ended when nobody waits for the store any more
	cancel context.CancelFunc
	done   chan struct{}
	err    error // why output was lost; set before done is closed
	offset int64
}

func startSender(store miniairflow.LogStore, key miniairflow.AttemptKey, cfg WriterConfig, q *queue) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sender{
		store: store, key: key, cfg: cfg, queue: q,
		ctx: ctx, cancel: cancel, done: make(chan struct{}),
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
	defer s.cancel()
	for last := false; !last; {
		last = s.await()
		batch := s.queue.take()
		if len(batch) == 0 {
			continue
		}
		if s.err = s.send(batch); s.err != nil {
			s.queue.close()
			return
		}
	}
}

// await returns when output is due: FlushInterval after its first byte, or
// when FlushBytes wait. last says that the queue is finished.
func (s *sender) await() (last bool) {
	select {
	case <-s.queue.finished:
		return true
	case <-s.queue.filled:
	}
	timer := time.NewTimer(s.cfg.FlushInterval)
	defer timer.Stop()
	select {
	case <-s.queue.finished:
		return true
	case <-s.queue.due:
	case <-timer.C:
	}
	return false
}

// send stores batch as chunks from offset on, trying until it succeeds, ctx is
// done, or the store says that it never will. The same chunks are sent again,
// so a try whose reply was lost does no harm.
func (s *sender) send(batch []byte) error {
	var chunks []miniairflow.LogChunk
	offset := s.offset
	for len(batch) > 0 {
		n := min(len(batch), s.cfg.FlushBytes)
		chunks = append(chunks, compress(offset, batch[:n]))
		offset += int64(n)
		batch = batch[n:]
	}
	for delay := retryFirst; ; delay = min(2*delay, retryMax) {
		err := s.store.AppendLog(s.ctx, s.key, chunks)
		if err == nil {
			s.offset = offset
			return nil
		}
		if s.ctx.Err() != nil || !mayHeal(err) {
			return fmt.Errorf("store log from offset %d: %w", s.offset, err)
		}
		s.cfg.Logger.WarnContext(s.ctx, "log store does not answer, trying again", "run_id", s.key.RunID,
			"seq", s.key.Seq, "attempt", s.key.Attempt, "offset", s.offset, "delay", delay, "error", err)
		select {
		case <-s.ctx.Done():
		case <-time.After(delay):
		}
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
