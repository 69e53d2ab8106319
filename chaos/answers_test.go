package chaos

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// answerAll approves what asks for it until ctx ends, as people do who look again
// and again. An answer whose fate is unknown is given once more with the same id.
func (c *cluster) answerAll(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, req := range c.asking(ctx) {
			once, cancel := context.WithTimeout(ctx, 5*time.Second)
			_, _ = c.control.AnswerApproval(once, req) // what still waits is found again
			cancel()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// asking returns an approval of all that waits for one; nothing where the database is away.
func (c *cluster) asking(ctx context.Context) (all []miniairflow.AnswerRequest) {
	query := fmt.Sprintf(`SELECT workflow_run_id::text, attempt FROM task_runs WHERE status = 'waiting' AND name = '%s'`, askTask)
	err := each(ctx, c.db, func(rows *sql.Rows) error {
		var run uuid.UUID
		attempt := 0
		err := rows.Scan(&run, &attempt)
		all = append(all, miniairflow.AnswerRequest{
			ID: uuid.NewSHA1(run, fmt.Append(nil, attempt)), RunID: run, Task: askTask, Approve: true, By: miniairflow.Actor{Name: "chaos"},
		})
		return err
	}, query)
	if err != nil {
		return nil // the next look finds them
	}
	return all
}
