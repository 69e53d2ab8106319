package chaos

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"

	"github.com/sauravritesh63/miniairflow"
)

// attemptRow is an attempt as the database tells it.
type attemptRow struct {
	key    taskKey
	number int
	status string
	seq    int    // of the task
	id     string // as the attempt itself knows it
	log    string // as it is stored
}

// taskRow is a task run as the database tells it.
type taskRow struct {
	key     taskKey
	status  string
	reason  string
	reopens int
	isFinal bool
}

// told is what the database says in the end.
type told struct {
	tasks    []taskRow
	attempts []attemptRow
	children map[taskKey]int // child runs, by the task that has started them
	runs     map[string]int  // idempotency keys, with how many runs have them
}

// tell reads what a database says. The statements work with both dialects.
func tell(ctx context.Context, db *sql.DB) (*told, error) {
	t := &told{runs: map[string]int{}, children: map[taskKey]int{}}
	err := each(ctx, db, func(rows *sql.Rows) error {
		var key string
		err := rows.Scan(&key)
		t.runs[key]++
		return err
	}, `SELECT idempotency_key FROM workflow_runs WHERE idempotency_key IS NOT NULL`)
	if err != nil {
		return nil, err
	}
	err = each(ctx, db, func(rows *sql.Rows) error {
		var r taskRow
		err := rows.Scan(&r.key.run, &r.key.task, &r.status, &r.reason, &r.reopens, &r.isFinal)
		t.tasks = append(t.tasks, r)
		return err
	}, `SELECT CAST(workflow_run_id AS text), name, status, reason, reopens, is_finally FROM task_runs`)
	if err != nil {
		return nil, err
	}
	err = each(ctx, db, func(rows *sql.Rows) error {
		var parent taskKey
		count := 0
		err := rows.Scan(&parent.run, &parent.task, &count)
		t.children[parent] = count
		return err
	}, `SELECT CAST(t.workflow_run_id AS text), t.name, count(*) FROM workflow_runs r
		JOIN task_runs t ON t.workflow_run_id = r.parent_run_id AND t.seq = r.parent_seq GROUP BY t.workflow_run_id, t.name`)
	if err != nil {
		return nil, err
	}
	return t, each(ctx, db, func(rows *sql.Rows) error {
		var r attemptRow
		err := rows.Scan(&r.key.run, &r.key.task, &r.seq, &r.number, &r.status)
		t.attempts = append(t.attempts, r)
		return err
	}, `SELECT CAST(a.workflow_run_id AS text), t.name, a.seq, a.number, a.status FROM task_attempts a
		JOIN task_runs t ON t.workflow_run_id = a.workflow_run_id AND t.seq = a.seq ORDER BY a.number`)
}

func each(ctx context.Context, db *sql.DB, row func(*sql.Rows) error, query string) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("ask the database: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
	}
	return rows.Err()
}

// judge compares the database with the witness, when everything is over. keys
// are the acknowledged triggers.
func judge(t *told, w *witness, keys []string) (wrong []string) {
	for _, key := range keys {
		if t.runs[key] != 1 {
			wrong = append(wrong, fmt.Sprintf("the trigger %s has made %d runs", key, t.runs[key]))
		}
	}
	wrong = append(wrong, w.overlaps()...)
	if most := w.crowded(poolTask); most > poolSlots {
		wrong = append(wrong, fmt.Sprintf("%d tasks were in the pool of %d", most, poolSlots))
	}
	known, there := map[taskKey]map[int]string{}, map[taskKey]bool{}
	for _, a := range t.attempts {
		if known[a.key] == nil {
			known[a.key] = map[int]string{}
		}
		known[a.key][a.number] = a.status
		printed := 0
		if e := w.attempts[a.key][a.number]; e != nil {
			printed = e.signs * linesPerSign
		}
		wrong = append(wrong, judgeLog(a, printed)...)
	}
	for _, task := range t.tasks {
		wrong = append(wrong, judgeTask(task, known[task.key], w.attempts[task.key])...)
		there[task.key] = true
		if children := t.children[task.key]; task.key.task == childTask && (children < 1 || children > 1+task.reopens) {
			wrong = append(wrong, fmt.Sprintf("task %s of run %s has %d child runs, and was opened again %d times", task.key.task, task.key.run, children, task.reopens))
		}
	}
	for key := range there {
		for i := range itemsCount {
			if item := (taskKey{run: key.run, task: fmt.Sprintf("%s[%d]", itemsTask, i)}); key.task == itemsTask && !there[item] {
				wrong = append(wrong, fmt.Sprintf("item %d of run %s is missing", i, key.run))
			}
		}
	}
	for key, attempts := range w.attempts {
		if !there[key] {
			wrong = append(wrong, fmt.Sprintf("task %s of run %s ran %d times, and nobody knows of it", key.task, key.run, len(attempts)))
		}
	}
	return wrong
}

// judgeTask judges one task run by its attempts in the database and by what the
// witness saw of them.
func judgeTask(task taskRow, known map[int]string, seen map[int]*execution) (wrong []string) {
	fail := func(format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("task %s of run %s: ", task.key.task, task.key.run)+fmt.Sprintf(format, args...))
	}
	isPayment, isItems := task.key.task == paymentTask, task.key.task == itemsTask
	if isItems && len(known)+len(seen) > 0 {
		fail("has attempts, which only its items should have")
	}
	if task.status != "success" && !isPayment {
		fail("is %s (%s)", task.status, task.reason)
	}
	successes, losses := 0, 0
	for number, status := range known {
		e := seen[number]
		switch {
		case status == "lost":
			losses++
		case status != "success" && (task.key.task != retryTask || number > 1) && task.key.task != childTask:
			fail("attempt %d is %s, and nothing in it fails", number, status)
		}
		if e != nil && e.starts > 1 {
			fail("attempt %d started %d times", number, e.starts)
		}
		if status != "success" {
			continue
		}
		successes++
		if !strings.HasPrefix(task.key.task, waitTask) && (e == nil || e.starts != 1 || e.ends != 1) {
			fail("attempt %d is a success, and the witness has not seen it", number)
		}
		for later := range seen {
			if later > number && !task.isFinal {
				fail("attempt %d ran after the success of attempt %d", later, number)
			}
		}
	}
	for number := range seen {
		if _, found := known[number]; !found {
			fail("attempt %d ran, and the database does not know of it", number)
		}
	}
	switch {
	case task.isFinal && successes > task.reopens+1, !task.isFinal && successes > 1:
		fail("has %d successes", successes)
	case task.status == "success" && successes == 0 && !isItems:
		fail("is a success without a successful attempt")
	case isPayment && len(seen) > 1:
		fail("was begun %d times", len(seen))
	case isPayment && task.status != "success" && losses == 0:
		fail("is %s (%s), and was not lost", task.status, task.reason)
	}
	return wrong
}

// readAndJudge judges a cluster that has come to rest. db and store are of the
// same database.
func readAndJudge(ctx context.Context, db *sql.DB, store miniairflow.LogStore, path string, keys []string) (t *told, wrong []string, err error) {
	if t, err = tell(ctx, db); err != nil {
		return nil, nil, err
	}
	if err := readLogs(ctx, store, t); err != nil {
		return nil, nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("open the witness: %w", err)
	}
	defer file.Close()
	w, err := readWitness(file)
	if err != nil {
		return nil, nil, err
	}
	wrong = judge(t, w, keys)
	for table, query := range map[string]string{"task_open": `SELECT count(*) FROM task_open`, "task_queue": `SELECT count(*) FROM task_queue`} {
		left := 0
		if err := db.QueryRowContext(ctx, query).Scan(&left); err != nil {
			return nil, nil, fmt.Errorf("count %s: %w", table, err)
		}
		if left > 0 {
			wrong = append(wrong, fmt.Sprintf("%d rows are left in %s", left, table))
		}
	}
	return t, wrong, nil
}
