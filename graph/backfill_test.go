package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// A backfill is planned, made, paused and cancelled, and its runs lead back to it.
func TestBackfillOverTheAPI(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.save(t, &miniairflow.Definition{
			Name: "etl", IsActive: true, MaxActiveRuns: 1, MaxActiveTasks: 1,
			Schedules: []miniairflow.Schedule{{Name: "daily", Cron: "0 6 * * *", Timezone: "UTC", Catchup: miniairflow.CatchupNone, Overlap: miniairflow.OverlapQueue}},
			Tasks:     []miniairflow.Task{{Name: "x", Noop: true, TriggerRule: miniairflow.AllSuccess, Queue: "default", Priority: miniairflow.PriorityHigh}},
		})
		type made struct {
			CreateBackfill struct {
				Backfill *struct{ ID, Label string }
				IsNew    bool
				Dates    []struct{ Action, Reason string }

				UserErrors []struct {
					Field         []string
					Message, Code string
				}
			}
		}
		create := func(input vars) (got made) {
			const text = `mutation($in: CreateBackfillInput!) { createBackfill(input: $in) { backfill { id label } isNew dates { action reason } userErrors { field message code } } }`
			in := vars{"workflow": "etl", "from": "2026-01-01", "to": "2026-01-03", "name": "january"}
			for key, value := range input {
				in[key] = value
			}
			w.ask(t, text, vars{"in": in}, &got)
			return got
		}
		planned := create(vars{"dryRun": true}).CreateBackfill
		require.Len(t, planned.Dates, 3)
		require.Equal(t, "CREATE", planned.Dates[0].Action)
		require.Nil(t, planned.Backfill)
		b := create(vars{}).CreateBackfill
		require.True(t, b.IsNew)
		require.Equal(t, "etl/january", b.Backfill.Label)
		require.False(t, create(vars{}).CreateBackfill.IsNew)
		for field, input := range map[string]vars{
			"name": {"concurrency": 2}, "concurrency": {"concurrency": 101}, "schedule": {"schedule": "dayly"}, "from": {"from": "yesterday"},
			"to": {"to": "2025-01-01"}, "only": {"only": []string{"y"}}, "fromTasks": {"fromTasks": []string{"y"}}, "untilTasks": {"untilTasks": []string{"y"}},
		} {
			problems := create(input).CreateBackfill.UserErrors
			require.Len(t, problems, 1, field)
			require.Equal(t, []string{field}, problems[0].Field)
		}

		due, err := w.store.DueBackfills(t.Context(), 10)
		require.NoError(t, err)
		_, err = (&miniairflow.Control{Store: w.store}).AdvanceBackfill(t.Context(), due[0])
		require.NoError(t, err)
		_, err = w.store.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		id := vars{"id": b.Backfill.ID}
		const show = `query($id: ID!) { backfill(id: $id) { status scheduleName timezone from to mode order total created leftAlone remaining runStates { status count } createdBy
			workflow { name } version { number } runs { totalCount nodes { type backfill { name } cause { kind detail } taskRuns { nodes { priority } } } } }
			node(id: $id) { ... on Backfill { name } }
			backfills(filter: {workflow: "etl", statuses: [RUNNING]}) { totalCount nodes { name } pageInfo { hasNextPage } } }`
		shownNow := shown(t, w, show, id)
		for _, part := range []string{
			`"status":"RUNNING","scheduleName":"daily","timezone":"UTC","from":"2026-01-01T00:00:00Z","to":"2026-01-03T23:59:59.999999Z","mode":"MISSING","order":"OLDEST"`,
			`"total":3,"created":1,"leftAlone":0,"remaining":2,"runStates":[{"status":"RUNNING","count":1}],"createdBy":"api","workflow":{"name":"etl"},"version":{"number":1}`,
			`"runs":{"totalCount":1,"nodes":[{"type":"BACKFILL","backfill":{"name":"january"},"cause":{"kind":"BACKFILL","detail":"january"},"taskRuns":{"nodes":[{"priority":"BACKFILL"}]}}]}`,
			`"node":{"name":"january"}`, `"backfills":{"totalCount":1,"nodes":[{"name":"january"}],"pageInfo":{"hasNextPage":false}}`,
		} {
			require.Contains(t, shownNow, part)
		}
		steer := func(mutation string) string {
			return shown(t, w, `mutation($id: ID!) { `+mutation+`(input: {id: $id}) { backfill { status keepsRuns isPaused: pausedAt } userErrors { code } } }`, id)
		}
		hold := func() string { return shown(t, w, `query($id: ID!) { backfill(id: $id) { status hold } }`, id) }
		require.Contains(t, hold(), `"status":"RUNNING","hold":null`)
		shown(t, w, `mutation { pauseWorkflow(input: {workflow: "etl"}) { userErrors { code } } }`, nil)
		require.Contains(t, hold(), `"status":"RUNNING","hold":"its workflow is paused"`)
		shown(t, w, `mutation { unpauseWorkflow(input: {workflow: "etl"}) { userErrors { code } } }`, nil)
		require.Contains(t, steer("pauseBackfill"), `"isPaused":"2`)
		require.Contains(t, steer("resumeBackfill"), `"isPaused":null`)
		require.Contains(t, steer("cancelBackfill"), `"status":"CANCELLED","keepsRuns":false`)
		require.Contains(t, shown(t, w, `{ auditLog(filter: {action: CANCEL_BACKFILL}) { nodes { label actor } } }`, nil), `{"label":"etl/january","actor":"api"}`)
		id["id"] = "01936f2a-0000-7000-8000-000000000000"
		require.Contains(t, steer("cancelBackfill"), `"userErrors":[{"code":"NOT_FOUND"}]`)
	})
}
