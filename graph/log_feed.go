package graph

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// logState is how far a log has come.
type logState struct {
	attempt int // 0: none yet
	size    int64
	over    bool // nothing will be added
}

func wantsLog(key miniairflow.AttemptKey, e miniairflow.Event) bool {
	return (e.Topic == miniairflow.TopicLog || e.Topic == miniairflow.TopicRun) && e.ID == key.RunID
}

// pollLog follows the log of an attempt; attempt 0 is the first one to come.
func pollLog(store miniairflow.Store, key miniairflow.AttemptKey) poller[logState] {
	var state logState
	return func(ctx context.Context) (logState, bool, bool, error) {
		// The task run is read before the size: the log of an attempt that is over
		// has been written.
		t, err := store.FindTaskRun(ctx, key.RunID, key.Seq)
		if err != nil {
			return state, false, false, fmt.Errorf("find task run: %w", err)
		}
		if key.Attempt == 0 {
			key.Attempt = min(t.Attempt, 1)
		}
		next := logState{attempt: key.Attempt, over: attemptIsOver(t, key.Attempt)}
		if key.Attempt > 0 {
			if next.size, err = store.LogSize(ctx, key); err != nil {
				return state, false, false, fmt.Errorf("read size of log: %w", err)
			}
		}
		changed := next != state
		state = next
		return state, changed, state.over, nil
	}
}

// watchLog streams the log of an attempt of a task run; nil: the latest one, or
// the first one to come.
func (r *Resolver) watchLog(ctx context.Context, id uuid.UUID, attempt *int, from *int64) (<-chan *model.LogChunk, error) {
	t, err := r.taskRun(ctx, id)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, notFound("there is no task run %s", id)
	}
	number := valueOr(attempt, t.Attempt)
	if err := checkAttempt(t, number); err != nil {
		return nil, err
	}
	key := miniairflow.AttemptKey{RunID: t.RunID, Seq: t.Seq, Attempt: number}
	return stream(ctx, r.live.tasks, func(ctx context.Context, send func(*model.LogChunk) error) error {
		return r.followLog(ctx, key, valueOr(from, 0), send)
	}), nil
}

// followLog sends the log of an attempt to its end. What the client has not
// taken stays in the store, so a slow one holds no more than one chunk.
func (r *Resolver) followLog(ctx context.Context, key miniairflow.AttemptKey, from int64, send func(*model.LogChunk) error) error {
	feed, leave := r.live.logs.join(r.live.tasks, key)
	defer leave()
	state, version, err := feed.fresh(ctx)
	for err == nil && state.attempt == 0 {
		if state.over {
			return send(&model.LogChunk{IsComplete: true})
		}
		state, version, err = feed.next(ctx, version)
	}
	if err != nil {
		return err
	}
	key.Attempt = state.attempt
	offset, err := logOffset(ctx, r.store, key, from)
	for err == nil {
		if offset, err = r.sendLog(ctx, key, offset, state.over, send); err != nil || state.over {
			return err
		}
		state, version, err = feed.next(ctx, version)
	}
	return err
}

// sendLog sends what a log has from offset on and returns where that ends. With
// over it ends with a chunk that says so.
func (r *Resolver) sendLog(ctx context.Context, key miniairflow.AttemptKey, offset int64, over bool, send func(*model.LogChunk) error) (int64, error) {
	for {
		chunk, err := readChunk(ctx, r.store, key, offset, logChunkDefault, over)
		if err != nil {
			return offset, err
		}
		if chunk.NextOffset == offset && !chunk.IsComplete {
			return offset, nil
		}
		if err := send(chunk); err != nil || chunk.IsComplete {
			return chunk.NextOffset, err
		}
		offset = chunk.NextOffset
	}
}
