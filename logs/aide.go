package logs

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/sauravritesh63/miniairflow"
)

// piece is a full chunk that is compressed, or just being.
type piece struct {
	size  int                  // before compression
	chunk miniairflow.LogChunk // without its offset; read it by await
	ready chan struct{}        // closed when it is compressed; nil: it is
	fault error                // a panic while it was; read after ready
}

// await returns the chunk once it is compressed. A panic of the aide goes on here.
func (p *piece) await() miniairflow.LogChunk {
	if p.ready != nil {
		<-p.ready
	}
	if p.fault != nil {
		panic(p.fault)
	}
	return p.chunk
}

// aide compresses one chunk of a queue beside whoever adds output, which goes on
// reading meanwhile: one task that prints without end is stored as fast as two
// processors can, not one. It runs only while it has a chunk.
type aide struct {
	busy   atomic.Bool
	all    sync.WaitGroup
	packer packer
}

// pack lets compress have data, which must stay as it is until the aide is not busy
// any more, and then calls done. Only one goroutine at a time may call it, and none
// while it is busy.
func (h *aide) pack(data []byte, compress func([]byte) miniairflow.LogChunk, done func()) *piece {
	p := &piece{size: len(data), ready: make(chan struct{})}
	h.busy.Store(true)
	h.all.Go(func() {
		defer close(p.ready)
		defer h.busy.Store(false)
		defer done()
		// Whoever takes the chunk learns of a panic: it must not end the process.
		defer func() {
			if fault := recover(); fault != nil {
				p.fault = fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
			}
		}()
		p.chunk = compress(data)
	})
	return p
}

// wait returns when nothing is compressed any more.
func (h *aide) wait() { h.all.Wait() }
