package persistencetest_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// startPartial writes a definition and starts a run of some of its tasks.
func (db *database) startPartial(d *miniairflow.Definition, s miniairflow.Selection) *miniairflow.WorkflowRun {
	db.Helper()
	run := db.newRun(db.sync(d))
	run.Selection = &s
	_, created, err := db.CreateRun(db.Context(), run)
	require.NoError(db, err)
	require.True(db, created)
	started, err := db.StartRuns(db.Context(), 100)
	require.NoError(db, err)
	require.Contains(db, started, run.ID)
	db.check()
	return db.run(run.ID)
}

// Runs of parts of a, then b and c, then d after both, and y before z of finally.
func TestPartialRun(t *testing.T) {
	only := func(names ...string) miniairflow.Selection { return miniairflow.Selection{Only: names} }
	for _, c := range []struct {
		name      string
		selection miniairflow.Selection
		rule      miniairflow.TriggerRule // of d
		fails     string
		begun     string // right after the start
		ended     string
		result    miniairflow.RunStatus
	}{
		{name: "one task, whatever is above it", selection: only("d"), begun: "kkkqkk", ended: "kkkskk", result: miniairflow.RunSuccess},
		{name: "one task, with a rule that wants failures", selection: only("d"), rule: miniairflow.AllFailed, begun: "kkkqkk", ended: "kkkskk", result: miniairflow.RunSuccess},
		{name: "one of two above is chosen", selection: only("b", "d"), begun: "kqkpkk", ended: "kskskk", result: miniairflow.RunSuccess},
		{name: "a rule counts those that are chosen", selection: only("b", "d"), rule: miniairflow.OneFailed, begun: "kqkpkk", ended: "kskkkk", result: miniairflow.RunSuccess},
		{name: "a chosen one above fails", selection: only("b", "d"), fails: "b", begun: "kqkpkk", ended: "kfkukk", result: miniairflow.RunFailed},
		{name: "from", selection: miniairflow.Selection{From: []string{"b"}}, begun: "kqkppp", ended: "ksksss", result: miniairflow.RunSuccess},
		{name: "until", selection: miniairflow.Selection{Until: []string{"c"}}, begun: "qkpkpp", ended: "skskss", result: miniairflow.RunSuccess},
		{name: "only, with one of finally", selection: only("a", "z"), begun: "qkkkkp", ended: "skkkks", result: miniairflow.RunSuccess},
		{name: "always, chosen and not", selection: only("a", "d"), rule: miniairflow.Always, begun: "qkkqkk", ended: "skkskk", result: miniairflow.RunSuccess},
		{name: "always, not chosen", selection: only("a"), rule: miniairflow.Always, begun: "qkkkkk", ended: "skkkkk", result: miniairflow.RunSuccess},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				d := withFinally(definition("etl", diamond()...), task("y"), task("z", "y"))
				if c.rule != "" {
					d.Tasks[3].TriggerRule = c.rule
				}
				r := db.startPartial(d, c.selection)
				require.Equal(t, &c.selection, r.Selection)
				noted := db.audited(miniairflow.AuditFilter{Subject: r.ID.String(), Action: miniairflow.AuditCreateRun})
				require.Equal(t, &miniairflow.AuditDetails{Selection: &c.selection}, noted[0].Details)
				require.Equal(t, states(c.begun), db.statuses(r.ID))
				db.worker("w").drain(func(claim miniairflow.Claim) miniairflow.TaskStatus {
					if d.Tasks[claim.Seq].Name == c.fails {
						return miniairflow.TaskFailed
					}
					return miniairflow.TaskSuccess
				})
				require.Equal(t, states(c.ended), db.statuses(r.ID))
				require.Equal(t, c.result, db.run(r.ID).Status)
				db.check()
			})
		})
	}
}

func TestPartialRunSaysWhy(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.startPartial(definition("etl", diamond()...), miniairflow.Selection{From: []string{"b"}, Until: []string{"b"}})
		left := db.task(r.ID, 0)
		require.Equal(t, miniairflow.TaskSkipped, left.Status)
		require.Equal(t, "not chosen (--from b --until b)", left.Reason)
		require.NotNil(t, left.FinishedAt)
		require.Zero(t, left.Attempt)
	})
}

// A choice of more tasks than one statement writes.
func TestPartialRunOfALargeWorkflow(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		const tasks = 4_500
		d := definition("etl", wide(tasks)...)
		for i := 1; i < tasks; i++ {
			d.Tasks[i].DependsOn = []string{d.Tasks[i-1].Name}
		}
		r := db.startPartial(d, miniairflow.Selection{From: []string{"t4497"}})
		db.worker("w").drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		counts, err := db.CountTasks(t.Context(), []uuid.UUID{r.ID})
		require.NoError(t, err)
		require.Equal(t, map[miniairflow.TaskStatus]int{miniairflow.TaskSuccess: 3, miniairflow.TaskSkipped: tasks - 3}, counts[r.ID])
	})
}

func TestPartialRunIsCancelled(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.startPartial(withFinally(definition("etl", diamond()...), task("y"), task("z", "y")), miniairflow.Selection{From: []string{"b"}})
		_, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID})
		require.NoError(t, err)
		require.Equal(t, states("kckcqp"), db.statuses(r.ID))
		db.worker("w").drain(nil)
		require.Equal(t, states("kckcss"), db.statuses(r.ID))
		require.Equal(t, miniairflow.RunCancelled, db.run(r.ID).Status)
		db.check()
	})
}

// What is done again of a run is what it has chosen.
func TestPartialRunIsDoneAgain(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := withFinally(definition("etl", diamond()...), task("y"), task("z", "y"))
		w := db.worker("w")
		r := db.startPartial(d, miniairflow.Selection{Only: []string{"b", "d", "z"}})
		w.drain(func(c miniairflow.Claim) miniairflow.TaskStatus {
			if c.Seq == 1 {
				return miniairflow.TaskFailed
			}
			return miniairflow.TaskSuccess
		})
		require.Equal(t, states("kfkuks"), db.statuses(r.ID))

		_, err := db.Rerun(t.Context(), rerunOf(r, miniairflow.RerunClear, 0))
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
		require.Equal(t, `task "a" was not chosen (--only b,d,z): trigger a run that executes it`, miniairflow.ErrorMessage(err))

		db.rerun(rerunOf(r, miniairflow.RerunFailed))
		require.Equal(t, states("kpkpkp"), db.statuses(r.ID))
		db.playOn(w, r)
		require.Equal(t, states("ksksks"), db.statuses(r.ID))

		req := rerunOf(r, miniairflow.RerunClear, 1)
		req.Downstream = true
		db.rerun(req)
		require.Equal(t, states("kpkpkp"), db.statuses(r.ID))
		db.playOn(w, r)
		require.Equal(t, miniairflow.Selection{Only: []string{"b", "d", "z"}}, *db.run(r.ID).Selection)
	})
}

// A later version is taken over if the same choice leaves out the same tasks.
func TestPartialRunAndTheLatestVersion(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		r := db.startPartial(definition("etl", diamond()...), miniairflow.Selection{From: []string{"b"}})
		w.drain(func(miniairflow.Claim) miniairflow.TaskStatus { return miniairflow.TaskFailed })
		require.Equal(t, states("kfku"), db.statuses(r.ID))

		db.sync(definition("etl", task("a"), task("b", "a"), task("c", "b"), task("d", "b", "c")))
		req := rerunOf(r, miniairflow.RerunFailed)
		req.Latest = true
		_, err := db.Rerun(t.Context(), req)
		require.Equal(t, `in the latest version --from b chooses other tasks, such as "c": rerun the run as it was, or trigger a new one`, miniairflow.ErrorMessage(err))

		db.sync(definition("etl", append(diamond(), task("e", "d"), task("f", "a"))...))
		db.rerunLatest(w, r, rerunOf(r, miniairflow.RerunFailed))
		require.Equal(t, states("kskssk"), db.statuses(r.ID))
		require.Equal(t, "not chosen (--from b)", db.task(r.ID, 5).Reason)
	})
}

// New tasks that the choice leaves out are nothing to do again: a good run stays as
// it is, its tasks of finally too.
func TestPartialRunIsNotOpenedForWhatItLeavesOut(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		r := db.startPartial(withFinally(definition("etl", task("a"), task("b")), task("z")), miniairflow.Selection{Only: []string{"a", "z"}})
		w.drain(nil)
		require.Equal(t, states("sks"), db.statuses(r.ID))
		db.sync(withFinally(definition("etl", task("a"), task("b")), task("z"), task("y")))
		req := rerunOf(r, miniairflow.RerunFailed)
		req.Latest = true
		result, err := db.Rerun(t.Context(), req)
		require.NoError(t, err)
		require.Empty(t, result.TaskRuns)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		require.Equal(t, 1, db.task(r.ID, 2).Attempt)
		db.check()
	})
}
