package sqlite

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// FindRun implements miniairflow.RunStore.
func (s *Store) FindRun(ctx context.Context, id uuid.UUID) (*miniairflow.WorkflowRun, error) {
	return queryOne(ctx, s.read, scanRun, `SELECT `+runColumns+` FROM `+runTables+` WHERE r.id = ?`, id)
}

// FindRunByNumber implements miniairflow.RunStore.
func (s *Store) FindRunByNumber(ctx context.Context, workflowID uuid.UUID, number int64) (*miniairflow.WorkflowRun, error) {
	const text = `SELECT ` + runColumns + ` FROM ` + runTables + ` WHERE r.workflow_id = ? AND r.number = ?`
	const latest = `SELECT ` + runColumns + ` FROM ` + runTables + ` WHERE r.workflow_id = ? ORDER BY r.number DESC LIMIT 1`
	if number == 0 {
		return queryOne(ctx, s.read, scanRun, latest, workflowID)
	}
	return queryOne(ctx, s.read, scanRun, text, workflowID, number)
}

// conditions collects the parts of a WHERE and their arguments.
type conditions struct {
	parts []string
	args  []any
}

// add adds a part; its ? stand for the values, in their order.
func (c *conditions) add(part string, values ...any) {
	c.args = append(c.args, values...)
	c.parts = append(c.parts, part)
}

// where returns the parts as one condition.
func (c *conditions) where() string {
	if len(c.parts) == 0 {
		return "true"
	}
	return strings.Join(c.parts, " AND ")
}

// limit returns a LIMIT of n.
func (c *conditions) limit(n int) string {
	c.args = append(c.args, n)
	return " LIMIT ? + 0"
}

// FindRuns implements miniairflow.RunStore.
func (s *Store) FindRuns(ctx context.Context, filter miniairflow.RunFilter) ([]*miniairflow.WorkflowRun, error) {
	c := runConditions(filter)
	if filter.Before != nil {
		c.add(`(r.created_at, r.id) < (?, ?)`, micros(filter.Before.CreatedAt), filter.Before.ID)
	}
	text := `SELECT ` + runColumns + ` FROM ` + runTables + ` WHERE ` + c.where() + ` ORDER BY r.created_at DESC, r.id DESC` +
		c.limit(dialect.PageLimit(filter.Limit))
	return query(ctx, s.read, scanRun, text, c.args...)
}

// CountRuns implements miniairflow.RunStore.
func (s *Store) CountRuns(ctx context.Context, filter miniairflow.RunFilter, max int) (int, error) {
	c := runConditions(filter)
	text := `SELECT count(*) FROM (SELECT 1 FROM workflow_runs r WHERE ` + c.where() + c.limit(max) + `) counted`
	return queryOne(ctx, s.read, scanOne[int], text, c.args...)
}

// runConditions returns what a filter means, but for its page.
func runConditions(filter miniairflow.RunFilter) *conditions {
	c := &conditions{}
	if filter.WorkflowID != uuid.Nil {
		c.add(`r.workflow_id = ?`, filter.WorkflowID)
	}
	if len(filter.Statuses) > 0 {
		c.add(`r.status IN (SELECT value FROM json_each(?))`, list[miniairflow.RunStatus](filter.Statuses))
	}
	if len(filter.Types) > 0 {
		c.add(`r.type IN (SELECT value FROM json_each(?))`, list[miniairflow.RunType](filter.Types))
	}
	if filter.BackfillID != uuid.Nil {
		c.add(`r.backfill_id = ? AND r.type = 'backfill'`, filter.BackfillID)
	}
	if filter.From != nil && filter.To != nil {
		c.add(`r.logical_date >= ? AND r.logical_date < ?`, micros(*filter.From), micros(*filter.To))
	}
	return c
}

// CountTasks implements miniairflow.RunStore.
func (s *Store) CountTasks(ctx context.Context, runIDs []uuid.UUID) (map[uuid.UUID]map[miniairflow.TaskStatus]int, error) {
	const text = `
		SELECT workflow_run_id, status, count(*) FROM task_runs
		WHERE workflow_run_id IN (SELECT value FROM json_each(?)) AND seq < ? GROUP BY workflow_run_id, status`
	counts := make(map[uuid.UUID]map[miniairflow.TaskStatus]int, len(runIDs))
	for _, id := range runIDs {
		counts[id] = map[miniairflow.TaskStatus]int{}
	}
	_, err := query(ctx, s.read, func(row row) (struct{}, error) {
		var id uuid.UUID
		var status miniairflow.TaskStatus
		var count int
		if err := row.Scan(&id, &status, &count); err != nil {
			return struct{}{}, err
		}
		counts[id][status] = count
		return struct{}{}, nil
	}, text, list[uuid.UUID](runIDs), miniairflow.FirstItem)
	return counts, err
}

// FindTaskRun implements miniairflow.TaskStore.
func (s *Store) FindTaskRun(ctx context.Context, runID uuid.UUID, seq int) (*miniairflow.TaskRun, error) {
	const text = `SELECT ` + taskRunColumns + ` FROM task_runs t WHERE t.workflow_run_id = ? AND t.seq = ?`
	return queryOne(ctx, s.read, scanTaskRun, text, runID, seq)
}

// FindTaskRuns implements miniairflow.TaskStore.
func (s *Store) FindTaskRuns(ctx context.Context, filter miniairflow.TaskRunFilter) ([]*miniairflow.TaskRun, error) {
	from, c := taskRunConditions(filter)
	order := ` ORDER BY t.workflow_run_id DESC, t.seq`
	switch {
	case filter.RunID != uuid.Nil:
		order = ` ORDER BY t.seq`
		if filter.After != nil {
			c.add(`t.seq > ?`, filter.After.Seq)
		}
	case filter.After != nil:
		c.add(`t.workflow_run_id <= ?`, filter.After.RunID)
		c.add(`(t.workflow_run_id < ? OR t.seq > ?)`, filter.After.RunID, filter.After.Seq)
	}
	text := `SELECT ` + taskRunColumns + ` FROM ` + from + ` WHERE ` + c.where() + order + c.limit(dialect.PageLimit(filter.Limit))
	return query(ctx, s.read, scanTaskRun, text, c.args...)
}

// CountTaskRuns implements miniairflow.TaskStore.
func (s *Store) CountTaskRuns(ctx context.Context, filter miniairflow.TaskRunFilter, max int) (int, error) {
	from, c := taskRunConditions(filter)
	text := `SELECT count(*) FROM (SELECT 1 FROM ` + from + ` WHERE ` + c.where() + c.limit(max) + `) counted`
	return queryOne(ctx, s.read, scanOne[int], text, c.args...)
}

// taskRunConditions returns where to look, and what a filter means but for its
// page. task_runs has no index on the status, so a list over all runs goes
// through the few runs or rows that can have such a status, where there are few.
func taskRunConditions(filter miniairflow.TaskRunFilter) (from string, c *conditions) {
	from, c = `task_runs t`, &conditions{}
	if len(filter.Statuses) > 0 {
		c.add(`t.status IN (SELECT value FROM json_each(?))`, list[miniairflow.TaskStatus](filter.Statuses))
	}
	switch {
	case filter.RunID != uuid.Nil:
		c.add(`t.workflow_run_id = ?`, filter.RunID)
	case dialect.AreRare(filter.Statuses):
		c.add(`t.is_rare`)
	case dialect.AreOpen(filter.Statuses):
		// Without CROSS, SQLite would go through the task runs of all runs instead.
		from = `workflow_runs r CROSS JOIN task_runs t ON t.workflow_run_id = r.id`
		c.add(`r.status = 'running'`)
	}
	return from, c
}

// FindAttempts implements miniairflow.TaskStore.
func (s *Store) FindAttempts(ctx context.Context, keys []miniairflow.TaskRunKey) (map[miniairflow.TaskRunKey][]*miniairflow.TaskAttempt, error) {
	const text = `
		WITH keys AS MATERIALIZED (SELECT DISTINCT value ->> 0 AS workflow_run_id, value ->> 1 AS seq FROM json_each(?))
		SELECT a.workflow_run_id, a.seq, a.number, a.status, a.reason, a.exit_code, a.session_id, a.worker_name, a.started_at, a.finished_at
		FROM keys JOIN task_attempts a USING (workflow_run_id, seq)
		UNION ALL
		SELECT o.workflow_run_id, o.seq, o.attempt, 'running', '', NULL, o.session_id, coalesce(w.name, ''), o.started_at, NULL
		FROM keys JOIN task_open o USING (workflow_run_id, seq) LEFT JOIN workers w ON w.id = o.session_id
		UNION ALL
		SELECT s.workflow_run_id, s.seq, s.attempt, 'running', '', NULL, s.session_id, coalesce(w.name, ''), s.started_at, NULL
		FROM keys JOIN task_waits s USING (workflow_run_id, seq) JOIN task_runs t USING (workflow_run_id, seq)
			LEFT JOIN workers w ON w.id = s.session_id
		WHERE t.status = 'waiting'
		ORDER BY 1, 2, 3`
	rows := table{}
	for _, key := range keys {
		rows = append(rows, []any{key.RunID, key.Seq})
	}
	attempts, err := query(ctx, s.read, scanAttempt, text, rows)
	if err != nil {
		return nil, err
	}
	return dialect.AttemptsByKey(attempts), nil
}

// QueueDepth implements miniairflow.TaskStore.
func (s *Store) QueueDepth(ctx context.Context) (map[string]int, error) {
	depth := map[string]int{}
	_, err := query(ctx, s.read, func(row row) (struct{}, error) {
		var name string
		var count int
		if err := row.Scan(&name, &count); err != nil {
			return struct{}{}, err
		}
		depth[name] = count
		return struct{}{}, nil
	}, `SELECT queue, count(*) FROM task_queue WHERE state = 'ready' GROUP BY queue`)
	return depth, err
}

func scanAttempt(row row) (*miniairflow.TaskAttempt, error) {
	a := &miniairflow.TaskAttempt{}
	err := row.Scan(&a.RunID, &a.Seq, &a.Number, &a.Status, &a.Reason, &a.ExitCode, &a.WorkerID, &a.WorkerName, timeInto{&a.StartedAt}, nullTimeInto{&a.FinishedAt})
	return a, err
}

// scanOne reads a row of one column.
func scanOne[T any](row row) (value T, err error) {
	err = row.Scan(&value)
	return value, err
}
