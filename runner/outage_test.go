package runner_test

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// proven is a store that notes the last heartbeat which proved that the server is
// down, and counts those that succeeded.
type proven struct {
	miniairflow.Store
	last atomic.Pointer[time.Time]
	good atomic.Int64
}

func (p *proven) Heartbeat(ctx context.Context, session uuid.UUID, held []miniairflow.HeldAttempt, lease time.Duration) (miniairflow.HeartbeatResult, error) {
	result, err := p.Store.Heartbeat(ctx, session, held, lease)
	switch {
	case err == nil:
		p.good.Add(1)
	case errors.Is(err, miniairflow.ErrServerDown):
		now := time.Now()
		p.last.Store(&now)
	}
	return result, err
}

// While the only server is proven to be down nobody can take a task away, so an
// outage longer than the lease costs none.
func TestOutageCostsNoTask(t *testing.T) {
	server := persistencetest.PostgresServer(t)
	proofs := &proven{Store: persistencetest.Open(t, server.URL())}
	s, w := newSystem(t, proofs), newWitness(t)
	s.lease = 6 * time.Second // of which a busy machine may take a good part
	s.load(map[string]string{"w.yaml": witnessed(`for i in $(seq 1200); do test -e "$WITNESS.go" && break; sleep 0.05; done`)})
	s.scheduler()
	s.worker("w1")
	id := s.trigger("w", map[string]any{"witness": w.path})
	s.await("the task to start", func() bool { return len(w.lines()) == 1 })
	server.Stop()
	// Each proof of the outage carries the fence on; what is proven for longer than
	// a lease after the last good heartbeat has outlived it.
	var first time.Time
	require.Eventually(t, func() bool {
		at := proofs.last.Load()
		if at == nil {
			return false
		}
		if first.IsZero() {
			first = *at
		}
		return at.Sub(first) > s.lease
	}, patience, 10*time.Millisecond)
	server.Start()
	s.recovers()
	// A reaper that counted the outage would fence the session before these.
	good := proofs.good.Load()
	s.await("heartbeats", func() bool { return proofs.good.Load() >= good+3 })
	require.NoError(t, os.WriteFile(w.path+".go", nil, 0o600))
	s.finish(id)
	require.Equal(t, "run: success\na: success [success]\n", s.picture(id))
	require.Len(t, w.lines(), 1)
}
