package persistencetest_test

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// lease is longer than any test.
const lease = time.Hour

// testCase is what a test and one run of a property have in common.
type testCase interface {
	require.TestingT
	Helper()
	Context() context.Context
}

// database is a store under test, with a look behind it.
type database struct {
	testCase
	miniairflow.Store
	url string
	raw *sql.DB
}

// onEach runs a test on a new database of each dialect.
func onEach(t *testing.T, test func(t *testing.T, db *database)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, openSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, openPostgres(t)) })
}

func openSQLite(t testing.TB) *database {
	t.Helper()
	url := persistencetest.SQLiteURL(t)
	store := persistencetest.Open(t, url)
	return &database{testCase: t, Store: store, url: url, raw: openRaw(t, "sqlite", "file:"+strings.TrimPrefix(url, "sqlite://")+"?mode=ro&_busy_timeout=10000")}
}

func openPostgres(t testing.TB) *database {
	t.Helper()
	url := persistencetest.PostgresURL(t)
	return &database{testCase: t, Store: persistencetest.Open(t, url), url: url, raw: openRaw(t, "pgx", url)}
}

func openRaw(t testing.TB, driver, name string) *sql.DB {
	t.Helper()
	raw, err := sql.Open(driver, name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, raw.Close()) })
	return raw
}

// number returns the one number of a query that both dialects understand.
func (db *database) number(text string) int {
	db.Helper()
	var n int
	require.NoError(db, db.raw.QueryRowContext(db.Context(), text).Scan(&n), text)
	return n
}

// change writes to the database behind the store's back: a statement by dialect.
func (db *database) change(statements map[string]string) {
	db.Helper()
	require.NoError(db, db.tryChange(statements))
}

// tryChange is change for a statement that the database may refuse.
func (db *database) tryChange(statements map[string]string) error {
	db.Helper()
	dialect, driver, name := "postgres", "pgx", db.url
	if path, ok := strings.CutPrefix(db.url, "sqlite://"); ok {
		dialect, driver, name = "sqlite", "sqlite", "file:"+path+"?_busy_timeout=10000"
	}
	raw, err := sql.Open(driver, name)
	require.NoError(db, err)
	_, refused := raw.ExecContext(db.Context(), statements[dialect])
	require.NoError(db, raw.Close())
	return refused
}

// task returns a task that does nothing, after the given ones.
func task(name string, dependsOn ...string) miniairflow.Task {
	return miniairflow.Task{
		Name: name, DependsOn: dependsOn, TriggerRule: miniairflow.AllSuccess, Noop: true,
		Priority: miniairflow.PriorityNormal, Queue: miniairflow.QueueDefault,
	}
}

// definition returns a workflow without narrow limits.
func definition(name string, tasks ...miniairflow.Task) *miniairflow.Definition {
	return &miniairflow.Definition{Name: name, IsActive: true, MaxActiveRuns: 100, MaxActiveTasks: 100, Tasks: tasks}
}

// wide returns n tasks that wait for nothing.
func wide(n int) []miniairflow.Task {
	tasks := make([]miniairflow.Task, n)
	for i := range tasks {
		tasks[i] = task(fmt.Sprintf("t%d", i))
	}
	return tasks
}

// sync writes a definition and returns its version.
func (db *database) sync(d *miniairflow.Definition) *miniairflow.WorkflowVersion {
	db.Helper()
	results, err := db.SyncFiles(db.Context(), []miniairflow.FileSync{{
		Path: d.Name + ".yaml", Definitions: []miniairflow.DefinitionAt{{Definition: d, Line: 1, Column: 7}},
	}})
	require.NoError(db, err)
	require.Empty(db, results[0].Conflicts)
	w, err := db.FindWorkflowByName(db.Context(), d.Name)
	require.NoError(db, err)
	v, err := db.FindVersion(db.Context(), w.VersionID)
	require.NoError(db, err)
	return v
}

// newRun returns a manual run of the version.
func (db *database) newRun(v *miniairflow.WorkflowVersion) miniairflow.NewRun {
	db.Helper()
	id, err := miniairflow.NewParentID()
	require.NoError(db, err)
	return miniairflow.NewRun{ID: id, WorkflowID: v.WorkflowID, VersionID: v.ID, Type: miniairflow.RunManual, By: miniairflow.Actor{Name: "test"}}
}

// trigger creates a run of the version.
func (db *database) trigger(v *miniairflow.WorkflowVersion) *miniairflow.WorkflowRun {
	db.Helper()
	r, created, err := db.CreateRun(db.Context(), db.newRun(v))
	require.NoError(db, err)
	require.True(db, created)
	return r
}

// start writes a definition and starts a run of it.
func (db *database) start(d *miniairflow.Definition) *miniairflow.WorkflowRun {
	db.Helper()
	r := db.trigger(db.sync(d))
	started, err := db.StartRuns(db.Context(), 100)
	require.NoError(db, err)
	require.Contains(db, started, r.ID)
	return db.run(r.ID)
}

func (db *database) run(id uuid.UUID) *miniairflow.WorkflowRun {
	db.Helper()
	r, err := db.FindRun(db.Context(), id)
	require.NoError(db, err)
	return r
}

// task returns a task run.
func (db *database) task(runID uuid.UUID, seq int) *miniairflow.TaskRun {
	db.Helper()
	found, err := db.TaskResults(db.Context(), runID, []int{seq})
	require.NoError(db, err)
	require.Len(db, found, 1)
	return found[0]
}

// statuses returns the states of a run's task runs, in order.
func (db *database) statuses(runID uuid.UUID) []miniairflow.TaskStatus {
	db.Helper()
	changes, err := db.RunChanges(db.Context(), runID, 0)
	require.NoError(db, err)
	var all []miniairflow.TaskStatus
	for _, t := range changes.TaskRuns {
		all = append(all, t.Status)
	}
	return all
}

// worker is the session of a worker that the test plays.
type worker struct {
	*database
	id    uuid.UUID
	queue string
}

func (db *database) worker(name string) *worker {
	db.Helper()
	w, err := db.newWorker(db.Context(), name)
	require.NoError(db, err)
	return w
}

// newWorker is worker for goroutines that must not end the test.
func (db *database) newWorker(ctx context.Context, name string) (*worker, error) {
	return db.newWorkerOf(ctx, name, miniairflow.QueueDefault, 10)
}

// newWorkerOf is newWorker for a worker of one queue that runs so many task runs.
func (db *database) newWorkerOf(ctx context.Context, name, queue string, concurrency int) (*worker, error) {
	w := miniairflow.Worker{ID: uuid.New(), Name: name, Hostname: "host", PID: 1, Version: "test", Queues: []string{queue}, Concurrency: concurrency}
	return &worker{database: db, id: w.ID, queue: queue}, db.StartSession(ctx, w, lease)
}

// exchange ends attempts and claims up to limit task runs of the worker's queue.
func (w *worker) exchange(limit int, finishes ...miniairflow.Finish) miniairflow.ExchangeResult {
	w.Helper()
	result, err := w.Exchange(w.Context(), w.request(limit, finishes...))
	require.NoError(w, err)
	return result
}

func (w *worker) request(limit int, finishes ...miniairflow.Finish) miniairflow.Exchange {
	return miniairflow.Exchange{
		SessionID: w.id, Finishes: finishes, Queues: []string{w.queue}, Limit: limit, Token: uuid.New(),
	}
}

// claim claims exactly n task runs.
func (w *worker) claim(n int) []miniairflow.Claim {
	w.Helper()
	claims := w.exchange(n).Claims
	require.Len(w, claims, n)
	return claims
}

// end ends attempts alike; none may be stale.
func (w *worker) end(status miniairflow.TaskStatus, claims ...miniairflow.Claim) {
	w.Helper()
	var finishes []miniairflow.Finish
	for _, c := range claims {
		finishes = append(finishes, finish(c, status))
	}
	require.NotContains(w, w.exchange(0, finishes...).Stale, true)
}

// finish returns the end of a claim's attempt that makes its task run status.
func finish(c miniairflow.Claim, status miniairflow.TaskStatus) miniairflow.Finish {
	f := miniairflow.Finish{RunID: c.RunID, Seq: c.Seq, Token: c.Token, Next: status}
	switch status {
	case miniairflow.TaskSuccess:
		f.Attempt = miniairflow.AttemptSuccess
	case miniairflow.TaskCancelled:
		f.Attempt = miniairflow.AttemptCancelled
	default:
		f.Attempt, f.Reason = miniairflow.AttemptFailed, "exit code 1"
	}
	return f
}

// seqs returns the places of claims.
func seqs(claims []miniairflow.Claim) []int {
	var all []int
	for _, c := range claims {
		all = append(all, c.Seq)
	}
	return all
}

// decide answers all open requests for decisions, as a scheduler does; `when`
// is true unless it is the text "false".
func (db *database) decide() {
	db.Helper()
	for {
		runs, err := db.Undecided(db.Context(), 10)
		require.NoError(db, err)
		if len(runs) == 0 {
			return
		}
		for _, id := range runs {
			decisions, err := db.LoadDecisions(db.Context(), id, 1000)
			require.NoError(db, err)
			require.NoError(db, db.ApplyChanges(db.Context(), id, decisions.Run.Generation, db.changes(decisions)))
		}
	}
}

// changes returns what Advance says to open requests.
func (db *database) changes(decisions miniairflow.Decisions) []miniairflow.Change {
	db.Helper()
	graph, err := db.FindSelectedDAG(db.Context(), decisions.Run.VersionID, decisions.Run.Selection)
	require.NoError(db, err)
	var asked []int
	for _, n := range decisions.Nodes {
		asked = append(asked, n.Seq)
	}
	own := conditions
	own.Past = db.past(decisions.Run, graph)
	return miniairflow.Advance(graph, decisions.Nodes, asked, own)
}

// past is what the tasks of a run wait for in the run before, as an advancer asks.
func (db *database) past(run *miniairflow.WorkflowRun, graph *miniairflow.DAG) func(t *miniairflow.Task) string {
	db.Helper()
	if run.Type != miniairflow.RunScheduled || len(graph.Pasts) == 0 {
		return nil
	}
	var names []string
	for _, seq := range graph.Pasts {
		names = append(names, graph.Definition.Tasks[seq].Name)
	}
	past, err := db.FindPast(db.Context(), run.ID, names)
	require.NoError(db, err)
	return func(t *miniairflow.Task) string { return past.Reason(t.Name) }
}

// conditions are those of tests: `when` is true unless it is the text "false", and
// the lists of for_each are written out; "failed" and "skipped" are items that `when` ends so.
var conditions = miniairflow.Conditions{
	When: func(t *miniairflow.Task) (bool, error) { return t.When != "false", nil },
	Items: func(t *miniairflow.Task) ([]miniairflow.Item, error) {
		values, err := t.ForEach.Values(func(text miniairflow.Template) (string, error) { return text.Text, nil })
		items := make([]miniairflow.Item, len(values))
		for i, value := range values {
			items[i] = miniairflow.Item{Index: i, Key: strconv.Itoa(i), Value: value, Status: miniairflow.TaskPending}
			if text, err := strconv.Unquote(string(value)); err == nil && miniairflow.TaskStatus(text).IsTerminal() {
				items[i].Status, items[i].Reason = miniairflow.TaskStatus(text), "when"
			}
		}
		return items, err
	},
}

// drain lets a worker and a scheduler go on until nothing is left to do. Every
// task run ends as outcome says; nil means success.
func (w *worker) drain(outcome func(miniairflow.Claim) miniairflow.TaskStatus) {
	w.Helper()
	var finishes []miniairflow.Finish
	for {
		result := w.exchange(50, finishes...)
		require.NotContains(w, result.Stale, true)
		finishes = finishes[:0]
		for _, c := range result.Claims {
			status := miniairflow.TaskSuccess
			if outcome != nil {
				status = outcome(c)
			}
			finishes = append(finishes, finish(c, status))
		}
		if len(finishes) > 0 {
			continue
		}
		w.decide()
		if w.number(`SELECT count(*) FROM task_queue WHERE state = 'ready'`) == 0 {
			return
		}
	}
}
