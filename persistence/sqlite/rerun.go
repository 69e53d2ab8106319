package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

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
	if r.run, err = s.loadRun(ctx, t, req.RunID); err != nil {
		return result, err
	}
	const repeatText = `SELECT count(*) FROM audit_log WHERE request_id = ?`
	repeats, err := queryOne(ctx, t, scanOne[int], repeatText, req.ID)
	if err != nil {
		return result, fmt.Errorf("look for an earlier request: %w", err)
	}
	if result.IsRepeat = repeats > 0; !result.IsRepeat {
		if err := s.planRerun(ctx, t, r); err != nil {
			return result, err
		}
		if result.TaskRuns, err = taskRunsAt(ctx, t, req.RunID, r.seqs); err != nil {
			return result, err
		}
		if !req.DryRun && !r.plan.IsEmpty() {
			if err := s.writeRerun(ctx, t, r); err != nil {
				return result, fmt.Errorf("write rerun: %w", err)
			}
			if result.TaskRuns, err = taskRunsAt(ctx, t, req.RunID, r.seqs); err != nil {
				return result, err
			}
		}
	}
	result.Run, err = runByID(ctx, t, req.RunID)
	return result, err
}

// planRerun reads the whole run and decides.
func (s *Store) planRerun(ctx context.Context, t *tx, r *rerunning) error {
	const latestText = `
		SELECT w.version_id, w.retired_at IS NOT NULL FROM workflow_runs r JOIN workflows w ON w.id = r.workflow_id WHERE r.id = ?`
	var latest uuid.UUID
	var retired bool
	if err := t.QueryRowContext(ctx, latestText, r.run.ID).Scan(&latest, &retired); err != nil {
		return fmt.Errorf("read latest version: %w", err)
	}
	var err error
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
	const queueText = `SELECT seq, state FROM task_queue WHERE workflow_run_id = ?`
	r.queue, err = query(ctx, t, func(row row) (taken dialect.Taken, err error) {
		err = row.Scan(&taken.Seq, &taken.State)
		return taken, err
	}, queueText, r.run.ID)
	if err != nil {
		return fmt.Errorf("read queue of run: %w", err)
	}
	r.plan, err = miniairflow.PlanRerun(r.run.Graph, r.states, r.run.Status.IsTerminal(), r.Rerun)
	r.seqs = dialect.RerunSeqs(r.plan)
	return err
}

// taskStates returns the states of a run's task runs but items, by place.
func taskStates(ctx context.Context, t *tx, runID uuid.UUID) ([]miniairflow.TaskStatus, error) {
	const text = `SELECT status FROM task_runs WHERE workflow_run_id = ? AND seq < ? ORDER BY seq`
	states, err := query(ctx, t, scanOne[miniairflow.TaskStatus], text, runID, miniairflow.FirstItem)
	if err != nil {
		return nil, fmt.Errorf("read states of task runs: %w", err)
	}
	return states, nil
}

// taskRunsAt returns the task runs at the given places.
func taskRunsAt(ctx context.Context, t *tx, runID uuid.UUID, seqs []int) ([]*miniairflow.TaskRun, error) {
	const text = `
		SELECT ` + taskRunColumns + ` FROM task_runs t
		WHERE t.workflow_run_id = ?1 AND t.seq IN (SELECT value FROM json_each(?2)) ORDER BY t.seq`
	return query(ctx, t, scanTaskRun, text, runID, list[int](seqs))
}

// writeRerun writes what was planned: first what the task runs leave behind,
// then their states, then what the whole run comes to.
func (s *Store) writeRerun(ctx context.Context, t *tx, r *rerunning) error {
	changed, err := t.changed(ctx)
	if err != nil {
		return err
	}
	const queueText = `DELETE FROM task_queue WHERE (workflow_run_id, seq) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))`
	if _, err := t.ExecContext(ctx, queueText, placesAt(r.run.ID, dialect.Unqueued(r.plan))); err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, `DELETE FROM task_decisions WHERE workflow_run_id = ?`, r.run.ID); err != nil {
		return err
	}
	t.moved(r.run.Pools()...)
	if err := stopMarked(ctx, t, r); err != nil {
		return fmt.Errorf("end attempts of marked task runs: %w", err)
	}
	if err := stopWaits(ctx, t, r); err != nil {
		return fmt.Errorf("end attempts that wait: %w", err)
	}
	if err := dropItems(ctx, t, r); err != nil {
		return fmt.Errorf("drop items: %w", err)
	}
	const reopenText = `
		UPDATE task_runs
		SET status = 'pending', reopens = reopens + 1, reason = '', failures = 0, losses = 0, exit_code = NULL, outputs = NULL,
			queued_at = NULL, started_at = NULL, finished_at = NULL, next_retry_at = NULL, changed = ?2
		WHERE (workflow_run_id, seq) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))`
	if _, err := t.ExecContext(ctx, reopenText, placesAt(r.run.ID, r.plan.Reopen), changed); err != nil {
		return fmt.Errorf("open task runs again: %w", err)
	}
	const markText = `
		UPDATE task_runs
		SET status = ?3, reopens = reopens + 1, reason = ?4, outputs = coalesce(?7, outputs), finished_at = ?5, next_retry_at = NULL, changed = ?6
		WHERE workflow_run_id = ?1 AND seq = ?2`
	outputs, err := dialect.EncodeAnswer(r.Rerun)
	if err != nil {
		return err
	}
	for _, m := range r.plan.Mark {
		if _, err := t.ExecContext(ctx, markText, r.run.ID, m.Seq, m.Status, dialect.EndReason(m.Status, r.Rerun), t.now, changed, outputs); err != nil {
			return fmt.Errorf("mark task run: %w", err)
		}
	}
	if r.adopts() {
		if err := adopt(ctx, t, changed, r); err != nil {
			return fmt.Errorf("adopt the latest version: %w", err)
		}
	}
	if err := recount(ctx, t, r); err != nil {
		return fmt.Errorf("count upstream tasks: %w", err)
	}
	if err := goOn(ctx, t, changed, r); err != nil {
		return err
	}
	var later dialect.Plan
	later.WakeFuture(r.run, r.plan.Mark)
	later.Notes = dialect.NotesOfRerun(r.run, r.versionID, r.plan, r.Rerun)
	t.publish(later.Events(nil)...)
	if err := wakeFuture(ctx, t, changed, later.Wakes); err != nil {
		return fmt.Errorf("wake later runs: %w", err)
	}
	if err := note(ctx, t, later.Notes); err != nil {
		return err
	}
	details, err := dialect.EncodeDetails(miniairflow.AuditOfRerun(r.run.Graph, r.plan, r.Rerun))
	if err != nil {
		return err
	}
	return audit(ctx, t, r.By, dialect.Audited{Action: r.Kind.Audit(), RunID: &r.run.ID, Details: details, RequestID: &r.ID})
}

// placesAt returns places of one run as the rows that json_each reads.
func placesAt(runID uuid.UUID, seqs []int) table {
	rows := make(table, len(seqs))
	for i, seq := range seqs {
		rows[i] = []any{runID, seq}
	}
	return rows
}

// stopMarked ends the attempts of the task runs that are marked while they run.
func stopMarked(ctx context.Context, t *tx, r *rerunning) error {
	for _, m := range r.plan.Mark {
		if m.Seq >= len(r.states) || r.states[m.Seq] != miniairflow.TaskRunning {
			continue
		}
		const tokenText = `SELECT token FROM task_open WHERE workflow_run_id = ? AND seq = ?`
		token, err := queryOne(ctx, t, scanID, tokenText, r.run.ID, m.Seq)
		if errors.Is(err, miniairflow.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		open, err := takeOpen(ctx, t, r.run.ID, m.Seq, token)
		if err != nil || open == nil {
			return err
		}
		reason := dialect.MarkReason(m.Status, r.By)
		if err := record(ctx, t, r.run.ID, m.Seq, token, open, miniairflow.AttemptCancelled, reason, nil); err != nil {
			return err
		}
	}
	return nil
}

// adopt gives the task runs what a later version says of them, and writes those
// that the run did not have. What has ended is given it, too: a rerun to come
// finds the run with that version and adopts nothing.
func adopt(ctx context.Context, t *tx, changed int64, r *rerunning) error {
	start := dialect.NewStart(dialect.StartKind{VersionID: r.versionID, Graph: r.run.Graph, IsBackfill: r.run.IsBackfill})
	rows := make(table, len(r.states))
	for seq := range rows {
		s := start.Task(seq)
		task := s.Task
		rows[seq] = []any{
			r.run.ID, seq, s.TaskID, task.Queue, s.Priority, task.QueueTimeout.Std().Microseconds(), task.Pool, task.PoolSlots,
		}
	}
	const text = `
		UPDATE task_runs AS t
		SET task_id = i.value ->> 2, queue = i.value ->> 3, priority = i.value ->> 4, queue_timeout = i.value ->> 5, pool = i.value ->> 6,
			pool_slots = i.value ->> 7, changed = ?2
		FROM json_each(?1) AS i
		WHERE t.workflow_run_id = i.value ->> 0 AND t.seq = i.value ->> 1`
	if _, err := t.ExecContext(ctx, text, rows, changed); err != nil {
		return err
	}
	start.Hold()
	return insertTasks(ctx, t, changed, r.run.ID, &start, len(r.states))
}

// recount writes how the upstream tasks of task runs stand: of the pending ones,
// and of all when their version has changed, and with it perhaps who they are.
func recount(ctx context.Context, t *tx, r *rerunning) error {
	var rows table
	for seq, state := range r.plan.States {
		if state == miniairflow.TaskPending || r.adopts() {
			up := r.run.Graph.UpstreamOf(seq, r.plan.States)
			rows = append(rows, []any{r.run.ID, seq, up.Total, up.Success, up.Failed, up.Skipped})
		}
	}
	const text = `
		UPDATE task_runs AS t
		SET up_total = i.value ->> 2, up_success = i.value ->> 3, up_failed = i.value ->> 4, up_skipped = i.value ->> 5
		FROM json_each(?1) AS i
		WHERE t.workflow_run_id = i.value ->> 0 AND t.seq = i.value ->> 1`
	_, err := t.ExecContext(ctx, text, rows)
	return err
}

// goOn writes what the run itself becomes: pending if it is opened again,
// finished otherwise if only ends were changed in a run that is over, and a run
// that goes on takes up what is due.
func goOn(ctx context.Context, t *tx, changed int64, r *rerunning) error {
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
			SET status = 'pending', generation = generation + 1, version_id = ?2, task_count = ?3, reason = '', outcome = '', timed_out = 0,
				started_at = NULL, finished_at = NULL, cancel_requested_at = NULL, deadline_at = NULL, paused_at = NULL, changed = ?4,
				is_awaited = EXISTS (SELECT 1 FROM task_waits w JOIN task_runs t ON t.workflow_run_id = w.workflow_run_id AND t.seq = w.seq
					WHERE w.child_run_id = workflow_runs.id AND t.status IN ('queued', 'running', 'waiting')) -- the parent has not looked yet
			WHERE id = ?1`
		_, err := t.ExecContext(ctx, text, r.run.ID, r.versionID, len(r.plan.States), changed)
		return err
	case r.run.Status.IsTerminal():
		reason, err := failedReason(ctx, t, r.run)
		if err != nil {
			return err
		}
		if r.run.Result() != miniairflow.RunFailed {
			reason = ""
		}
		const text = `
			UPDATE workflow_runs
			SET status = ?2, generation = generation + 1, outcome = ?3, reason = ?4, version_id = ?5, timed_out = 0,
				cancel_requested_at = NULL, changed = ?6
			WHERE id = ?1`
		_, err = t.ExecContext(ctx, text, r.run.ID, r.run.Result(), r.run.Outcome, reason, r.versionID, changed)
		return err
	case r.run.Status == miniairflow.RunPending:
		return nil
	default:
		r.run.Generation++
		m := move{run: r.run, ready: ready, asks: asks}
		if reason := r.run.FailsFast(r.plan.Mark); reason != "" {
			m = move{run: r.run}
			if err := failFast(ctx, t, &m, reason); err != nil {
				return fmt.Errorf("fail fast: %w", err)
			}
		}
		return takeUp(ctx, t, changed, m)
	}
}

// writeCounters writes the counters of a run as they are after Resume.
func writeCounters(ctx context.Context, t *tx, r *dialect.Run) error {
	const text = `
		INSERT INTO run_counters (workflow_run_id, done, failed, active, limited) VALUES (?1, ?2, ?3, ?4, ?5)
		ON CONFLICT (workflow_run_id) DO UPDATE SET done = ?2, failed = ?3, active = ?4, limited = ?5`
	_, err := t.ExecContext(ctx, text, r.ID, r.Stored.Done, r.Stored.Failed, r.Stored.Active, r.Stored.Limited)
	if err != nil {
		return fmt.Errorf("write counters: %w", err)
	}
	return nil
}

// takeUp lets a running run go on after Resume, with what is due.
func takeUp(ctx context.Context, t *tx, changed int64, m move) error {
	r := m.run
	const text = `UPDATE workflow_runs SET outcome = ?2, generation = ?3, changed = ?4 WHERE id = ?1`
	if _, err := t.ExecContext(ctx, text, r.ID, r.Outcome, r.Generation, changed); err != nil {
		return err
	}
	due, err := countItems(ctx, t, r, m.ended)
	if err != nil {
		return err
	}
	plan := &dialect.Plan{}
	plan.Add(r, m.ready, append(m.asks, due...))
	plan.WakeFuture(r, m.ended)
	plan.Note(r, m.ended, nil)
	t.publish(plan.Events([]*dialect.Run{r})...)
	return writePlan(ctx, t, plan)
}
