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

// BurnDown ends everything that is queued in the product's database with the
// product's own statements and nothing around them: one loop that claims tasks
// and reports them as successful with the next call.
func BurnDown(ctx context.Context, address string, slots int) (err error) {
	store, err := persistence.Open(ctx, address, persistence.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	session := uuid.New()
	const lease = time.Hour
	worker := miniairflow.Worker{
		ID: session, Name: "bare-loop", Hostname: "localhost", PID: 1, Version: "bench",
		Queues: []string{miniairflow.QueueDefault}, Concurrency: slots, Status: miniairflow.WorkerActive,
	}
	if err := store.StartSession(ctx, worker, lease); err != nil {
		return fmt.Errorf("start a session: %w", err)
	}
	var finishes []miniairflow.Finish
	for {
		result, err := store.Exchange(ctx, miniairflow.Exchange{
			SessionID: session, Finishes: finishes, Queues: worker.Queues, Limit: min(slots, exchangeMax), Token: uuid.New(),
		})
		if err != nil {
			return fmt.Errorf("exchange: %w", err)
		}
		if len(result.Claims) == 0 {
			return nil
		}
		finishes = finishes[:0]
		for _, c := range result.Claims {
			finishes = append(finishes, miniairflow.Finish{
				RunID: c.RunID, Seq: c.Seq, Token: c.Token, Attempt: miniairflow.AttemptSuccess, Next: miniairflow.TaskSuccess,
			})
		}
	}
}
