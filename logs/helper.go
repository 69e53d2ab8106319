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

// await returns the chunk once it is compressed. A panic of the helper goes on here.
func (p *piece) await() miniairflow.LogChunk {
	if p.ready != nil {
		<-p.ready
	}
	if p.fault != nil {
		panic(p.fault)
	}
	return p.chunk
}

// helper compresses one chunk of a queue beside whoever adds output, which goes on
// reading meanwhile: one task that prints without end is stored as fast as two
// processors can, not one. It runs only while it has a chunk.
type helper struct {
	busy   atomic.Bool
	all    sync.WaitGroup
	packer packer
}

// pack compresses data, which must stay as it is until the helper is not busy any
// more. Only one goroutine at a time may call it, and none while it is busy.
func (h *helper) pack(data []byte, done func()) *piece {
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
		p.chunk = h.packer.pack(data)
	})
	return p
}

// wait returns when nothing is compressed any more.
func (h *helper) wait() { h.all.Wait() }
