package product

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// Run is a run as the database has it.
type Run struct {
	Created, Started, Finished time.Time // by the database's clock
	Status                     string
	Tasks                      []shape.Done
}

// Took is the time from the acceptance of the trigger to the durable end.
func (r *Run) Took() time.Duration { return r.Finished.Sub(r.Created) }

// OpenDatabase opens the database of the process for reading. The caller must
// close it.
func (p *Process) OpenDatabase() (*sql.DB, error) {
	if p.config.Database != "" {
		return sql.Open("pgx", p.config.Database)
	}
	path, _ := p.Files()
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: "mode=ro&_busy_timeout=10000"}
	return sql.Open("sqlite", name.String())
}

// Run reads a run from the database: not what the API says, but what is kept.
func (p *Process) Run(ctx context.Context, id string) (run *Run, err error) {
	db, err := p.OpenDatabase()
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	defer db.Close()
	// The times are integers in SQLite, and here in PostgreSQL too.
	micros := func(column string) string { return column }
	if p.config.Database != "" {
		micros = func(column string) string { return "(extract(epoch FROM " + column + ") * 1000000)::bigint" }
	}
	run = &Run{}
	text := fmt.Sprintf(`SELECT %s, %s, %s, status FROM workflow_runs WHERE id = $1`,
		micros("created_at"), micros("started_at"), micros("finished_at"))
	var created, started, finished int64
	if err := db.QueryRowContext(ctx, text, rawID(id)).Scan(&created, &started, &finished, &run.Status); err != nil {
		return nil, fmt.Errorf("read run %s: %w", id, err)
	}
	run.Created, run.Started, run.Finished = time.UnixMicro(created), time.UnixMicro(started), time.UnixMicro(finished)
	text = fmt.Sprintf(`
		SELECT t.status, a.attempts, a.started, a.finished
		FROM task_runs t LEFT JOIN (
			SELECT workflow_run_id, seq, count(*) AS attempts, %s AS started, %s AS finished
			FROM task_attempts WHERE workflow_run_id = $1 GROUP BY workflow_run_id, seq) a
			ON a.workflow_run_id = t.workflow_run_id AND a.seq = t.seq
		WHERE t.workflow_run_id = $1 ORDER BY t.seq`, micros("min(started_at)"), micros("max(finished_at)"))
	rows, err := db.QueryContext(ctx, text, rawID(id))
	if err != nil {
		return nil, fmt.Errorf("read task runs: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var status string
		var attempts, started, finished sql.NullInt64
		if err := rows.Scan(&status, &attempts, &started, &finished); err != nil {
			return nil, fmt.Errorf("read task runs: %w", err)
		}
		run.Tasks = append(run.Tasks, shape.Done{
			Started: time.UnixMicro(started.Int64), Finished: time.UnixMicro(finished.Int64),
			Attempts: int(attempts.Int64), Success: status == "success",
		})
	}
	return run, rows.Err()
}

// rawID returns the id that the database knows for one of the API.
func rawID(id string) string {
	return id[strings.LastIndex(id, ":")+1:]
}

// Play runs a workflow that the graph describes and returns the run, checked:
// each task once, with success, in order.
func (p *Process) Play(ctx context.Context, graph *shape.Graph) (*Run, error) {
	id, err := p.API.Trigger(ctx, graph.Name)
	if err != nil {
		return nil, err
	}
	if err := p.API.Wait(ctx, id); err != nil {
		return nil, err
	}
	return p.Checked(ctx, graph, id)
}

// Checked returns a run of the graph that is over, as Play does.
func (p *Process) Checked(ctx context.Context, graph *shape.Graph, id string) (*Run, error) {
	run, err := p.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	if run.Status != "success" {
		return nil, fmt.Errorf("run of %s ended as %s", graph.Name, run.Status)
	}
	if err := graph.Check(run.Tasks); err != nil {
		return nil, fmt.Errorf("run of %s is void: %w", graph.Name, err)
	}
	return run, nil
}
