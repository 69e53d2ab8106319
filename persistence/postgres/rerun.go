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

// Rerun implements miniairflow.RunStore (T9).
func (s *Store) Rerun(ctx context.Context, req miniairflow.Rerun) (miniairflow.RerunResult, error) {
	var result miniairflow.RerunResult
	err := s.inTx(ctx, func(t *tx) (err error) {
		result, err = s.rerun(ctx, t, req)
		return err
	})
	if err != nil {
		return miniairflow.RerunResult{}, err
	}
	return result, nil
}

// rerunning is a rerun on its way.
type rerunning struct {
	miniairflow.Rerun
	now       time.Time
	run       *dialect.Run // with the graph to go on with
	versionID uuid.UUID    // of that graph
	states    []miniairflow.TaskStatus
	queue     []dialect.Taken
	plan      miniairflow.RerunPlan
	seqs      []int // of the task runs that change
}

// adopts reports whether the run goes over to a later version.
func (r *rerunning) adopts() bool { return r.versionID != r.run.VersionID }

func (s *Store) rerun(ctx context.Context, t *tx, req miniairflow.Rerun) (result miniairflow.RerunResult, err error) {
	r := &rerunning{Rerun: req}
	if err := lockRuns(ctx, t, req.RunID); err != nil {
		return result, err
	}
	if r.run, r.now, err = s.loadRun(ctx, t, req.RunID); err != nil {
		return result, err
	}
	const repeatText = `SELECT EXISTS (SELECT 1 FROM audit_log WHERE request_id = $1)`
	if err := t.QueryRow(ctx, repeatText, req.ID).Scan(&result.IsRepeat); err != nil {
		return result, fmt.Errorf("look for an earlier request: %w", err)
	}
	if !result.IsRepeat {
		if err := s.planRerun(ctx, t, r); err != nil {
			return result, err
		}
		if !req.DryRun && !r.plan.IsEmpty() {
			if err := s.writeRerun(ctx, t, r); err != nil {
				return result, fmt.Errorf("write rerun: %w", err)
			}
		}
		if result.TaskRuns, err = taskRunsAt(ctx, t, req.RunID, r.seqs); err != nil {
			return result, err
		}
	}
	result.Run, err = runByID(ctx, t, req.RunID)
	return result, err
}

// planRerun reads the whole run and decides. It takes the rows of the queue
// first: whoever is about to claim one is waited for and then counts as running.
func (s *Store) planRerun(ctx context.Context, t *tx, r *rerunning) error {
	const queueText = `SELECT seq, state FROM task_queue WHERE workflow_run_id = $1 ORDER BY seq FOR UPDATE`
	var err error
	if r.queue, err = collect(ctx, t, pgx.RowToStructByPos[dialect.Taken], queueText, r.run.ID); err != nil {
		return fmt.Errorf("read queue of run: %w", err)
	}
	const latestText = `
		SELECT w.version_id, w.retired_at IS NOT NULL FROM workflow_runs r JOIN workflows w ON w.id = r.workflow_id WHERE r.id = $1`
	var latest uuid.UUID
	var retired bool
	if err := t.QueryRow(ctx, latestText, r.run.ID).Scan(&latest, &retired); err != nil {
		return fmt.Errorf("read latest version: %w", err)
	}
	if r.states, err = taskStates(ctx, t, r.run.ID); err != nil {
		return err
	}
	if err := dialect.CheckRerun(r.run, len(r.states), retired, r.Rerun); err != nil {
		return err
	}
	if r.versionID = r.run.VersionID; r.Latest && latest != r.versionID {
		next, err := s.selected(ctx, t, latest, r.run.Selection)
		if err != nil {
			return err
		}
		if err := miniairflow.FitsVersion(r.run.Graph, next); err != nil {
			return err
		}
		r.versionID, r.run.Graph = latest, next
	}
	r.plan, err = miniairflow.PlanRerun(r.run.Graph, r.states, r.run.Status.IsTerminal(), r.Rerun)
	r.seqs = dialect.RerunSeqs(r.plan)
	return err
}

// taskStates returns the states of a run's task runs but items, by place.
func taskStates(ctx context.Context, t *tx, runID uuid.UUID) ([]miniairflow.TaskStatus, error) {
	const text = `SELECT status FROM task_runs WHERE workflow_run_id = $1 AND seq < $2 ORDER BY seq`
	states, err := collect(ctx, t, pgx.RowTo[miniairflow.TaskStatus], text, runID, miniairflow.FirstItem)
	if err != nil {
		return nil, fmt.Errorf("read states of task runs: %w", err)
	}
	return states, nil
}

// taskRunsAt returns the task runs at the given places.
func taskRunsAt(ctx context.Context, t *tx, runID uuid.UUID, seqs []int) ([]*miniairflow.TaskRun, error) {
	const text = `SELECT ` + taskRunColumns + ` FROM task_runs t WHERE t.workflow_run_id = $1 AND t.seq = ANY($2) ORDER BY t.seq`
	return collect(ctx, t, scanTaskRun, text, runID, seqs)
}

// writeRerun writes what was planned: first what the task runs leave behind,
// then their states, then what the whole run comes to.
func (s *Store) writeRerun(ctx context.Context, t *tx, r *rerunning) error {
	const reopenText = `
		UPDATE task_runs
		SET status = 'pending', reopens = reopens + 1, reason = '', failures = 0, losses = 0, exit_code = NULL, outputs = NULL,
			queued_at = NULL, started_at = NULL, finished_at = NULL, next_retry_at = NULL, changed = pg_current_xact_id()
		WHERE workflow_run_id = $1 AND seq = ANY($2)`
	const markText = `
		UPDATE task_runs t
		SET status = i.status, reopens = t.reopens + 1, reason = i.reason, outputs = coalesce($6::jsonb, t.outputs), finished_at = $5, next_retry_at = NULL, changed = pg_current_xact_id()
		FROM unnest($2::int[], $3::text[], $4::text[]) AS i(seq, status, reason)
		WHERE t.workflow_run_id = $1 AND t.seq = i.seq`
	n := len(r.plan.Mark)
	marked, statuses, reasons := make([]int, n), make([]string, n), make([]string, n)
	for i, m := range r.plan.Mark {
		marked[i], statuses[i], reasons[i] = m.Seq, string(m.Status), dialect.EndReason(m.Status, r.Rerun)
	}
	batch := &pgx.Batch{}
	batch.Queue(`DELETE FROM task_queue WHERE workflow_run_id = $1 AND seq = ANY($2)`, r.run.ID, dialect.Unqueued(r.plan))
	batch.Queue(`DELETE FROM task_decisions WHERE workflow_run_id = $1`, r.run.ID)
	stopMarked(batch, r, marked, reasons)
	stopWaits(batch, r)
	dropItems(batch, r)
	t.moved(r.run.Pools()...)
	batch.Queue(reopenText, r.run.ID, r.plan.Reopen)
	outputs, err := dialect.EncodeAnswer(r.Rerun)
	if err != nil {
		return err
	}
	batch.Queue(markText, r.run.ID, marked, statuses, reasons, r.now, outputs)
	if r.adopts() {
		adopt(batch, r)
	}
	recount(batch, r)
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if err := goOn(ctx, t, r); err != nil {
		return err
	}
	var later dialect.Plan
	later.WakeFuture(r.run, r.plan.Mark)
	later.Notes = dialect.NotesOfRerun(r.run, r.versionID, r.plan, r.Rerun)
	t.publish(later.Events(nil)...)
	wakes := &pgx.Batch{}
	wakeFuture(wakes, later.Wakes)
	note(wakes, r.now, later.Notes)
	if err := t.SendBatch(ctx, wakes).Close(); err != nil {
		return fmt.Errorf("wake later runs, and note: %w", err)
	}
	details, err := dialect.EncodeDetails(miniairflow.AuditOfRerun(r.run.Graph, r.plan, r.Rerun))
	if err != nil {
		return err
	}
	return audit(ctx, t, r.By, dialect.Audited{Action: r.Kind.Audit(), RunID: &r.run.ID, Details: details, RequestID: &r.ID})
}

// stopMarked ends the attempts of the task runs that are marked while they run.
func stopMarked(batch *pgx.Batch, r *rerunning, seqs []int, reasons []string) {
	const text = `
		WITH closed AS (
			DELETE FROM task_open o USING unnest($2::int[], $3::text[]) AS i(seq, reason)
			WHERE o.workflow_run_id = $1 AND o.seq = i.seq
			RETURNING o.*, i.reason)
		INSERT INTO task_attempts (workflow_run_id, seq, number, token, session_id, worker_name, status, reason, started_at, finished_at)
		SELECT c.workflow_run_id, c.seq, c.attempt, c.token, c.session_id, coalesce(w.name, ''), 'cancelled', c.reason, c.started_at, $4
		FROM closed c LEFT JOIN workers w ON w.id = c.session_id`
	batch.Queue(text, r.run.ID, seqs, reasons, r.now)
}

// adopt gives the task runs what a later version says of them, and writes those
// that the run did not have. What has ended is given it, too: a rerun to come
// finds the run with that version and adopts nothing.
func adopt(batch *pgx.Batch, r *rerunning) {
	const text = `
		UPDATE task_runs t
		SET task_id = i.task_id, queue = i.queue, priority = i.priority, queue_timeout = i.queue_timeout, pool = i.pool,
			pool_slots = i.pool_slots, changed = pg_current_xact_id()
		FROM unnest($2::int[], $3::uuid[], $4::text[], $5::smallint[], $6::bigint[], $7::text[], $8::int[])
			AS i(seq, task_id, queue, priority, queue_timeout, pool, pool_slots)
		WHERE t.workflow_run_id = $1 AND t.seq = i.seq`
	start := dialect.NewStart(dialect.StartKind{VersionID: r.versionID, Graph: r.run.Graph, IsBackfill: r.run.IsBackfill})
	var seqs, priorities, slots []int
	var taskIDs []uuid.UUID
	var queues, pools []string
	var timeouts []int64
	for seq := range r.states {
		s := start.Task(seq)
		task := s.Task
		seqs, taskIDs = append(seqs, seq), append(taskIDs, s.TaskID)
		queues, priorities, timeouts = append(queues, task.Queue), append(priorities, int(s.Priority)), append(timeouts, task.QueueTimeout.Std().Microseconds())
		pools, slots = append(pools, task.Pool), append(slots, task.PoolSlots)
	}
	batch.Queue(text, r.run.ID, seqs, taskIDs, queues, priorities, timeouts, pools, slots)
	start.Hold()
	var rows taskRows
	for seq := len(r.states); seq < start.Count; seq++ {
		rows.add(r.run.ID, start.Task(seq))
	}
	batch.Queue(insertTasksText, rows.args(r.now)...)
}

// recount writes how the upstream tasks of task runs stand: of the pending ones,
// and of all when their version has changed, and with it perhaps who they are.
func recount(batch *pgx.Batch, r *rerunning) {
	const text = `
		UPDATE task_runs t SET up_total = i.total, up_success = i.success, up_failed = i.failed, up_skipped = i.skipped
		FROM unnest($2::int[], $3::int[], $4::int[], $5::int[], $6::int[]) AS i(seq, total, success, failed, skipped)
		WHERE t.workflow_run_id = $1 AND t.seq = i.seq`
	var seqs, total, success, failed, skipped []int
	for seq, state := range r.plan.States {
		if state == miniairflow.TaskPending || r.adopts() {
			up := r.run.Graph.UpstreamOf(seq, r.plan.States)
			seqs, total, success = append(seqs, seq), append(total, up.Total), append(success, up.Success)
			failed, skipped = append(failed, up.Failed), append(skipped, up.Skipped)
		}
	}
	batch.Queue(text, r.run.ID, seqs, total, success, failed, skipped)
}

// goOn writes what the run itself becomes: pending if it is opened again,
// finished otherwise if only ends were changed in a run that is over, and a run
// that goes on takes up what is due.
func goOn(ctx context.Context, t *tx, r *rerunning) error {
	if r.run.Status.IsTerminal() {
		r.run.CancelRequested, r.run.TimedOut = false, false // an end by hand follows from the tasks alone
	}
	items, err := runningItems(ctx, t, r.run.ID)
	if err != nil {
		return fmt.Errorf("count running items: %w", err)
	}
	ready, asks, err := r.run.Resume(r.plan.States, items, dialect.Left(r.queue, dialect.Unqueued(r.plan)))
	if err != nil {
		return err
	}
	if err := writeCounters(ctx, t, r.run); err != nil {
		return err
	}
	t.publish(miniairflow.Event{Topic: miniairflow.TopicRun, ID: r.run.ID}, miniairflow.Event{Topic: miniairflow.TopicRuns})
	switch {
	case r.plan.Reopens:
		const text = `
			UPDATE workflow_runs
			SET status = 'pending', generation = generation + 1, version_id = $2, task_count = $3, reason = '', outcome = '', timed_out = false,
				started_at = NULL, finished_at = NULL, cancel_requested_at = NULL, deadline_at = NULL, paused_at = NULL, changed = pg_current_xact_id(),
				is_awaited = EXISTS (SELECT 1 FROM task_waits w JOIN task_runs t ON t.workflow_run_id = w.workflow_run_id AND t.seq = w.seq
					WHERE w.child_run_id = workflow_runs.id AND t.status IN ('queued', 'running', 'waiting')) -- the parent has not looked yet
			WHERE id = $1`
		_, err := t.Exec(ctx, text, r.run.ID, r.versionID, len(r.plan.States))
		return err
	case r.run.Status.IsTerminal():
		reason := ""
		if r.run.Result() == miniairflow.RunFailed {
			if reason, err = failedReason(ctx, t, r.run); err != nil {
				return err
			}
		}
		const text = `
			UPDATE workflow_runs
			SET status = $2, generation = generation + 1, outcome = $3, reason = $4, version_id = $5, timed_out = false,
				cancel_requested_at = NULL, changed = pg_current_xact_id()
			WHERE id = $1`
		_, err := t.Exec(ctx, text, r.run.ID, string(r.run.Result()), string(r.run.Outcome), reason, r.versionID)
		return err
	case r.run.Status == miniairflow.RunPending:
		return nil
	default:
		r.run.Generation++
		m := move{run: r.run, ready: ready, asks: asks}
		if reason := r.run.FailsFast(r.plan.Mark); reason != "" {
			m = move{run: r.run}
			if err := failFast(ctx, t, r.now, &m, reason); err != nil {
				return fmt.Errorf("fail fast: %w", err)
			}
		}
		return takeUp(ctx, t, r.now, m)
	}
}

// writeCounters writes the counters of a run as they are after Resume.
func writeCounters(ctx context.Context, t *tx, r *dialect.Run) error {
	const text = `
		INSERT INTO run_counters (workflow_run_id, done, failed, active, limited) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (workflow_run_id) DO UPDATE
		SET done = excluded.done, failed = excluded.failed, active = excluded.active, limited = excluded.limited`
	_, err := t.Exec(ctx, text, r.ID, r.Stored.Done, r.Stored.Failed, r.Stored.Active, r.Stored.Limited)
	if err != nil {
		return fmt.Errorf("write counters: %w", err)
	}
	return nil
}

// takeUp lets a running run go on after Resume, with what is due.
func takeUp(ctx context.Context, t *tx, now time.Time, m move) error {
	r := m.run
	const text = `UPDATE workflow_runs SET outcome = $2, generation = $3, changed = pg_current_xact_id() WHERE id = $1`
	if _, err := t.Exec(ctx, text, r.ID, string(r.Outcome), r.Generation); err != nil {
		return err
	}
	due, err := countItems(ctx, t, []move{m})
	if err != nil {
		return err
	}
	plan := &dialect.Plan{}
	plan.Add(r, m.ready, append(m.asks, due[r.ID]...))
	plan.WakeFuture(r, m.ended)
	plan.Note(r, m.ended, nil)
	t.publish(plan.Events([]*dialect.Run{r})...)
	return writePlan(ctx, t, now, plan)
}
