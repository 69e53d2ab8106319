package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// note writes notices, with what the rows of runs and task runs say by now.
func note(ctx context.Context, t *tx, notes []dialect.Note) error {
	const text = `
		INSERT INTO notices (workflow_run_id, version_id, seq, event, task, status, attempt, reason, at)
		SELECT i.run_id, i.version_id, i.seq, i.event, coalesce(t.name, ''), coalesce(t.status, r.status), coalesce(t.attempt, 0),
			coalesce(nullif(i.reason, ''), t.reason, r.reason), ?2
		FROM (SELECT key AS place, value ->> 0 AS run_id, value ->> 1 AS version_id, value ->> 2 AS seq, value ->> 3 AS event, value ->> 4 AS reason
			FROM json_each(?1)) AS i
		CROSS JOIN workflow_runs r ON r.id = i.run_id
		LEFT JOIN task_runs t ON t.workflow_run_id = i.run_id AND t.seq = i.seq
		ORDER BY i.place`
	if len(notes) == 0 {
		return nil
	}
	rows := make(table, len(notes))
	for i, n := range notes {
		rows[i] = []any{n.RunID, n.VersionID, n.Seq, n.Event, n.Reason}
	}
	if _, err := t.ExecContext(ctx, text, rows, t.now); err != nil {
		return fmt.Errorf("write notices: %w", err)
	}
	return nil
}

// GatherNotices implements miniairflow.NotificationStore.
func (s *Store) GatherNotices(ctx context.Context, hold time.Duration, limit int, without ...int64) (int, error) {
	const anyText = `SELECT min(id) IS NOT NULL FROM notices`
	if some, err := queryOne(ctx, brief{s.read}, scanOne[bool], anyText); err != nil || !some {
		return 0, err
	}
	gathered := 0
	var fault miniairflow.NoticeFault
	err := s.inTx(ctx, func(t *tx) error {
		notices, ids, err := takeNotices(ctx, t, limit, without)
		if err != nil {
			return fmt.Errorf("read notices: %w", err)
		}
		if len(ids) == 1 {
			fault = miniairflow.NoticeFault{ID: ids[0], Notice: notices[0]}
		}
		drafts, err := dialect.Draft(notices, func(id uuid.UUID) (*miniairflow.DAG, error) { return s.graph(ctx, t, id) })
		if err != nil {
			return err
		}
		for i := range drafts {
			if err := post(ctx, t, hold, &drafts[i]); err != nil {
				return fmt.Errorf("write notification: %w", err)
			}
		}
		if _, err := t.ExecContext(ctx, `DELETE FROM notices WHERE id IN (SELECT value FROM json_each(?))`, list[int64](ids)); err != nil {
			return fmt.Errorf("delete notices: %w", err)
		}
		gathered = len(ids)
		return nil
	})
	return gathered, dialect.FaultOfNotice(ctx, fault, err)
}

// takeNotices returns the oldest notices but for some, and their ids.
func takeNotices(ctx context.Context, t *tx, limit int, without []int64) (notices []miniairflow.Notice, ids []int64, err error) {
	const text = `
		SELECT id, workflow_run_id, version_id, seq, event, task, status, attempt, reason, at FROM notices
		WHERE id NOT IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT ? + 0`
	notices, err = query(ctx, t, func(row row) (n miniairflow.Notice, err error) {
		var id int64
		err = row.Scan(&id, &n.RunID, &n.VersionID, &n.Seq, &n.Event, &n.Task, &n.Status, &n.Attempt, &n.Reason, timeInto{&n.At})
		ids = append(ids, id)
		return n, err
	}, text, list[int64](without), limit)
	return notices, ids, err
}

// post writes a draft: into a notification that was not tried yet, or as a new one. A
// run that is gone tells nothing any more.
func post(ctx context.Context, t *tx, hold time.Duration, draft *miniairflow.NotificationDraft) error {
	out, err := dialect.NewOutgoing(draft)
	if err != nil {
		return err
	}
	delay := time.Duration(0)
	if draft.OfTasks {
		earlier, err := findEarlier(ctx, t, out)
		if err != nil {
			return err
		}
		if earlier.OpenID != nil {
			return foldInto(ctx, t, out, earlier)
		}
		delay = miniairflow.FoldDelay(hold, earlier.Count)
	}
	facts, err := dialect.EncodeFacts(draft.NotificationFacts)
	if err != nil {
		return err
	}
	const text = `
		INSERT INTO notifications (id, workflow_run_id, event, of_tasks, recipient, destination, fold_key, facts, task_count, at, due_at, since, created_at)
		SELECT ?1, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12 FROM workflow_runs WHERE id = ?2`
	_, err = t.ExecContext(ctx, text, out.ID, draft.RunID, draft.Event, draft.OfTasks, out.Recipient, out.Destination, out.FoldKey, facts,
		draft.Count, micros(draft.At), t.now+delay.Microseconds(), t.now)
	return err
}

// findEarlier returns what there is of notifications like one.
func findEarlier(ctx context.Context, t *tx, out dialect.Outgoing) (e dialect.Earlier, err error) {
	const text = `SELECT count(*) FROM notifications WHERE workflow_run_id = ? AND fold_key = ?`
	if e.Count, err = queryOne(ctx, t, scanOne[int], text, out.RunID, out.FoldKey); err != nil || e.Count == 0 {
		return e, err
	}
	const openText = `
		SELECT id, facts, task_count FROM notifications
		WHERE workflow_run_id = ? AND fold_key = ? AND state = 'pending' AND tries = 0 ORDER BY id DESC LIMIT 1`
	_, err = query(ctx, t, func(row row) (struct{}, error) {
		e.OpenID = &uuid.UUID{}
		return struct{}{}, row.Scan(e.OpenID, &e.Facts, &e.Tasks)
	}, openText, out.RunID, out.FoldKey)
	return e, err
}

// foldInto adds a draft to a notification that was not tried yet.
func foldInto(ctx context.Context, t *tx, out dialect.Outgoing, earlier dialect.Earlier) error {
	facts, tasks, err := out.FoldInto(earlier)
	if err != nil {
		return err
	}
	_, err = t.ExecContext(ctx, `UPDATE notifications SET facts = ?, task_count = ? WHERE id = ?`, facts, tasks, *earlier.OpenID)
	return err
}
