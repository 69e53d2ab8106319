package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// DueDeadlines implements miniairflow.LateStore.
func (s *Store) DueDeadlines(ctx context.Context, limit int) (due miniairflow.DueDeadlines, err error) {
	const firstText = `SELECT clock_timestamp(), (SELECT min(late_after) FROM workflow_runs WHERE late_after IS NOT NULL)`
	const dueText = `
		SELECT ` + runColumns + `, r.late_after FROM ` + runTables + `
		WHERE r.late_after IS NOT NULL AND r.late_after <= $1 ORDER BY r.late_after, r.id LIMIT $2`
	const nextText = `SELECT min(late_after) FROM workflow_runs WHERE late_after IS NOT NULL AND late_after > $1`
	due, err = queryOne(ctx, s, func(row pgx.CollectableRow) (due miniairflow.DueDeadlines, err error) {
		err = row.Scan(&due.Now, &due.Next)
		return due, err
	}, firstText)
	if err != nil || due.Next == nil || due.Next.After(due.Now) {
		return due, err
	}
	due.Due, err = query(ctx, s, func(row pgx.CollectableRow) (look miniairflow.DeadlineLook, err error) {
		look.Run, err = scanRunAnd(row, &look.At)
		return look, err
	}, dueText, due.Now, limit)
	if err != nil {
		return due, err
	}
	due.Next, err = queryOne(ctx, s, pgx.RowTo[*time.Time], nextText, due.Now)
	return due, err
}

// NoteLate implements miniairflow.LateStore.
func (s *Store) NoteLate(ctx context.Context, look miniairflow.DeadlineLook, marks []miniairflow.LateMark, next *time.Time) error {
	const moveText = `
		UPDATE workflow_runs SET late_after = $3, late_at = CASE WHEN $4 THEN coalesce(late_at, clock_timestamp()) ELSE late_at END,
			changed = pg_current_xact_id()
		WHERE id = $1 AND late_after = $2
		RETURNING clock_timestamp()`
	const marksText = `
		INSERT INTO late_marks (workflow_run_id, task, deadline, noted_at)
		SELECT $1, u.task, u.deadline, clock_timestamp() FROM unnest($2::text[], $3::timestamptz[]) AS u(task, deadline)
		ON CONFLICT DO NOTHING RETURNING task`
	return s.inTx(ctx, func(t *tx) error {
		if err := lockRuns(ctx, t, look.Run.ID); err != nil {
			return err
		}
		moved, err := collect(ctx, t, pgx.RowTo[time.Time], moveText, look.Run.ID, look.At, next, len(marks) > 0)
		if err != nil || len(moved) == 0 || len(marks) == 0 {
			return err
		}
		now := moved[0]
		tasks, deadlines := make([]string, len(marks)), make([]time.Time, len(marks))
		for i, m := range marks {
			tasks[i], deadlines[i] = dialect.Text(m.Task), m.Deadline
		}
		t.publish(miniairflow.Event{Topic: miniairflow.TopicRun, ID: look.Run.ID})
		isNew, err := collect(ctx, t, pgx.RowTo[string], marksText, look.Run.ID, tasks, deadlines)
		if err != nil {
			return fmt.Errorf("save late marks: %w", err)
		}
		graph, err := s.graph(ctx, t, look.Run.VersionID)
		if err != nil {
			return err
		}
		batch := &pgx.Batch{}
		note(batch, now, dialect.NotesOfLate(look.Run, graph, marks, isNew))
		return t.SendBatch(ctx, batch).Close()
	})
}

// UsualRuns implements miniairflow.LateStore. A workflow may have run many times otherwise
// since, so these runs have an index of their own.
func (s *Store) UsualRuns(ctx context.Context, run *miniairflow.WorkflowRun, limit int) ([]miniairflow.UsualRun, error) {
	const text = `
		SELECT id, greatest(run_after, created_at), finished_at FROM workflow_runs
		WHERE workflow_id = $1 AND id <> $2 AND status = 'success' AND type IN ('scheduled', 'manual') AND selection = ''
		ORDER BY created_at DESC, id DESC LIMIT $3`
	return query(ctx, s, pgx.RowToStructByPos[miniairflow.UsualRun], text, run.WorkflowID, run.ID, limit)
}

// TaskEnds implements miniairflow.LateStore. The versions say where in each run its tasks
// are: it has many others.
func (s *Store) TaskEnds(ctx context.Context, runIDs []uuid.UUID, tasks []string) ([]miniairflow.TaskEnd, error) {
	const text = `
		SELECT t.workflow_run_id, t.name, t.finished_at
		FROM workflow_runs r
		JOIN tasks d ON d.version_id = r.version_id AND d.name = ANY($2)
		JOIN task_runs t ON t.workflow_run_id = r.id AND t.seq = d.seq
		WHERE r.id = ANY($1) AND t.status = 'success'`
	return query(ctx, s, pgx.RowToStructByPos[miniairflow.TaskEnd], text, runIDs, tasks)
}

// LateMarks implements miniairflow.LateStore.
func (s *Store) LateMarks(ctx context.Context, runIDs []uuid.UUID) (map[uuid.UUID][]miniairflow.LateMark, error) {
	const text = `
		SELECT workflow_run_id, task, deadline, noted_at FROM late_marks
		WHERE workflow_run_id = ANY($1) ORDER BY workflow_run_id, deadline, task`
	marks, err := query(ctx, s, pgx.RowToStructByPos[miniairflow.LateMark], text, runIDs)
	return dialect.MarksByRun(marks), err
}
