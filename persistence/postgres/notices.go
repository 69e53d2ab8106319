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

// gatherLock is the advisory lock of who makes notifications of notices: two at once
// would make two messages of what can be one.
const gatherLock = 0x6e6f7465

// note adds the statement that writes notices, with what the rows of runs and task runs
// say by then.
func note(batch *pgx.Batch, now time.Time, notes []dialect.Note) {
	const text = `
		INSERT INTO notices (workflow_run_id, version_id, seq, event, task, status, attempt, reason, at)
		SELECT i.run_id, i.version_id, i.seq, i.event, coalesce(t.name, ''), coalesce(t.status, r.status), coalesce(t.attempt, 0),
			coalesce(nullif(i.reason, ''), t.reason, r.reason), $6
		FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[]) WITH ORDINALITY AS i(run_id, version_id, seq, event, reason, place)
		JOIN workflow_runs r ON r.id = i.run_id
		LEFT JOIN task_runs t ON t.workflow_run_id = i.run_id AND t.seq = i.seq
		ORDER BY i.place`
	if len(notes) == 0 {
		return
	}
	n := len(notes)
	runs, versions, seqs := make([]uuid.UUID, n), make([]uuid.UUID, n), make([]int, n)
	events, reasons := make([]string, n), make([]string, n)
	for i, one := range notes {
		runs[i], versions[i], seqs[i], events[i], reasons[i] = one.RunID, one.VersionID, one.Seq, string(one.Event), one.Reason
	}
	batch.Queue(text, runs, versions, seqs, events, reasons, now)
}

// GatherNotices implements miniairflow.NotificationStore.
func (s *Store) GatherNotices(ctx context.Context, hold time.Duration, limit int, without ...int64) (int, error) {
	const anyText = `SELECT min(id) IS NOT NULL FROM notices`
	if some, err := queryOne(ctx, s, pgx.RowTo[bool], anyText); err != nil || !some {
		return 0, err
	}
	gathered := 0
	var fault miniairflow.NoticeFault
	err := s.inTx(ctx, func(t *tx) error {
		gathered, fault = 0, miniairflow.NoticeFault{}
		var isMine bool
		var now time.Time
		if err := t.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1), clock_timestamp()`, int64(gatherLock)).Scan(&isMine, &now); err != nil || !isMine {
			return err
		}
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
			if err := post(ctx, t, now, hold, &drafts[i]); err != nil {
				return fmt.Errorf("write notification: %w", err)
			}
		}
		if _, err := t.Exec(ctx, `DELETE FROM notices WHERE id = ANY($1)`, ids); err != nil {
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
		WHERE id <> ALL(coalesce($1::bigint[], '{}')) ORDER BY id LIMIT $2`
	notices, err = collect(ctx, t, func(row pgx.CollectableRow) (n miniairflow.Notice, err error) {
		var id int64
		err = row.Scan(&id, &n.RunID, &n.VersionID, &n.Seq, &n.Event, &n.Task, &n.Status, &n.Attempt, &n.Reason, &n.At)
		ids = append(ids, id)
		return n, err
	}, text, without, limit)
	return notices, ids, err
}

// post writes a draft: into a notification that was not tried yet, or as a new one. A
// run that is gone tells nothing any more.
func post(ctx context.Context, t *tx, now time.Time, hold time.Duration, draft *miniairflow.NotificationDraft) error {
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
		SELECT $1, id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12 FROM workflow_runs WHERE id = $2`
	_, err = t.Exec(ctx, text, out.ID, draft.RunID, string(draft.Event), draft.OfTasks, out.Recipient, out.Destination, out.FoldKey, facts,
		draft.Count, draft.At, now.Add(delay), now)
	return err
}

// findEarlier returns what there is of notifications like one. It keeps the open one
// from being claimed meanwhile.
func findEarlier(ctx context.Context, t *tx, out dialect.Outgoing) (e dialect.Earlier, err error) {
	const text = `SELECT count(*) FROM notifications WHERE workflow_run_id = $1 AND fold_key = $2`
	if err := t.QueryRow(ctx, text, out.RunID, out.FoldKey).Scan(&e.Count); err != nil || e.Count == 0 {
		return e, err
	}
	const openText = `
		SELECT id, facts, task_count FROM notifications
		WHERE workflow_run_id = $1 AND fold_key = $2 AND state = 'pending' AND tries = 0 ORDER BY id DESC LIMIT 1 FOR NO KEY UPDATE`
	_, err = collect(ctx, t, func(row pgx.CollectableRow) (struct{}, error) {
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
	_, err = t.Exec(ctx, `UPDATE notifications SET facts = $1, task_count = $2 WHERE id = $3`, facts, tasks, *earlier.OpenID)
	return err
}
