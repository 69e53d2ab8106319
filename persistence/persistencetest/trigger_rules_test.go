package persistencetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// What a task below a and b becomes, by its rule and by how these ended: s success,
// f failed, k skipped. Both orders of the ends, and both together, give the same:
// the counts of the upstream tasks are right, whatever statement counts them.
func TestTriggerRulesInTheStore(t *testing.T) {
	ends := []string{"ss", "sf", "ff", "sk", "kk", "fk"}
	for _, c := range []struct {
		rule    miniairflow.TriggerRule
		becomes string // for each of ends
	}{
		{rule: miniairflow.AllSuccess, becomes: "suukku"},
		{rule: miniairflow.AllFailed, becomes: "kkskkk"},
		{rule: miniairflow.AllDone, becomes: "ssssss"},
		{rule: miniairflow.AllDoneMinOneSuccess, becomes: "ssusku"},
		{rule: miniairflow.AllSkipped, becomes: "kkkksk"},
		{rule: miniairflow.OneFailed, becomes: "ksskks"},
		{rule: miniairflow.OneSuccess, becomes: "ssusku"},
		{rule: miniairflow.OneDone, becomes: "ssssks"},
		{rule: miniairflow.NoneFailed, becomes: "suussu"},
		{rule: miniairflow.NoneFailedMinOneSuccess, becomes: "suusku"},
		{rule: miniairflow.NoneSkipped, becomes: "ssskkk"},
		{rule: miniairflow.Always, becomes: "ssssss"},
	} {
		t.Run(string(c.rule), func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				w := db.worker("w")
				for i, end := range ends {
					for _, order := range [][]int{{0, 1}, {1, 0}, nil} {
						require.Equal(t, states(c.becomes[i : i+1])[0], db.endOfChild(w, c.rule, end, order), "%s, order %v", end, order)
					}
				}
				db.check()
			})
		})
	}
}

// endOfChild plays a run of a, b, and c below both, and returns how c ended. a and
// b end in the given order, or together.
func (db *database) endOfChild(w *worker, rule miniairflow.TriggerRule, ends string, order []int) miniairflow.TaskStatus {
	db.Helper()
	d := definition("rules", task("a"), task("b"), task("c", "a", "b"))
	d.Tasks[2].TriggerRule = rule
	for seq := range ends {
		if ends[seq] == 'k' {
			d.Tasks[seq].When = "false"
		}
	}
	r := db.start(d)
	claims := map[int]miniairflow.Claim{}
	take := func(of []miniairflow.Claim) {
		for _, c := range of {
			claims[c.Seq] = c
		}
	}
	take(w.exchange(5).Claims)
	var together []miniairflow.Finish
	for _, seq := range append(order, 0, 1)[:2] {
		c, running := claims[seq]
		if !running {
			continue // it is skipped by its own condition
		}
		f := finish(c, names[ends[seq]])
		if order == nil {
			together = append(together, f)
			continue
		}
		take(w.exchange(5, f).Claims)
		db.decide()
	}
	take(w.exchange(5, together...).Claims)
	db.decide()
	take(w.exchange(5).Claims)
	if c, running := claims[2]; running {
		w.end(miniairflow.TaskSuccess, c)
	}
	require.True(db, db.run(r.ID).Status.IsTerminal())
	return db.task(r.ID, 2).Status
}
