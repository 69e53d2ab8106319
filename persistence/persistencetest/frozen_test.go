package persistencetest_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// frozen are statements that the triggers of the schema refuse, by trigger, and
// the same with what a rerun adds to them, which is allowed; empty: nothing is.
var frozen = map[string][]struct{ name, refused, allowed string }{
	"workflow_runs_frozen": {
		{
			"a run that is over becomes another end",
			`UPDATE workflow_runs SET status = 'success'`,
			`UPDATE workflow_runs SET status = 'success', generation = generation + 1`,
		},
		{
			"a run that is over is opened again",
			`UPDATE workflow_runs SET status = 'pending', finished_at = NULL`,
			`UPDATE workflow_runs SET status = 'pending', finished_at = NULL, generation = generation + 1`,
		},
		{
			"a run gets another version",
			`UPDATE workflow_runs SET version_id = (SELECT id FROM workflow_versions WHERE number = 2)`,
			`UPDATE workflow_runs SET version_id = (SELECT id FROM workflow_versions WHERE number = 2), generation = generation + 1`,
		},
	},
	"task_runs_frozen": {
		{
			"a task run that has ended gets another end",
			`UPDATE task_runs SET status = 'success' WHERE seq = 1`,
			`UPDATE task_runs SET status = 'success', reopens = reopens + 1 WHERE seq = 1`,
		},
		{
			"a task run that has ended runs again",
			`UPDATE task_runs SET status = 'pending', finished_at = NULL WHERE seq = 0`,
			`UPDATE task_runs SET status = 'pending', finished_at = NULL, reopens = reopens + 1 WHERE seq = 0`,
		},
	},
	"task_attempts_frozen": {
		{"an attempt that is history gets another end", `UPDATE task_attempts SET status = 'failed'`, ""},
		{"an attempt that is history gets another reason", `UPDATE task_attempts SET reason = 'because'`, ""},
	},
}

func TestTriggersRefuse(t *testing.T) {
	for trigger, cases := range frozen {
		for _, c := range cases {
			t.Run(trigger+"/"+c.name, func(t *testing.T) {
				onEach(t, func(t *testing.T, db *database) {
					w := db.worker("w")
					db.played(w, definition("etl", task("a"), task("b")), map[string]miniairflow.TaskStatus{"b": miniairflow.TaskFailed})
					db.sync(definition("etl", task("a"), task("b"), task("c")))
					table, _ := strings.CutSuffix(trigger, "_frozen")
					require.ErrorContains(t, db.tryChange(map[string]string{"sqlite": c.refused, "postgres": c.refused}), "the state of a finished row of "+table+" never changes")
					db.check()
					if c.allowed != "" {
						require.NoError(t, db.tryChange(map[string]string{"sqlite": c.allowed, "postgres": c.allowed}))
					}
				})
			})
		}
	}
}

// Every trigger of the schema has its cases.
func TestAllTriggersAreTried(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		list := `SELECT name FROM sqlite_schema WHERE type = 'trigger' ORDER BY 1`
		others := []string{"workflow_runs_ended", "workflow_runs_deadlines"} // refuse nothing: TestAfterEnds, TestLateMarks
		if !strings.HasPrefix(db.url, "sqlite://") {
			list = `SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1`
			others = others[:1]
		}
		require.ElementsMatch(t, append(slices.Collect(maps.Keys(frozen)), others...), texts(t, db.raw, list))
	})
}
