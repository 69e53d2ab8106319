package logs

import (
	"fmt"
	"sync"
	"time"
)

// queue holds output between a Writer and its sender, at most capacity bytes
// before they were compressed, and a few notes. Whoever adds output compresses
// each full chunk of it at once, on the processor that has just read it, or has it
// compressed on another one that is free; what waits is small, and is stored as it
// is. After output had to be dropped nothing is taken until half of it is free;
// then a note tells how much is missing, so that a gap is one line and not many.
type queue struct {
	flushBytes int
	capacity   int
	room       chan struct{} // has a token after the sender took everything
	filled     chan struct{} // has a token when something waits
	due        chan struct{} // has a token when flushBytes wait
	plenty     chan struct{} // has a token when half of capacity waits
	finished   chan struct{} // closed when nothing more will come

	mu      sync.Mutex
	packer  packer
	aide    aide
	guest   guest
	packed  []*piece // full chunks
	open    []byte   // the beginning of the next one
	spare   []byte   // what open was before; the aide's while it is busy
	waiting int      // bytes of both, before compression
	missing int64    // dropped and not noted yet
	discard bool     // nobody takes anything any more
	midLine bool     // the last byte was no line end
	split   bool     // the last byte of the last full chunk was none
}

// batch is what the sender takes out of a queue at once.
type batch struct {
	chunks  []*piece // full ones
	rest    []byte   // what comes after them
	midLine bool     // the last byte is no line end
}

// size returns how many bytes of output the batch has.
func (b *batch) size() int64 {
	size := int64(len(b.rest))
	for _, p := range b.chunks {
		size += int64(p.size)
	}
	return size
}

func newQueue(flushBytes, capacity int, others *Courtesy) *queue {
	return &queue{
		flushBytes: flushBytes, capacity: max(capacity, flushBytes),
		room: make(chan struct{}, 1), filled: make(chan struct{}, 1),
		due: make(chan struct{}, 1), plenty: make(chan struct{}, 1),
		finished: make(chan struct{}),
		guest:    newGuest(others),
	}
}

// add queues as much of b as there is room for. It returns how much that was, and
// for how long whoever adds is to pause.
func (q *queue) add(b []byte) (n int, pause time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.discard {
		return len(b), 0
	}
	if q.missing > 0 {
		if q.waiting > q.capacity/2 {
			return 0, 0
		}
		q.noteMissing()
	}
	n = min(len(b), max(q.capacity-q.waiting, 0))
	q.push(b[:n])
	return n, q.guest.take()
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
	q.guest.leave()
	close(q.finished)
}

// take returns what waits: the full chunks, and what has begun after them if
// there are none or everything is wanted. Chunks stay full while more comes.
func (q *queue) take(everything bool) batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := batch{chunks: q.packed, midLine: q.split}
	q.packed = nil
	if len(taken.chunks) == 0 || everything {
		taken.rest, taken.midLine = q.open, q.midLine
		q.open = nil
	}
	q.waiting = len(q.open)
	if q.waiting > 0 {
		signal(q.filled)
	}
	signal(q.room)
	unsignal(q.due)
	unsignal(q.plenty)
	return taken
}

// close discards what waits and all that comes.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.discard, q.packed, q.open, q.waiting = true, nil, nil, 0
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
	q.waiting += len(b)
	q.midLine = b[len(b)-1] != '\n'
	for len(b) > 0 {
		n := min(len(b), q.flushBytes-len(q.open))
		if isWhole := n == q.flushBytes; isWhole && !q.mayHelp() { // it needs no copy
			q.seal(b[:n])
		} else if q.open = append(q.open, b[:n]...); len(q.open) == q.flushBytes {
			q.sealOpen()
		}
		b = b[n:]
	}
	signal(q.filled)
	if q.waiting >= q.flushBytes {
		signal(q.due)
	}
	if q.waiting >= max(q.flushBytes, q.capacity/2) {
		signal(q.plenty)
	}
}

// sealOpen makes a full chunk of what has been added, on another processor if one
// is free for that.
func (q *queue) sealOpen() {
	if !q.mayHelp() {
		q.seal(q.open)
		q.open = q.open[:0]
		return
	}
	full := q.open
	q.open, q.spare = q.spare[:0], full
	q.packed = append(q.packed, q.aide.pack(full, q.aide.packer.pack, q.guest.helped()))
	q.split = full[len(full)-1] != '\n'
}

// mayHelp reports whether the aide has nothing to do, and a processor to do it on.
func (q *queue) mayHelp() bool { return !q.aide.busy.Load() && q.guest.mayHelp() }

func (q *queue) seal(chunk []byte) {
	q.guest.pack(func() { q.packed = append(q.packed, &piece{size: len(chunk), chunk: q.packer.pack(chunk)}) })
	q.split = chunk[len(chunk)-1] != '\n'
}

// signal puts a token into c unless it has one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// unsignal takes the token out of c if it has one.
func unsignal(c chan struct{}) {
	select {
	case <-c:
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
