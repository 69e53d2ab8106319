package persistencetest_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

const terminal = `('success', 'failed', 'cancelled', 'skipped', 'upstream_failed')`

// over are the states of a run that is over.
const over = `('success', 'failed', 'cancelled', 'skipped')`

// fanOf finds the row that counts the items of a task run t.
const fanOf = `SELECT 1 FROM task_fanouts f WHERE f.workflow_run_id = t.workflow_run_id AND f.seq = t.seq`

// firstItem is the place from which on there are items.
var firstItem = strconv.Itoa(miniairflow.FirstItem)

// invariants are queries that count what must never be, by what is wrong. Those
// of docs/state-machine.md begin with their ids.
var invariants = map[string]string{
	"I1: a slot with two runs": `
		SELECT count(*) FROM (SELECT 1 FROM workflow_runs WHERE type = 'scheduled'
			GROUP BY workflow_id, schedule_name, logical_date HAVING count(*) > 1) AS twice`,
	"I1: a date of a backfill with two runs": `
		SELECT count(*) FROM (SELECT 1 FROM workflow_runs WHERE type = 'backfill' GROUP BY backfill_id, logical_date HAVING count(*) > 1) AS twice`,
	"more runs of a backfill under way than it may have": `
		SELECT count(*) FROM backfills b WHERE b.concurrency <
			(SELECT count(*) FROM workflow_runs r WHERE r.backfill_id = b.id AND r.type = 'backfill' AND CAST(r.is_awaited AS boolean))`,
	"run of a backfill is under way and not awaited, though nobody opened it again": `
		SELECT count(*) FROM workflow_runs r WHERE r.type = 'backfill' AND r.status IN ('pending', 'running') AND NOT CAST(r.is_awaited AS boolean) AND r.generation = 1`,
	"backfill is finished before its runs": `
		SELECT count(*) FROM backfills b JOIN workflow_runs r ON r.backfill_id = b.id AND r.type = 'backfill' AND CAST(r.is_awaited AS boolean)
		WHERE b.status = 'finished'`,
	"backfill has more runs than it counts, or a run after its cursor": `
		SELECT count(*) FROM backfills b WHERE
			b.created < (SELECT count(*) FROM workflow_runs r WHERE r.backfill_id = b.id AND r.type = 'backfill') OR EXISTS (
				SELECT 1 FROM workflow_runs r WHERE r.backfill_id = b.id AND r.type = 'backfill' AND (b.cursor_at IS NULL
					OR b.direction = 'oldest' AND r.logical_date > b.cursor_at OR b.direction = 'newest' AND r.logical_date < b.cursor_at))`,
	"I3: an open attempt is history already": `
		SELECT count(*) FROM task_open o JOIN task_attempts a ON a.workflow_run_id = o.workflow_run_id AND a.seq = o.seq AND a.number >= o.attempt`,
	"I5: attempts are not 1 to n": `
		SELECT count(*) FROM task_runs t WHERE t.attempt <>
			(SELECT count(*) FROM task_attempts a WHERE a.workflow_run_id = t.workflow_run_id AND a.seq = t.seq) +
			(SELECT count(*) FROM task_open o WHERE o.workflow_run_id = t.workflow_run_id AND o.seq = t.seq) +
			(SELECT count(*) FROM task_waits w WHERE w.workflow_run_id = t.workflow_run_id AND w.seq = t.seq AND t.status = 'waiting')
			OR t.attempt < (SELECT coalesce(max(number), 0) FROM task_attempts a WHERE a.workflow_run_id = t.workflow_run_id AND a.seq = t.seq)`,
	"I4: success without exactly one successful attempt": `
		SELECT count(*) FROM task_runs t WHERE t.reopens = 0 AND t.reason <> 'for_each has no items' AND NOT EXISTS (` + fanOf + `) AND (CASE t.status WHEN 'success' THEN 1 ELSE 0 END) <>
			(SELECT count(*) FROM task_attempts a WHERE a.workflow_run_id = t.workflow_run_id AND a.seq = t.seq AND a.status = 'success')`,
	"I6: run goes on though all task runs have ended": `
		SELECT count(*) FROM workflow_runs r JOIN run_counters c ON c.workflow_run_id = r.id
		WHERE r.status = 'running' AND c.done = r.task_count`,
	"I6: run is over before its task runs": `
		SELECT count(*) FROM workflow_runs r JOIN task_runs t ON t.workflow_run_id = r.id
		WHERE r.status IN ` + over + ` AND t.status NOT IN ` + terminal,
	"I6: run is over but left rows behind": `
		SELECT count(*) FROM workflow_runs r WHERE r.status IN ` + over + ` AND (
			EXISTS (SELECT 1 FROM task_queue q WHERE q.workflow_run_id = r.id) OR
			EXISTS (SELECT 1 FROM task_open o WHERE o.workflow_run_id = r.id) OR
			EXISTS (SELECT 1 FROM task_pasts p WHERE p.workflow_run_id = r.id) OR
			EXISTS (SELECT 1 FROM task_decisions d WHERE d.workflow_run_id = r.id))`,
	"I9: more task runs active than max_active_tasks": `
		SELECT count(*) FROM run_counters c JOIN workflow_runs r ON r.id = c.workflow_run_id JOIN workflow_versions v ON v.id = r.version_id
		WHERE c.active > CAST(v.document ->> 'max_active_tasks' AS integer)`,
	tooManyRuns: `
		SELECT count(*) FROM workflows w WHERE w.max_active_runs <
			(SELECT count(*) FROM workflow_runs r WHERE r.workflow_id = w.id AND r.status = 'running' AND r.type NOT IN ('child', 'backfill')
				AND NOT EXISTS (SELECT 1 FROM task_pasts p WHERE p.workflow_id = w.id AND p.logical_date > r.logical_date))`,
	"I10: task run waits for a slot though one is free": `
		SELECT count(*) FROM run_counters c JOIN workflow_runs r ON r.id = c.workflow_run_id JOIN workflow_versions v ON v.id = r.version_id
		WHERE r.status = 'running' AND c.limited > 0 AND c.active < CAST(v.document ->> 'max_active_tasks' AS integer)`,
	"I10: queued without a row in the queue": `
		SELECT count(*) FROM task_runs t WHERE t.status = 'queued' AND NOT EXISTS
			(SELECT 1 FROM task_queue q WHERE q.workflow_run_id = t.workflow_run_id AND q.seq = t.seq AND q.state IN ('ready', 'paused'))`,
	"I10: retry or wait without a row in the queue": `
		SELECT count(*) FROM task_runs t WHERE t.status IN ('waiting', 'up_for_retry') AND NOT EXISTS
			(SELECT 1 FROM task_queue q WHERE q.workflow_run_id = t.workflow_run_id AND q.seq = t.seq) AND NOT EXISTS (` + fanOf + `)`,
	"I10: running without an open attempt": `
		SELECT count(*) FROM task_runs t WHERE t.status = 'running' AND NOT EXISTS
			(SELECT 1 FROM task_open o WHERE o.workflow_run_id = t.workflow_run_id AND o.seq = t.seq AND o.attempt = t.attempt)`,
	"I10: all upstream tasks have ended and nobody will decide": `
		SELECT count(*) FROM task_runs t JOIN workflow_runs r ON r.id = t.workflow_run_id
		WHERE t.seq < ` + firstItem + ` AND t.status = 'pending' AND t.up_success + t.up_failed + t.up_skipped = t.up_total AND r.status = 'running'
			AND (NOT CAST(t.is_finally AS boolean) OR r.outcome <> '')
			AND NOT EXISTS (SELECT 1 FROM task_queue q WHERE q.workflow_run_id = t.workflow_run_id AND q.seq = t.seq)
			AND NOT EXISTS (SELECT 1 FROM task_pasts p WHERE p.workflow_run_id = t.workflow_run_id AND p.seq = t.seq AND p.reason <> '')
			AND NOT EXISTS (SELECT 1 FROM task_decisions d WHERE d.workflow_run_id = t.workflow_run_id AND d.seq = t.seq)`,
	"I10: run waits though its workflow is retired": `
		SELECT count(*) FROM workflow_runs r JOIN workflows w ON w.id = r.workflow_id WHERE r.status = 'pending' AND w.retired_at IS NOT NULL`,
	"I10: ready in a paused run, or paused in another": `
		SELECT count(*) FROM task_queue q JOIN workflow_runs r ON r.id = q.workflow_run_id
		WHERE q.state = 'ready' AND r.paused_at IS NOT NULL OR q.state = 'paused' AND r.paused_at IS NULL`,
	"I12: scheduled run before its time": `
		SELECT count(*) FROM workflow_runs WHERE type = 'scheduled' AND (created_at < logical_date OR started_at < run_after)`,
	"I13: something may still start after a cancellation": `
		SELECT count(*) FROM workflow_runs r JOIN task_runs t ON t.workflow_run_id = r.id
		WHERE r.cancel_requested_at IS NOT NULL AND r.outcome = '' AND NOT CAST(t.is_finally AS boolean) AND NOT (t.status = 'waiting' AND EXISTS (` + fanOf + `))
			AND t.status NOT IN ('running', 'success', 'failed', 'cancelled', 'skipped', 'upstream_failed')`,
	"I13: paused though its end is asked for": `
		SELECT count(*) FROM workflow_runs WHERE cancel_requested_at IS NOT NULL AND paused_at IS NOT NULL`,
	"I19: times out of order": `
		SELECT (SELECT count(*) FROM task_attempts WHERE finished_at < started_at)
			+ (SELECT count(*) FROM task_open o JOIN task_runs t ON t.workflow_run_id = o.workflow_run_id AND t.seq = o.seq WHERE o.started_at < t.queued_at)
			+ (SELECT count(*) FROM workflow_runs WHERE started_at < created_at OR finished_at < started_at)`,
	"I20: a retry is due before the attempt ended": `
		SELECT count(*) FROM task_runs t WHERE t.status = 'up_for_retry' AND t.next_retry_at <
			(SELECT max(finished_at) FROM task_attempts a WHERE a.workflow_run_id = t.workflow_run_id AND a.seq = t.seq)`,
	"done counter is not the recount": `
		SELECT count(*) FROM run_counters c JOIN workflow_runs r ON r.id = c.workflow_run_id WHERE r.status <> 'pending' AND c.done <>
			(SELECT count(*) FROM task_runs t WHERE t.workflow_run_id = c.workflow_run_id AND t.seq < ` + firstItem + ` AND t.status IN ` + terminal + `)`,
	"active counter is not the recount": `
		SELECT count(*) FROM run_counters c WHERE c.active <>
			(SELECT count(*) FROM task_queue q WHERE q.workflow_run_id = c.workflow_run_id AND q.state IN ('ready', 'paused')) +
			(SELECT count(*) FROM task_open o WHERE o.workflow_run_id = c.workflow_run_id)`,
	"limited counter is not the recount": `
		SELECT count(*) FROM run_counters c WHERE c.limited <>
			(SELECT count(*) FROM task_queue q WHERE q.workflow_run_id = c.workflow_run_id AND q.state = 'limited')`,
	"a row is behind though the share of its run has room": fmt.Sprintf(`
		SELECT count(*) FROM run_counters c
		WHERE EXISTS (SELECT 1 FROM task_queue q WHERE q.workflow_run_id = c.workflow_run_id AND q.sort_key >= %[1]d) AND %[2]d >
			(SELECT count(*) FROM task_queue q WHERE q.workflow_run_id = c.workflow_run_id AND q.state IN ('ready', 'paused') AND q.sort_key < %[1]d) +
			(SELECT count(*) FROM task_open o WHERE o.workflow_run_id = c.workflow_run_id)`, dialect.BehindKey, dialect.ShareMax),
	"a row is behind that may not be claimed": fmt.Sprintf(`
		SELECT count(*) FROM task_queue WHERE sort_key >= %d AND state NOT IN ('ready', 'paused')`, dialect.BehindKey),
	"row in the queue of another state": `
		SELECT count(*) FROM task_queue q JOIN task_runs t ON t.workflow_run_id = q.workflow_run_id AND t.seq = q.seq
		WHERE NOT (q.state IN ('ready', 'paused') AND t.status IN ('queued', 'waiting', 'up_for_retry')
			OR q.state = 'limited' AND t.status IN ('pending', 'waiting', 'up_for_retry')
			OR q.state = 'delayed' AND t.status IN ('waiting', 'up_for_retry'))`,
	"waits without what it remembers": `
		SELECT count(*) FROM task_runs t WHERE t.status = 'waiting' AND NOT EXISTS (` + fanOf + `) AND NOT EXISTS
			(SELECT 1 FROM task_waits w WHERE w.workflow_run_id = t.workflow_run_id AND w.seq = t.seq AND w.attempt = t.attempt)`,
	"waits for a child run of another task": `
		SELECT count(*) FROM task_waits w LEFT JOIN workflow_runs r ON r.id = w.child_run_id
		WHERE w.child_run_id IS NOT NULL AND r.id IS NOT NULL
			AND (r.type <> 'child' OR r.parent_run_id <> w.workflow_run_id OR r.parent_seq <> w.seq)`,
	"I10: goes on waiting though its child run is over": `
		SELECT count(*) FROM task_waits w JOIN workflow_runs r ON r.id = w.child_run_id
		JOIN task_queue q ON q.workflow_run_id = w.workflow_run_id AND q.seq = w.seq
		JOIN task_runs t ON t.workflow_run_id = w.workflow_run_id AND t.seq = w.seq
		WHERE r.status IN ` + over + ` AND q.state = 'delayed' AND q.due_at >= t.next_retry_at`,
	"run that has ended is awaited": `
		SELECT count(*) FROM workflow_runs r WHERE CAST(r.is_awaited AS boolean) AND (r.type NOT IN ('child', 'backfill') OR r.status IN ` + over + `)`,
	"remembers though it is over or has not begun": `
		SELECT count(*) FROM task_waits w JOIN task_runs t ON t.workflow_run_id = w.workflow_run_id AND t.seq = w.seq
		WHERE t.status NOT IN ('waiting', 'running', 'queued') AND NOT (t.losses > 0 AND t.status IN ('failed', 'cancelled'))`,
	"items have all ended and nobody will decide": `
		SELECT count(*) FROM task_fanouts f JOIN task_runs t ON t.workflow_run_id = f.workflow_run_id AND t.seq = f.seq
		WHERE t.status = 'waiting' AND f.total = f.success + f.failed + f.skipped + f.cancelled
			AND NOT EXISTS (SELECT 1 FROM task_decisions d WHERE d.workflow_run_id = f.workflow_run_id AND d.seq = f.seq)`,
	"items are held back and nothing will let them start": `
		SELECT count(*) FROM task_fanouts f
		JOIN task_runs t ON t.workflow_run_id = f.workflow_run_id AND t.seq = f.seq JOIN workflow_runs r ON r.id = f.workflow_run_id
		WHERE t.status = 'waiting' AND f.held > 0 AND f.total - f.held - f.success - f.failed - f.skipped - f.cancelled = 0
			AND (r.cancel_requested_at IS NULL OR CAST(t.is_finally AS boolean))
			AND NOT EXISTS (SELECT 1 FROM task_decisions d WHERE d.workflow_run_id = f.workflow_run_id AND d.seq = f.seq)`,
	"items are not counted as they are": `
		SELECT count(*) FROM task_fanouts f JOIN task_runs t ON t.workflow_run_id = f.workflow_run_id AND t.seq = f.seq
		WHERE t.status = 'waiting' AND (f.success, f.failed, f.skipped, f.cancelled) <>
			(SELECT count(CASE i.status WHEN 'success' THEN 1 END), count(CASE i.status WHEN 'failed' THEN 1 END),
				count(CASE i.status WHEN 'skipped' THEN 1 END), count(CASE i.status WHEN 'cancelled' THEN 1 END)
			FROM task_runs i WHERE i.workflow_run_id = f.workflow_run_id AND i.seq BETWEEN f.first AND f.first + f.total - 1)`,
	"items are held back that should not be, or the other way round": `
		SELECT count(*) FROM task_fanouts f
		JOIN task_runs t ON t.workflow_run_id = f.workflow_run_id AND t.seq = f.seq JOIN workflow_runs r ON r.id = f.workflow_run_id
		WHERE t.status = 'waiting' AND (r.cancel_requested_at IS NULL OR CAST(t.is_finally AS boolean)) AND f.held <>
			(SELECT count(*) FROM task_runs i WHERE i.workflow_run_id = f.workflow_run_id AND i.seq BETWEEN f.first AND f.first + f.total - 1
				AND i.status = 'pending' AND NOT EXISTS (SELECT 1 FROM task_queue q WHERE q.workflow_run_id = i.workflow_run_id AND q.seq = i.seq))`,
	"more items on their way than max_parallel": `
		SELECT count(*) FROM task_fanouts f
		JOIN task_runs t ON t.workflow_run_id = f.workflow_run_id AND t.seq = f.seq
		JOIN workflow_runs r ON r.id = f.workflow_run_id JOIN workflow_versions v ON v.id = r.version_id
		WHERE t.status = 'waiting' AND f.total - f.held - f.success - f.failed - f.skipped - f.cancelled >
			CAST(v.document -> 'tasks' -> f.seq -> 'for_each' ->> 'max_parallel' AS integer)`,
	// These are for tests that let all be told, and make no notifications of it.
	"run has ended and that is not what was told last": `
		SELECT count(*) FROM workflow_runs r WHERE r.status IN ('success', 'failed', 'cancelled') AND r.reason <> '` + dialect.RetiredReason + `'
			AND EXISTS (SELECT 1 FROM notices n WHERE n.workflow_run_id = r.id AND n.event <> 'late')
			AND r.status <> coalesce((SELECT n.status FROM notices n WHERE n.workflow_run_id = r.id AND n.seq = -1 AND n.event <> 'late' ORDER BY n.id DESC LIMIT 1), '')`,
	"task run has ended and that is not what was told last": `
		SELECT count(*) FROM task_runs t WHERE t.status IN ('success', 'failed', 'cancelled') AND t.reason <> '` + dialect.RetiredReason + `' AND t.seq < ` + firstItem + `
			AND EXISTS (SELECT 1 FROM notices n WHERE n.workflow_run_id = t.workflow_run_id AND n.event <> 'late')
			AND t.status <> coalesce((SELECT n.status FROM notices n WHERE n.workflow_run_id = t.workflow_run_id AND n.seq = t.seq AND n.event <> 'late' ORDER BY n.id DESC LIMIT 1), '')`,
	"the same is told of a run twice": `
		SELECT count(*) FROM (SELECT event, status, lag(status) OVER (PARTITION BY workflow_run_id ORDER BY id) AS before FROM notices WHERE seq = -1 AND event <> 'late') AS n
		WHERE n.status = n.before AND n.event <> 'retry'`, // of a run that is retired no end is told, and it may be opened again
	"what is late is told more or less often than once": `
		SELECT count(*) FROM (SELECT workflow_run_id, count(*) AS told FROM notices WHERE event = 'late' GROUP BY workflow_run_id) n
		WHERE n.told <> (SELECT count(*) FROM late_marks m WHERE m.workflow_run_id = n.workflow_run_id)`,
	"open attempt of a task run that is not running": `
		SELECT count(*) FROM task_open o JOIN task_runs t ON t.workflow_run_id = o.workflow_run_id AND t.seq = o.seq
		WHERE t.status <> 'running'`,
	"slots of a pool other than those of the task run": `
		SELECT (SELECT count(*) FROM task_open o JOIN task_runs t ON t.workflow_run_id = o.workflow_run_id AND t.seq = o.seq
				WHERE o.pool <> t.pool OR o.pool_slots <> t.pool_slots)
			+ (SELECT count(*) FROM task_queue q JOIN task_runs t ON t.workflow_run_id = q.workflow_run_id AND t.seq = q.seq
				WHERE q.pool <> t.pool OR q.pool_slots <> t.pool_slots OR q.priority <> t.priority OR q.queue <> t.queue)`,
	"I14: a task run is not of the version of its run": `
		SELECT count(*) FROM task_runs t JOIN workflow_runs r ON r.id = t.workflow_run_id
		LEFT JOIN tasks k ON k.version_id = r.version_id AND k.seq = t.seq
		WHERE t.seq < ` + firstItem + ` AND (k.id IS NULL OR t.task_id <> k.id OR t.name <> k.name
			OR t.up_total <> (SELECT count(*) FROM task_dependencies d JOIN tasks above ON above.id = d.depends_on_task_id
				JOIN task_runs u ON u.workflow_run_id = t.workflow_run_id AND u.seq = above.seq
				WHERE d.task_id = k.id AND t.reason NOT LIKE 'not chosen %' AND u.reason NOT LIKE 'not chosen %'))`,
	notAsItsVersion: `
		SELECT count(*) FROM task_runs t JOIN workflow_runs r ON r.id = t.workflow_run_id JOIN workflow_versions v ON v.id = r.version_id
		WHERE r.task_count <= 1000 -- the document of a larger one is too long to be read again for each row
			AND t.seq < ` + firstItem + ` AND (t.queue <> (v.document -> 'tasks' -> t.seq ->> 'queue')
			OR t.pool <> coalesce(v.document -> 'tasks' -> t.seq ->> 'pool', '')
			OR t.pool_slots <> coalesce(CAST(v.document -> 'tasks' -> t.seq ->> 'pool_slots' AS integer), 0)
			OR t.priority <> CASE WHEN r.backfill_id IS NOT NULL THEN -1 ELSE CAST(v.document -> 'tasks' -> t.seq ->> 'priority' AS integer) END)`,
	// A task run whose rule is always waits for nobody, so it counts nobody.
	"upstream counts are not the recount": `
		SELECT count(*) FROM task_runs t JOIN workflow_runs r ON r.id = t.workflow_run_id JOIN workflow_versions v ON v.id = r.version_id
		WHERE t.status = 'pending' AND v.document -> 'tasks' -> t.seq ->> 'trigger_rule' <> 'always' AND t.up_success + t.up_failed + t.up_skipped <>
			(SELECT count(*) FROM task_dependencies d JOIN tasks above ON above.id = d.depends_on_task_id
			JOIN task_runs u ON u.workflow_run_id = t.workflow_run_id AND u.seq = above.seq
			WHERE d.task_id = t.task_id AND u.reason NOT LIKE 'not chosen %' AND u.status IN ` + terminal + `)
			AND NOT EXISTS (SELECT 1 FROM task_queue q WHERE q.workflow_run_id = t.workflow_run_id AND q.seq = t.seq)`,
}

// check fails the test if the database is in a state that must never be.
func (db *database) check() {
	db.Helper()
	for _, wrong := range texts(db, db.raw, wrongQuery()) {
		require.Fail(db, wrong)
	}
}

// tooManyRuns may be where a new version has lowered the limit.
const tooManyRuns = "I9: more runs than max_active_runs"

// notAsItsVersion reads the documents of versions.
const notAsItsVersion = "I14: a task run has not the settings of the version of its run"

// wrongQuery returns the query of all that is wrong, and how often.
func wrongQuery(but ...string) string {
	var queries []string
	for _, wrong := range slices.Sorted(maps.Keys(invariants)) {
		if slices.Contains(but, wrong) {
			continue
		}
		queries = append(queries, fmt.Sprintf("SELECT '%s' AS wrong, (%s) AS n", wrong, invariants[wrong]))
	}
	return "SELECT wrong || ', ' || n || ' times' FROM (" + strings.Join(queries, " UNION ALL ") + ") AS counted WHERE n > 0"
}
