package graph

import (
	"context"
	"log/slog"
	"sync"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// live holds the feeds behind all subscriptions of this process.
type live struct {
	tasks   *tasks
	runs    feeds[uuid.UUID, *runState]
	allRuns feeds[struct{}, *runsState]
	logs    feeds[miniairflow.AttemptKey, logState]
	workers feeds[struct{}, []*miniairflow.Worker]
	catalog feeds[struct{}, *catalogState]
}

func newLive(store miniairflow.Store, logger *slog.Logger) *live {
	bus := store.Bus()
	return &live{
		tasks: newTasks(),
		runs: feeds[uuid.UUID, *runState]{
			logger: logger, bus: bus, wants: wantsRun,
			open: func(id uuid.UUID) poller[*runState] { return pollRun(store, id) },
		},
		allRuns: feeds[struct{}, *runsState]{
			logger: logger, bus: bus, wants: wantsRuns, gap: runsGap,
			open: func(struct{}) poller[*runsState] { return pollRuns(store) },
		},
		logs: feeds[miniairflow.AttemptKey, logState]{
			logger: logger, bus: bus, wants: wantsLog,
			open: func(key miniairflow.AttemptKey) poller[logState] { return pollLog(store, key) },
		},
		workers: feeds[struct{}, []*miniairflow.Worker]{
			logger: logger, bus: bus, wants: wantsWorkers,
			open: func(struct{}) poller[[]*miniairflow.Worker] { return pollWorkers(store) },
		},
		catalog: feeds[struct{}, *catalogState]{
			logger: logger, bus: bus, wants: wantsCatalog, gap: catalogGap, poll: catalogPoll,
			open: func(struct{}) poller[*catalogState] { return pollCatalog(store) },
		},
	}
}

// tasks owns goroutines: all end when it is closed.
type tasks struct {
	ctx    context.Context
	cancel context.CancelFunc
	mu     sync.Mutex
	wg     sync.WaitGroup
}

func newTasks() *tasks {
	t := &tasks{}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// start runs fn, which must return soon after ctx has ended, in a goroutine.
// After close it runs it at once, so that it can clean up.
func (t *tasks) start(fn func()) {
	t.mu.Lock()
	open := t.ctx.Err() == nil
	if open {
		t.wg.Go(fn)
	}
	t.mu.Unlock()
	if !open {
		fn()
	}
}

// close ends all goroutines and waits for them.
func (t *tasks) close() {
	t.mu.Lock()
	t.cancel()
	t.mu.Unlock()
	t.wg.Wait()
}

// stream returns a channel of what watch sends until it returns, ctx ends or t
// is closed. send waits for the client; it fails when the stream has ended.
func stream[T any](ctx context.Context, t *tasks, watch func(ctx context.Context, send func(T) error) error) <-chan T {
	out := make(chan T)
	streamCtx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(t.ctx, cancel)
	send := func(value T) error {
		select {
		case <-streamCtx.Done():
			return streamCtx.Err()
		case out <- value:
			return nil
		}
	}
	t.start(func() {
		defer close(out)
		defer cancel()
		defer stop()
		if err := watch(streamCtx, send); err != nil && ctx.Err() == nil {
			failStream(ctx, err)
		}
	})
	return out
}
