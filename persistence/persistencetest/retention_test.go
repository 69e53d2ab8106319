package persistencetest_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// stopDeletes lets every deletion from a table fail in which keep of its rows or
// fewer would be left: a retention ends there as if its process had died. The
// returned function lets them succeed again.
func (db *database) stopDeletes(table, keep string) (resume func()) {
	db.Helper()
	db.change(map[string]string{
		"sqlite": `CREATE TRIGGER stop BEFORE DELETE ON ` + table + ` WHEN (SELECT count(*) FROM ` + table + `) <= ` + keep + `
			BEGIN SELECT RAISE(ABORT, 'stopped'); END`,
		"postgres": `
			CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN IF (SELECT count(*) FROM ` + table + `) <= ` + keep + ` THEN RAISE EXCEPTION 'stopped'; END IF; RETURN NULL; END $$;
			CREATE TRIGGER stop BEFORE DELETE ON ` + table + ` FOR EACH STATEMENT EXECUTE FUNCTION stop()`,
	})
	return func() {
		db.change(map[string]string{"sqlite": `DROP TRIGGER stop`, "postgres": `DROP TRIGGER stop ON ` + table + `; DROP FUNCTION stop`})
	}
}

// belongings counts what belongs to all runs.
func (db *database) belongings() map[string]int {
	db.Helper()
	found := map[string]int{}
	for _, table := range []string{"task_runs", "task_attempts"} {
		found[table] = db.number(`SELECT count(*) FROM ` + table)
	}
	return found
}

// A rerun between two batches of a retention finds the run as it was, or is
// told that it goes: what is half gone never runs again.
func TestRerunBetweenBatchesOfARetention(t *testing.T) {
	for name, c := range map[string]struct {
		tasks       int // more than one batch, or a few
		table, keep string
	}{
		"before the attempts":  {tasks: 3, table: "task_attempts", keep: "3"},
		"before the task runs": {tasks: 3, table: "task_runs", keep: "3"},
		"within the task runs": {tasks: 2600, table: "task_runs", keep: "2000"},
		"before the counters":  {tasks: 3, table: "run_counters", keep: "1"},
		"before the run":       {tasks: 3, table: "workflow_runs", keep: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				w := db.worker("w")
				r := db.played(w, definition("etl", wide(c.tasks)...), nil)
				key := miniairflow.AttemptKey{RunID: r.ID, Seq: 1, Attempt: 1}
				require.NoError(t, db.AppendLog(t.Context(), key, []miniairflow.LogChunk{{Size: 1, Data: []byte("x")}}))
				before := db.belongings()
				resume := db.stopDeletes(c.table, c.keep)
				later := time.Now().Add(time.Hour)
				_, err := db.DeleteRuns(t.Context(), later, 10)
				require.ErrorContains(t, err, "stopped")

				_, err = db.Rerun(t.Context(), rerunOf(r, miniairflow.RerunClear, 1))
				resume()
				deletes := 1
				if err == nil {
					deletes = 0
					require.Equal(t, before, db.belongings())
					size, err := db.LogSize(t.Context(), key)
					require.NoError(t, err)
					require.EqualValues(t, 1, size)
				} else {
					require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
					require.ErrorContains(t, err, "is being deleted")
				}
				_, err = db.StartRuns(t.Context(), 10)
				require.NoError(t, err)
				deleted, err := db.DeleteRuns(t.Context(), later, 10)
				require.NoError(t, err)
				require.Equal(t, deletes, deleted)
				require.Equal(t, deletes == 0, db.number(`SELECT count(*) FROM task_runs`) > 0, "what is left is the run that goes on")
				db.check()
			})
		})
	}
}

func TestRerunAgainstRetention(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		d := definition("etl", wide(3)...)
		for range 10 {
			first, second := db.played(w, d, nil), db.played(w, d, nil)
			later := time.Now().Add(time.Hour)
			var kept atomic.Int64
			together(t, 4, func(ctx context.Context, i int) error {
				if i < 2 {
					_, err := db.DeleteRuns(ctx, later, 10)
					return err
				}
				_, err := db.Rerun(ctx, rerunOf([]*miniairflow.WorkflowRun{first, second}[i-2], miniairflow.RerunClear, 1))
				switch miniairflow.ErrorCode(err) {
				case miniairflow.CodeConflict, miniairflow.CodeNotFound:
					return nil
				case "":
					kept.Add(1)
				}
				return err
			})
			rows := 3 * int(kept.Load())
			require.Equal(t, map[string]int{"task_runs": rows, "task_attempts": rows}, db.belongings())
			require.Equal(t, int(kept.Load()), db.number(`SELECT count(*) FROM workflow_runs`))
			_, err := db.StartRuns(t.Context(), 10)
			require.NoError(t, err)
			w.drain(nil)
			db.check()
			_, err = db.DeleteRuns(t.Context(), later, 10)
			require.NoError(t, err)
		}
	})
}
