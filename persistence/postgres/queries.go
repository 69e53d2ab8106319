package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// FindRun implements miniairflow.RunStore.
func (s *Store) FindRun(ctx context.Context, id uuid.UUID) (*miniairflow.WorkflowRun, error) {
	return queryOne(ctx, s, scanRun, `SELECT `+runColumns+` FROM `+runTables+` WHERE r.id = $1`, id)
}

// FindRunByNumber implements miniairflow.RunStore.
func (s *Store) FindRunByNumber(ctx context.Context, workflowID uuid.UUID, number int64) (*miniairflow.WorkflowRun, error) {
	const text = `SELECT ` + runColumns + ` FROM ` + runTables + ` WHERE r.workflow_id = $1 AND r.number = $2`
	const latest = `SELECT ` + runColumns + ` FROM ` + runTables + ` WHERE r.workflow_id = $1 ORDER BY r.number DESC LIMIT 1`
	if number == 0 {
		return queryOne(ctx, s, scanRun, latest, workflowID)
	}
	return queryOne(ctx, s, scanRun, text, workflowID, number)
}

// conditions collects the parts of a WHERE and their arguments.
type conditions struct {
	parts []string
	args  []any
}

// add adds a part; its ? stand for the values, in their order.
func (c *conditions) add(part string, values ...any) {
	for _, v := range values {
		c.args = append(c.args, v)
		part = strings.Replace(part, "?", fmt.Sprintf("$%d", len(c.args)), 1)
	}
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
	return fmt.Sprintf(" LIMIT $%d", len(c.args))
}

// alongIndex has the first rows counted along an index, which the filter, if any,
// is a part of. Otherwise the planner takes the table: of a large one PostgreSQL keeps
// next to nothing in its buffers after a scan, and begins the next scan where the
// last one ended, so that every count would read the pages anew.
func alongIndex(columns string) string { return ` ORDER BY ` + columns }

// orderOfRuns is the order of FindRuns. Lists over all runs go along an index that has
// all of them under a condition which they alone state: runs of one workflow, or one
// backfill, are never looked for along it, through those of all others.
func orderOfRuns(filter miniairflow.RunFilter, c *conditions) string {
	if filter.WorkflowID == uuid.Nil && filter.BackfillID == uuid.Nil {
		c.add(`r.created_at > '-infinity'`)
	}
	return alongIndex(`r.created_at DESC, r.id DESC`)
}

// FindRuns implements miniairflow.RunStore.
func (s *Store) FindRuns(ctx context.Context, filter miniairflow.RunFilter) ([]*miniairflow.WorkflowRun, error) {
	c := runConditions(filter)
	if filter.Before != nil {
		c.add(`(r.created_at, r.id) < (?, ?)`, filter.Before.CreatedAt, filter.Before.ID)
	}
	order := orderOfRuns(filter, c)
	text := `SELECT ` + runColumns + ` FROM ` + runTables + ` WHERE ` + c.where() + order + c.limit(dialect.PageLimit(filter.Limit))
	return query(ctx, s, scanRun, text, c.args...)
}

// CountRuns implements miniairflow.RunStore.
func (s *Store) CountRuns(ctx context.Context, filter miniairflow.RunFilter, max int) (int, error) {
	c := runConditions(filter)
	order := ""
	if len(filter.Statuses) == 0 {
		order = orderOfRuns(filter, c)
	}
	text := `SELECT count(*) FROM (SELECT FROM workflow_runs r WHERE ` + c.where() + order + c.limit(max) + `) counted`
	return queryOne(ctx, s, pgx.RowTo[int], text, c.args...)
}

// runConditions returns what a filter means, but for its page.
func runConditions(filter miniairflow.RunFilter) *conditions {
	c := &conditions{}
	if filter.WorkflowID != uuid.Nil {
		c.add(`r.workflow_id = ?`, filter.WorkflowID)
	}
	if len(filter.Statuses) > 0 {
		c.add(`r.status = ANY(?)`, filter.Statuses)
	}
	if len(filter.Types) > 0 {
		c.add(`r.type = ANY(?)`, filter.Types)
	}
	if filter.BackfillID != uuid.Nil {
		c.add(`r.backfill_id = ? AND r.type = 'backfill'`, filter.BackfillID)
	}
	if filter.From != nil && filter.To != nil {
		c.add(`r.logical_date >= ? AND r.logical_date < ?`, *filter.From, *filter.To)
	}
	return c
}

// CountTasks implements miniairflow.RunStore.
func (s *Store) CountTasks(ctx context.Context, runIDs []uuid.UUID) (map[uuid.UUID]map[miniairflow.TaskStatus]int, error) {
	const text = `
		SELECT workflow_run_id, status, count(*) FROM task_runs
		WHERE workflow_run_id = ANY($1) AND seq < $2 GROUP BY workflow_run_id, status`
	counts := make(map[uuid.UUID]map[miniairflow.TaskStatus]int, len(runIDs))
	for _, id := range runIDs {
		counts[id] = map[miniairflow.TaskStatus]int{}
	}
	type row struct {
		runID  uuid.UUID
		status miniairflow.TaskStatus
		count  int
	}
	rows, err := query(ctx, s, func(r pgx.CollectableRow) (found row, err error) {
		err = r.Scan(&found.runID, &found.status, &found.count)
		return found, err
	}, text, runIDs, miniairflow.FirstItem)
	for _, r := range rows {
		counts[r.runID][r.status] = r.count
	}
	return counts, err
}

// FindTaskRun implements miniairflow.TaskStore.
func (s *Store) FindTaskRun(ctx context.Context, runID uuid.UUID, seq int) (*miniairflow.TaskRun, error) {
	const text = `SELECT ` + taskRunColumns + ` FROM task_runs t WHERE t.workflow_run_id = $1 AND t.seq = $2`
	return queryOne(ctx, s, scanTaskRun, text, runID, seq)
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
	return query(ctx, s, scanTaskRun, text, c.args...)
}

// CountTaskRuns implements miniairflow.TaskStore.
func (s *Store) CountTaskRuns(ctx context.Context, filter miniairflow.TaskRunFilter, max int) (int, error) {
	from, c := taskRunConditions(filter)
	order := ""
	if len(filter.Statuses) == 0 {
		order = alongIndex(`t.workflow_run_id, t.seq`)
	}
	text := `SELECT count(*) FROM (SELECT FROM ` + from + ` WHERE ` + c.where() + order + c.limit(max) + `) counted`
	return queryOne(ctx, s, pgx.RowTo[int], text, c.args...)
}

// taskRunConditions returns where to look, and what a filter means but for its
// page. task_runs has no index on the status, so a list over all runs goes
// through the few runs or rows that can have such a status, where there are few.
func taskRunConditions(filter miniairflow.TaskRunFilter) (from string, c *conditions) {
	from, c = `task_runs t`, &conditions{}
	if len(filter.Statuses) > 0 {
		c.add(`t.status = ANY(?)`, filter.Statuses)
	}
	switch {
	case filter.RunID != uuid.Nil:
		c.add(`t.workflow_run_id = ?`, filter.RunID)
	case dialect.AreRare(filter.Statuses):
		c.add(`t.is_rare`)
	case dialect.AreOpen(filter.Statuses):
		from += ` JOIN workflow_runs r ON r.id = t.workflow_run_id`
		c.add(`r.status = 'running'`)
	}
	return from, c
}

// FindAttempts implements miniairflow.TaskStore.
func (s *Store) FindAttempts(ctx context.Context, keys []miniairflow.TaskRunKey) (map[miniairflow.TaskRunKey][]*miniairflow.TaskAttempt, error) {
	const text = `
		WITH keys AS MATERIALIZED (SELECT DISTINCT * FROM unnest($1::uuid[], $2::int[]) AS k(workflow_run_id, seq))
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
	ids, seqs := make([]uuid.UUID, len(keys)), make([]int, len(keys))
	for i, key := range keys {
		ids[i], seqs[i] = key.RunID, key.Seq
	}
	attempts, err := query(ctx, s, scanAttempt, text, ids, seqs)
	if err != nil {
		return nil, err
	}
	return dialect.AttemptsByKey(attempts), nil
}

// QueueDepth implements miniairflow.TaskStore.
func (s *Store) QueueDepth(ctx context.Context) (map[string]int, error) {
	type row struct {
		Queue string
		Count int
	}
	rows, err := query(ctx, s, pgx.RowToStructByPos[row], `SELECT queue, count(*) FROM task_queue WHERE state = 'ready' GROUP BY queue`)
	depth := make(map[string]int, len(rows))
	for _, r := range rows {
		depth[r.Queue] = r.Count
	}
	return depth, err
}

func scanAttempt(row pgx.CollectableRow) (*miniairflow.TaskAttempt, error) {
	a := &miniairflow.TaskAttempt{}
	err := row.Scan(&a.RunID, &a.Seq, &a.Number, &a.Status, &a.Reason, &a.ExitCode, &a.WorkerID, &a.WorkerName, &a.StartedAt, &a.FinishedAt)
	return a, err
}
