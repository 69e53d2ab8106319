package graph

import (
	"context"
	"fmt"
	"reflect"

	"github.com/sauravritesh63/miniairflow"
)

func wantsWorkers(_ struct{}, e miniairflow.Event) bool { return e.Topic == miniairflow.TopicWorkers }

// pollWorkers reads all workers.
func pollWorkers(store miniairflow.WorkerStore) poller[[]*miniairflow.Worker] {
	var state []*miniairflow.Worker
	return func(ctx context.Context) ([]*miniairflow.Worker, bool, bool, error) {
		workers, err := store.FindWorkers(ctx)
		if err != nil {
			return state, false, false, fmt.Errorf("find workers: %w", err)
		}
		changed := !reflect.DeepEqual(workers, state)
		state = workers
		return state, changed, false, nil
	}
}

// watchWorkers streams all workers: at once, and after each change.
func (r *Resolver) watchWorkers(ctx context.Context) (<-chan []*miniairflow.Worker, error) {
	return stream(ctx, r.live.tasks, func(ctx context.Context, send func([]*miniairflow.Worker) error) error {
		feed, leave := r.live.workers.join(r.live.tasks, struct{}{})
		defer leave()
		state, version, err := feed.fresh(ctx)
		for err == nil {
			if err = send(state); err == nil {
				state, version, err = feed.next(ctx, version)
			}
		}
		return err
	}), nil
}
