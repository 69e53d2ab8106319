package postgres

import (
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// taskRows are task runs by column.
type taskRows struct {
	runs, taskIDs                               []uuid.UUID
	names, statuses, reasons, queues, pools     []string
	seqs, priorities, upstream, timeouts, slots []int64
	finals                                      []bool
}

func (r *taskRows) add(runID uuid.UUID, s dialect.StartTask) {
	task := s.Task
	r.runs, r.taskIDs = append(r.runs, runID), append(r.taskIDs, s.TaskID)
	r.names, r.statuses = append(r.names, s.Name), append(r.statuses, string(s.Status))
	r.reasons = append(r.reasons, s.Reason)
	r.queues, r.pools = append(r.queues, task.Queue), append(r.pools, task.Pool)
	r.seqs, r.priorities = append(r.seqs, int64(s.Seq)), append(r.priorities, int64(s.Priority))
	r.upstream, r.timeouts = append(r.upstream, int64(s.Upstream)), append(r.timeouts, task.QueueTimeout.Std().Microseconds())
	r.slots, r.finals = append(r.slots, int64(task.PoolSlots)), append(r.finals, task.Finally)
}

// insertTasksText writes taskRows.
const insertTasksText = `
	INSERT INTO task_runs (workflow_run_id, seq, task_id, name, status, queue, priority, up_total,
		queue_timeout, pool, pool_slots, is_finally, queued_at, reason, finished_at)
	SELECT i.run_id, i.seq, i.task_id, i.name, i.status, i.queue, i.priority, i.upstream,
		i.queue_timeout, i.pool, i.pool_slots, i.is_finally, CASE i.status WHEN 'queued' THEN $13::timestamptz END,
		i.reason, CASE i.status WHEN 'skipped' THEN $13::timestamptz END
	FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::smallint[], $8::int[],
			$9::bigint[], $10::text[], $11::int[], $12::bool[], $14::text[])
		AS i(run_id, seq, task_id, name, status, queue, priority, upstream, queue_timeout, pool, pool_slots, is_finally, reason)`

// args are those of insertTasksText.
func (r *taskRows) args(now time.Time) []any {
	return []any{
		r.runs, r.seqs, r.taskIDs, r.names, r.statuses, r.queues, r.priorities, r.upstream, r.timeouts, r.pools, r.slots, r.finals, now,
		r.reasons,
	}
}

// rootRows are roots of runs by column. places counts those of each run from 1.
type rootRows struct {
	runs         []uuid.UUID
	seqs, places []int
}

func (r *rootRows) add(runID uuid.UUID, seqs []int) {
	for i, seq := range seqs {
		r.runs, r.seqs, r.places = append(r.runs, runID), append(r.seqs, seq), append(r.places, i+1)
	}
}
