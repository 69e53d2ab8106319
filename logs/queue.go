package logs

import (
	"fmt"
	"sync"
)

// queue holds output between a Writer and its sender, at most capacity bytes
// and a few notes. After output had to be dropped nothing is taken until half of
// it is free; then a note tells how much is missing, so that a gap is one line
// and not many.
type queue struct {
	flushBytes int
	capacity   int
	room       chan struct{} // has a token after the sender took everything
	filled     chan struct{} // has a token when something waits
	due        chan struct{} // has a token when flushBytes wait
	finished   chan struct{} // closed when nothing more will come

	mu      sync.Mutex
	pending []byte
	missing int64 // dropped and not noted yet
	discard bool  // nobody takes anything any more
	midLine bool  // the last byte was no line end
}

func newQueue(flushBytes, capacity int) *queue {
	return &queue{
		flushBytes: flushBytes, capacity: max(capacity, flushBytes),
		room: make(chan struct{}, 1), filled: make(chan struct{}, 1), due: make(chan struct{}, 1),
		finished: make(chan struct{}),
	}
}

// add queues as much of b as there is room for and returns how much that was.
func (q *queue) add(b []byte) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.discard {
		return len(b)
	}
	if q.missing > 0 {
		if len(q.pending) > q.capacity/2 {
			return 0
		}
		q.noteMissing()
	}
	n := min(len(b), max(q.capacity-len(q.pending), 0))
	q.push(b[:n])
	return n
}

// note queues a line of our own, over capacity if need be.
func (q *queue) note(text string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.discard {
		return
	}
	if q.missing > 0 {
		q.noteMissing()
	}
	q.push(noteLine(text, q.midLine))
}

// drop counts n bytes as missing.
func (q *queue) drop(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.missing += int64(n)
}

// dropping reports whether output is being dropped.
func (q *queue) dropping() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.missing > 0
}

// finish notes what is missing at the end. It is the last call of the Writer.
func (q *queue) finish() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.missing > 0 && !q.discard {
		q.noteMissing()
	}
	close(q.finished)
}

// take returns all that waits, nil for nothing.
func (q *queue) take() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.pending
	q.pending = nil
	signal(q.room)
	return taken
}

// close discards what waits and all that comes.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.discard, q.pending = true, nil
	signal(q.room)
}

func (q *queue) noteMissing() {
	q.push(noteLine(missingNote(q.missing), q.midLine))
	q.missing = 0
}

func (q *queue) push(b []byte) {
	if len(b) == 0 {
		return
	}
	q.pending = append(q.pending, b...)
	q.midLine = b[len(b)-1] != '\n'
	signal(q.filled)
	if len(q.pending) >= q.flushBytes {
		signal(q.due)
	}
}

// signal puts a token into c unless it has one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// noteLine returns text as a line of our own, after the end of the line before it.
func noteLine(text string, midLine bool) []byte {
	line := "miniairflow: " + text + "\n"
	if midLine {
		line = "\n" + line
	}
	return []byte(line)
}

func missingNote(bytes int64) string {
	return fmt.Sprintf("%d bytes of output are missing here: the log store did not take them", bytes)
}
