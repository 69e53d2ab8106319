package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// watchEvery is how long a stream may go on after its token was revoked.
const watchEvery = 10 * time.Second

type watchKey struct{}

// watch ends the context of a request that lasts when its token is gone.
type watch struct {
	ctx    context.Context
	cancel context.CancelFunc
	tokens TokenFinder
	every  time.Duration
	once   sync.Once
	ended  sync.WaitGroup
}

func newWatch(ctx context.Context, tokens TokenFinder, every time.Duration) *watch {
	w := &watch{tokens: tokens, every: every}
	w.ctx, w.cancel = context.WithCancel(ctx)
	w.ctx = context.WithValue(w.ctx, watchKey{}, w)
	return w
}

// begin watches the token with a hash; without one, as that of the server's own
// token, there is nothing to watch.
func (w *watch) begin(hash []byte) {
	if hash == nil {
		return
	}
	w.once.Do(func() { w.ended.Go(func() { w.look(hash) }) })
}

// look cancels the context when the token is not there any more. While nobody can
// tell, the stream goes on.
func (w *watch) look(hash []byte) {
	ticker := time.NewTicker(w.every)
	defer ticker.Stop()
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-ticker.C:
		}
		if _, err := w.tokens.TokenByHash(w.ctx, hash); errors.Is(err, miniairflow.ErrNotFound) {
			w.cancel()
		}
	}
}

// end ends the context and waits for the goroutine.
func (w *watch) end() {
	w.cancel()
	w.ended.Wait()
}
