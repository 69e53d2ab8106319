package graph_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// The slots of a workflow that have got no run, by pages, with the reason.
func TestMissedSlots(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		d := workflow("hourly", "a")
		d.Schedules = []miniairflow.Schedule{
			{Name: "h", Cron: "0 * * * *", Timezone: "UTC", Catchup: miniairflow.CatchupLatest, Overlap: miniairflow.OverlapQueue},
		}
		w.save(t, d)
		due, err := w.store.DueSchedules(t.Context(), 1)
		require.NoError(t, err)
		first := due.Now.Truncate(time.Hour).Add(-50 * time.Hour)
		left := func(hour, count int, reason miniairflow.MissedReason) miniairflow.MissedRange {
			at := first.Add(time.Duration(hour) * time.Hour)
			return miniairflow.MissedRange{
				First: at, Last: at.Add(time.Duration(count-1) * time.Hour), Before: at.Add(-time.Hour), Count: count, Reason: reason, Text: reason.Text(),
			}
		}
		moved, err := w.store.FireSchedules(t.Context(), []miniairflow.Fire{{Cursor: due.Due[0], NextAt: first}})
		require.NoError(t, err)
		require.Equal(t, 1, moved)
		due, err = w.store.DueSchedules(t.Context(), 1)
		require.NoError(t, err)
		type dueSlots struct {
			Schedule, Status, Reason, Text string
			First, Last                    time.Time
			Count                          int
			CountIsExact                   bool
		}
		var preview struct{ Workflow struct{ DueSlots []dueSlots } }
		w.ask(t, `{ workflow(name: "hourly") { dueSlots { schedule first last count countIsExact status reason text } } }`, nil, &preview)
		last := due.Now.Truncate(time.Hour)
		require.Equal(t, []dueSlots{
			{Schedule: "h", Reason: "CATCHUP_LATEST", Text: "catchup: latest makes up for the newest slot only", First: first, Last: last.Add(-time.Hour), Count: 50, CountIsExact: true},
			{Schedule: "h", Status: "PENDING", First: last, Last: last, Count: 1, CountIsExact: true},
		}, preview.Workflow.DueSlots)
		many := left(2, 20, miniairflow.MissedByMax)
		many.Count, many.HasMore = miniairflow.MissedMax, true
		_, err = w.store.FireSchedules(t.Context(), []miniairflow.Fire{{
			Cursor: due.Due[0], NextAt: due.Now.Add(time.Hour), Left: []miniairflow.MissedRange{left(0, 2, miniairflow.MissedByWindow), many},
		}})
		require.NoError(t, err)

		type page struct {
			Workflow struct {
				MissedSlots struct {
					TotalCount int
					PageInfo   struct {
						HasNextPage bool
						EndCursor   string
					}
					Nodes []struct {
						Schedule, Reason, Text string
						First, Last            time.Time
						Count                  int
						CountIsExact           bool
					}
				}
			}
		}
		const ask = `query($after: String) { workflow(name: "hourly") { missedSlots(first: 1, after: $after) {
			totalCount pageInfo { hasNextPage endCursor } nodes { schedule first last count countIsExact reason text notedAt } } } }`
		var got page
		w.ask(t, ask, nil, &got)
		missed := got.Workflow.MissedSlots
		require.Equal(t, 2, missed.TotalCount)
		require.True(t, missed.PageInfo.HasNextPage)
		require.Len(t, missed.Nodes, 1)
		require.Equal(t, "MAX_CATCHUP", missed.Nodes[0].Reason)
		require.False(t, missed.Nodes[0].CountIsExact)
		require.Equal(t, many.Last, missed.Nodes[0].Last)
		got = page{}
		w.ask(t, ask, vars{"after": missed.PageInfo.EndCursor}, &got)
		missed = got.Workflow.MissedSlots
		require.False(t, missed.PageInfo.HasNextPage)
		require.Equal(t, "h", missed.Nodes[0].Schedule)
		require.Equal(t, first, missed.Nodes[0].First)
		require.Equal(t, 2, missed.Nodes[0].Count)
		require.True(t, missed.Nodes[0].CountIsExact)
		require.Equal(t, "they were older than catchup_window", missed.Nodes[0].Text)
		require.Equal(t, miniairflow.CodeInvalid, w.code(t, ask, vars{"after": "none"}))
	})
}
