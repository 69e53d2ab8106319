package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// DueDeadlines implements miniairflow.LateStore.
func (s *Store) DueDeadlines(ctx context.Context, limit int) (due miniairflow.DueDeadlines, err error) {
	const firstText = `SELECT min(late_after) FROM workflow_runs WHERE late_after IS NOT NULL`
	const dueText = `
		SELECT ` + runColumns + `, r.late_after FROM ` + runTables + `
		WHERE r.late_after IS NOT NULL AND r.late_after <= ? ORDER BY r.late_after, r.id LIMIT ? + 0`
	const nextText = `SELECT min(late_after) FROM workflow_runs WHERE late_after IS NOT NULL AND late_after > ?`
	at := now()
	due.Now = timeOf(at)
	if due.Next, err = queryOne(ctx, brief{s.read}, scanNullTime, firstText); err != nil || due.Next == nil || due.Next.After(due.Now) {
		return due, err
	}
	due.Due, err = query(ctx, s.read, func(row row) (look miniairflow.DeadlineLook, err error) {
		look.Run, err = scanRunAnd(row, timeInto{&look.At})
		return look, err
	}, dueText, at, limit)
	if err != nil {
		return due, err
	}
	due.Next, err = queryOne(ctx, s.read, scanNullTime, nextText, at)
	return due, err
}

// NoteLate implements miniairflow.LateStore.
func (s *Store) NoteLate(ctx context.Context, look miniairflow.DeadlineLook, marks []miniairflow.LateMark, next *time.Time) error {
	const moveText = `
		UPDATE workflow_runs SET late_after = ?3, late_at = CASE WHEN ?4 THEN coalesce(late_at, ?5) ELSE late_at END, changed = ?6
		WHERE id = ?1 AND late_after = ?2`
	const marksText = `
		INSERT INTO late_marks (workflow_run_id, task, deadline, noted_at)
		SELECT ?1, value ->> 0, value ->> 1, ?3 FROM json_each(?2) WHERE true
		ON CONFLICT DO NOTHING RETURNING task`
	return s.inTx(ctx, func(t *tx) error {
		changed, err := t.changed(ctx)
		if err != nil {
			return err
		}
		var after any
		if next != nil {
			after = micros(*next)
		}
		done, err := t.ExecContext(ctx, moveText, look.Run.ID, micros(look.At), after, len(marks) > 0, t.now, changed)
		if err != nil {
			return err
		}
		if moved, err := done.RowsAffected(); err != nil || moved == 0 || len(marks) == 0 {
			return err
		}
		rows := make(table, len(marks))
		for i, m := range marks {
			rows[i] = []any{dialect.Text(m.Task), micros(m.Deadline)}
		}
		t.publish(miniairflow.Event{Topic: miniairflow.TopicRun, ID: look.Run.ID})
		isNew, err := query(ctx, t, scanOne[string], marksText, look.Run.ID, rows, t.now)
		if err != nil {
			return fmt.Errorf("save late marks: %w", err)
		}
		graph, err := s.graph(ctx, t, look.Run.VersionID)
		if err != nil {
			return err
		}
		return note(ctx, t, dialect.NotesOfLate(look.Run, graph, marks, isNew))
	})
}

// UsualRuns implements miniairflow.LateStore. A workflow may have run many times otherwise
// since, so these runs have an index of their own.
func (s *Store) UsualRuns(ctx context.Context, run *miniairflow.WorkflowRun, limit int) ([]miniairflow.UsualRun, error) {
	const text = `
		SELECT id, max(run_after, created_at), finished_at FROM workflow_runs INDEXED BY workflow_runs_usual
		WHERE workflow_id = ? AND id <> ? AND status = 'success' AND type IN ('scheduled', 'manual') AND selection = ''
		ORDER BY created_at DESC, id DESC LIMIT ? + 0`
	return query(ctx, s.read, func(row row) (r miniairflow.UsualRun, err error) {
		err = row.Scan(&r.ID, timeInto{&r.Began}, timeInto{&r.Ended})
		return r, err
	}, text, run.WorkflowID, run.ID, limit)
}

// TaskEnds implements miniairflow.LateStore. The versions say where in each run its tasks
// are: it has many others.
func (s *Store) TaskEnds(ctx context.Context, runIDs []uuid.UUID, tasks []string) ([]miniairflow.TaskEnd, error) {
	const text = `
		SELECT t.workflow_run_id, t.name, t.finished_at
		FROM json_each(?) i CROSS JOIN workflow_runs r ON r.id = i.value
		CROSS JOIN tasks d ON d.version_id = r.version_id AND d.name IN (SELECT value FROM json_each(?))
		CROSS JOIN task_runs t ON t.workflow_run_id = r.id AND t.seq = d.seq
		WHERE t.status = 'success'`
	return query(ctx, s.read, func(row row) (e miniairflow.TaskEnd, err error) {
		err = row.Scan(&e.RunID, &e.Task, timeInto{&e.At})
		return e, err
	}, text, list[uuid.UUID](runIDs), list[string](tasks))
}

// LateMarks implements miniairflow.LateStore.
func (s *Store) LateMarks(ctx context.Context, runIDs []uuid.UUID) (map[uuid.UUID][]miniairflow.LateMark, error) {
	const text = `
		SELECT workflow_run_id, task, deadline, noted_at FROM late_marks
		WHERE workflow_run_id IN (SELECT value FROM json_each(?)) ORDER BY workflow_run_id, deadline, task`
	marks, err := query(ctx, s.read, func(row row) (m miniairflow.LateMark, err error) {
		err = row.Scan(&m.RunID, &m.Task, timeInto{&m.Deadline}, timeInto{&m.NotedAt})
		return m, err
	}, text, list[uuid.UUID](runIDs))
	return dialect.MarksByRun(marks), err
}
