package runner_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
)

// observed is a store that tells when FireDue has moved nothing.
type observed struct {
	miniairflow.Store
	nothing func()
}

func (o observed) FireDue(ctx context.Context, limit int, plan miniairflow.FirePlan) (miniairflow.DueSchedules, int, error) {
	due, moved, err := o.Store.FireDue(ctx, limit, plan)
	if err == nil && moved == 0 {
		o.nothing()
	}
	return due, moved, err
}

// A scheduler that finds all slots that are due in the hands of another one looks
// again soon: when that one fails, its slots do not wait for the next poll.
func TestSlotsInOtherHands(t *testing.T) {
	url := persistencetest.PostgresURL(t)
	s := newSystem(t, persistencetest.Open(t, url))
	s.load(map[string]string{"w.yaml": "schedule: {cron: \"* * * * *\", catchup: all}\ntasks: {a: {noop: true}}"})
	from := s.missed(3)
	looked := make(chan struct{})
	second := observed{Store: persistencetest.Open(t, url), nothing: sync.OnceFunc(func() { close(looked) })}
	_, moved, err := s.store.FireDue(t.Context(), 10, func(due miniairflow.DueSchedules) []miniairflow.Fire {
		require.Len(t, due.Due, 1)
		// Its poll is not to help within the patience of the test, nor a hint.
		spawn(t, runner.NewScheduler(runner.SchedulerConfig{Store: second, Evaluator: s.eval, Poll: 10 * patience}).Run)
		<-looked
		return nil
	})
	require.NoError(t, err)
	require.Zero(t, moved)
	s.await("the slots that the other one has left", func() bool { return len(slots(s.runs("w"), from.Add(3*time.Minute))) == 4 })
}
