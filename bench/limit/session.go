package limit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence"
)

// exchangeMax is how many tasks one exchange ends and claims, as in the product.
const exchangeMax = 200

// session is a worker that the product's database knows, and nothing around it.
type session struct {
	store miniairflow.Store
	id    uuid.UUID
}

// openSession opens a database that the product has left, and registers a
// worker. The caller must close it.
func openSession(ctx context.Context, address string, slots int) (*session, error) {
	store, err := persistence.Open(ctx, address, persistence.Options{})
	if err != nil {
		return nil, err
	}
	s := &session{store: store, id: uuid.New()}
	const lease = time.Hour
	err = store.StartSession(ctx, miniairflow.Worker{
		ID: s.id, Name: "bare-loop", Hostname: "localhost", PID: 1, Version: "bench",
		Queues: []string{miniairflow.QueueDefault}, Concurrency: slots, Status: miniairflow.WorkerActive,
	}, lease)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start a session: %w", err), store.Close())
	}
	return s, nil
}

func (s *session) close() error { return s.store.Close() }

// exchange reports those tasks as successful and claims up to limit others.
func (s *session) exchange(ctx context.Context, ended []miniairflow.Claim, limit int) ([]miniairflow.Claim, error) {
	finishes := make([]miniairflow.Finish, len(ended))
	for i, c := range ended {
		finishes[i] = miniairflow.Finish{
			RunID: c.RunID, Seq: c.Seq, Token: c.Token, Attempt: miniairflow.AttemptSuccess, Next: miniairflow.TaskSuccess,
		}
	}
	result, err := s.store.Exchange(ctx, miniairflow.Exchange{
		SessionID: s.id, Finishes: finishes, Queues: []string{miniairflow.QueueDefault}, Limit: min(limit, exchangeMax), Token: uuid.New(),
	})
	if err != nil {
		return nil, fmt.Errorf("exchange: %w", err)
	}
	return result.Claims, nil
}
