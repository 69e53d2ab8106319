package persistencetest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// fireAll plans one run for each due cursor, and notes what it was asked.
func (db *database) fireAll(asked *[]uuid.UUID) miniairflow.FirePlan {
	return func(due miniairflow.DueSchedules) (fires []miniairflow.Fire) {
		*asked = nil
		for _, c := range due.Due {
			*asked = append(*asked, c.WorkflowID)
			fires = append(fires, db.fireOf(c, due.Now.Add(time.Hour), *c.NextAt))
		}
		return fires
	}
}

// onePerWorkflow checks that each workflow has one run, with its first number.
func (db *database) onePerWorkflow(n int) {
	db.Helper()
	runs := db.runs(miniairflow.RunFilter{Limit: 200})
	require.Len(db, runs, n)
	seen := map[uuid.UUID]bool{}
	for _, r := range runs {
		require.EqualValues(db, 1, r.Number)
		require.False(db, seen[r.WorkflowID])
		seen[r.WorkflowID] = true
	}
}

// More due schedules than one statement writes are fired, the next time is known
// when nothing moved, and the audit log names who asked.
func TestFireDue(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		const n = 120
		for i := range n {
			db.sync(scheduled(fmt.Sprintf("w%d", i), miniairflow.OverlapQueue, "0 * * * *"))
		}
		for range 2 { // due returns at most 100
			db.aim(slot)
		}
		var asked []uuid.UUID
		plan := db.fireAll(&asked)
		due, moved, err := db.FireDue(t.Context(), n, func(due miniairflow.DueSchedules) []miniairflow.Fire {
			fires := plan(due)
			for i := range fires {
				fires[i].Runs[0].By.Name = "scheduler"
			}
			return fires
		})
		require.NoError(t, err)
		require.Equal(t, n, moved)
		require.Len(t, due.Due, n)
		db.onePerWorkflow(n)
		require.Equal(t, n, db.number(`SELECT count(*) FROM audit_log WHERE action = 'create_run' AND actor = 'scheduler' AND workflow_id IS NOT NULL`))
		asked = nil
		due, moved, err = db.FireDue(t.Context(), n, plan)
		require.NoError(t, err)
		require.Zero(t, moved)
		require.Empty(t, asked)
		require.NotNil(t, due.Next)
	})
}

// A schedule that was never looked at is due at once, also beside one that is due
// later, and while nothing is due the next time is known without a plan.
func TestFireDueFindsNewSchedules(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		later := db.sync(scheduled("later", miniairflow.OverlapQueue, "0 * * * *"))
		var asked []uuid.UUID
		plan := func(due miniairflow.DueSchedules) (fires []miniairflow.Fire) {
			for _, c := range due.Due {
				asked = append(asked, c.WorkflowID)
				fires = append(fires, miniairflow.Fire{Cursor: c, NextAt: due.Now.Add(time.Hour)})
			}
			return fires
		}
		look := func() miniairflow.DueSchedules {
			asked = nil
			due, _, err := db.FireDue(t.Context(), 10, plan)
			require.NoError(t, err)
			return due
		}
		look()
		require.Equal(t, []uuid.UUID{later.WorkflowID}, asked)
		due := look()
		require.Empty(t, asked)
		require.NotNil(t, due.Next)
		require.WithinDuration(t, due.Now.Add(time.Hour), *due.Next, time.Minute)
		fresh := db.sync(scheduled("fresh", miniairflow.OverlapQueue, "0 * * * *"))
		look()
		require.Equal(t, []uuid.UUID{fresh.WorkflowID}, asked)
	})
}

// Whoever finds all that is due in the hands of another scheduler is told to look
// again: that one may fail.
func TestFireDueInOtherHands(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		if strings.HasPrefix(db.url, "sqlite://") {
			t.Skip("one process owns an SQLite file, so no other scheduler can hold its cursors")
		}
		for i := range 3 {
			db.sync(scheduled(fmt.Sprintf("w%d", i), miniairflow.OverlapQueue, "0 * * * *"))
		}
		db.aim(slot)
		other := &database{testCase: db.testCase, Store: persistencetest.Open(t, db.url), url: db.url, raw: db.raw}
		var asked []uuid.UUID
		due, moved, err := db.FireDue(t.Context(), 3, func(miniairflow.DueSchedules) []miniairflow.Fire {
			due, moved, err := other.FireDue(t.Context(), 3, other.fireAll(&asked))
			require.NoError(t, err)
			require.Zero(t, moved)
			require.Empty(t, asked)
			require.NotNil(t, due.Next)
			require.False(t, due.Next.After(due.Now))
			return nil
		})
		require.NoError(t, err)
		require.Zero(t, moved)
		require.Nil(t, due.Next, "what it has left out itself is not to be looked at again")
		_, moved, err = other.FireDue(t.Context(), 3, other.fireAll(&asked))
		require.NoError(t, err)
		require.Equal(t, 3, moved)
		db.onePerWorkflow(3)
	})
}

// A workflow that somebody holds keeps no schedule of others from firing. Its own stay
// due, and whoever finds nothing else is told to look again. Only PostgreSQL has locks
// of rows: with SQLite there is one writer.
func TestFireDueOfAHeldWorkflow(t *testing.T) {
	for name, fire := range map[string]func(db *database, plan miniairflow.FirePlan) (int, error){
		"together": func(db *database, plan miniairflow.FirePlan) (int, error) {
			_, moved, err := db.FireDue(db.Context(), 10, plan)
			return moved, err
		},
		"as they were found": func(db *database, plan miniairflow.FirePlan) (int, error) {
			return db.FireSchedules(db.Context(), plan(db.due()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := openPostgres(t)
			held := db.sync(scheduled("held", miniairflow.OverlapQueue, "0 * * * *", "30 * * * *"))
			free := db.sync(scheduled("free", miniairflow.OverlapQueue, "0 * * * *"))
			db.aim(slot)
			var asked []uuid.UUID
			plan := db.fireAll(&asked)
			db.holding(`SELECT 1 FROM workflows WHERE name = 'held' FOR UPDATE`, func() {
				moved, err := fire(db, plan)
				require.NoError(t, err, "it waits for the workflow")
				require.Equal(t, 1, moved)
				require.Len(t, db.runs(miniairflow.RunFilter{WorkflowID: free.WorkflowID}), 1)
				due, moved, err := db.FireDue(t.Context(), 10, plan)
				require.NoError(t, err)
				require.Zero(t, moved)
				require.NotNil(t, due.Next)
				require.False(t, due.Next.After(due.Now), "it is to look again")
			})
			due, _, err := db.FireDue(t.Context(), 10, func(miniairflow.DueSchedules) []miniairflow.Fire { return nil })
			require.NoError(t, err)
			require.True(t, due.Next.After(due.Now), "what it has left out itself is not to be looked at again")
			moved, err := fire(db, plan)
			require.NoError(t, err)
			require.Equal(t, 2, moved)
			require.Len(t, db.runs(miniairflow.RunFilter{WorkflowID: held.WorkflowID}), 2)
		})
	}
}

// The schedules of workflows that somebody holds take no room in a step, neither among
// the cursors nor among the runs, and are not planned again and again.
func TestFireDuePlansNoHeldWorkflow(t *testing.T) {
	for name, c := range map[string]struct{ limit, runs int }{
		"more schedules than a step takes": {limit: 3, runs: 1},
		"more runs than a step takes":      {limit: 10, runs: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			db := openPostgres(t)
			db.sync(scheduled("held", miniairflow.OverlapQueue, "0 * * * *", "20 * * * *", "40 * * * *"))
			db.aim(slot)
			db.sync(scheduled("free", miniairflow.OverlapQueue, "0 * * * *"))
			db.aim(slot.Add(time.Hour)) // it is the last
			var planned []string
			step := func() (miniairflow.DueSchedules, int) {
				planned = nil
				due, moved, err := db.FireDue(t.Context(), c.limit, func(due miniairflow.DueSchedules) (fires []miniairflow.Fire) {
					for _, cursor := range due.Due {
						planned = append(planned, cursor.WorkflowName)
						dates := make([]time.Time, c.runs)
						for i := range dates {
							dates[i] = cursor.NextAt.Add(time.Duration(i) * time.Minute)
						}
						fires = append(fires, db.fireOf(cursor, due.Now.Add(time.Hour), dates...))
					}
					return fires
				})
				require.NoError(t, err)
				return due, moved
			}
			db.holding(`SELECT 1 FROM workflows WHERE name = 'held' FOR UPDATE`, func() {
				due, moved := step()
				require.Zero(t, moved)
				require.Equal(t, "held", planned[0])
				require.False(t, due.Next.After(due.Now), "it is to look again")
				_, moved = step()
				require.Equal(t, 1, moved)
				require.Equal(t, []string{"free"}, planned)
				due, moved = step()
				require.Zero(t, moved)
				require.Empty(t, planned)
				require.False(t, due.Next.After(due.Now), "it is to look again")
			})
			_, moved := step()
			require.NotZero(t, moved)
			require.Equal(t, []string{"held", "held", "held"}, planned)
		})
	}
}

// Two schedulers that look at the same time make one run of each slot, and on
// PostgreSQL the second gets what the first has left, without waiting for it.
func TestFireDueAtTheSameTime(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		for i := range 6 {
			db.sync(scheduled(fmt.Sprintf("w%d", i), miniairflow.OverlapQueue, "0 * * * *"))
		}
		db.aim(slot)
		other := db
		if !strings.HasPrefix(db.url, "sqlite://") {
			other = &database{testCase: db.testCase, Store: persistencetest.Open(t, db.url), url: db.url, raw: db.raw}
		}
		var first, second []uuid.UUID
		moved := 0
		plan := db.fireAll(&first)
		_, mine, err := db.FireDue(t.Context(), 4, func(due miniairflow.DueSchedules) []miniairflow.Fire {
			var err error
			_, moved, err = other.FireDue(t.Context(), 6, other.fireAll(&second))
			require.NoError(t, err)
			return plan(due)
		})
		require.NoError(t, err)
		require.Len(t, first, 4)
		require.Equal(t, 6, mine+moved)
		if other != db {
			require.Len(t, second, 2)
			require.NotSubset(t, first, second)
		}
		db.onePerWorkflow(6)
	})
}

// A plan that was made while there were no runs, as the statistics say, still finds
// the runs of a slot by an index when there are many.
func TestFireDueReadsLittle(t *testing.T) {
	db := openPostgres(t)
	for i := range 2 {
		db.sync(scheduled(fmt.Sprintf("w%d", i), miniairflow.OverlapQueue, "0 * * * *"))
	}
	db.aim(slot)
	read, scans := rowsRead(t, db, func(ctx context.Context, probe *database) error {
		_, err := db.raw.ExecContext(ctx, `ANALYZE`)
		require.NoError(t, err)
		var asked []uuid.UUID
		for i := range 2 {
			_, moved, err := probe.FireDue(ctx, 1, probe.fireAll(&asked))
			require.NoError(t, err)
			require.Equal(t, 1, moved)
			if i > 0 {
				continue
			}
			_, err = db.raw.ExecContext(ctx, `
				INSERT INTO workflow_runs (id, workflow_id, version_id, number, status, type, logical_date, data_interval_start, run_after, created_at)
				SELECT gen_random_uuid(), workflow_id, version_id, n, 'pending', type, logical_date + n * interval '1 hour', logical_date, run_after, created_at
				FROM workflow_runs, generate_series(2, 4000) AS n`)
			require.NoError(t, err)
		}
		return nil
	})
	require.Less(t, read, rowsMax)
	require.LessOrEqual(t, scans, 1, "but for the one that copies a run")
}
