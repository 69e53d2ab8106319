package persistencetest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// missed returns the ranges of a workflow, the oldest first, without what the
// database gives them.
func (db *database) missed(workflowID uuid.UUID) []miniairflow.MissedRange {
	db.Helper()
	found, err := db.FindMissedSlots(db.Context(), miniairflow.MissedFilter{WorkflowID: workflowID})
	require.NoError(db, err)
	count, err := db.CountMissedSlots(db.Context(), miniairflow.MissedFilter{WorkflowID: workflowID}, 100)
	require.NoError(db, err)
	require.Len(db, found, count)
	ranges := make([]miniairflow.MissedRange, len(found))
	for i, m := range found {
		require.Equal(db, workflowID, m.WorkflowID)
		require.False(db, m.NotedAt.IsZero())
		ranges[len(found)-1-i] = m.MissedRange
	}
	return ranges
}

// hours returns the range of the full hours from first to last.
func hours(reason miniairflow.MissedReason, first, last time.Time) miniairflow.MissedRange {
	return miniairflow.MissedRange{First: first, Last: last, Count: int(last.Sub(first)/time.Hour) + 1, Reason: reason, Text: reason.Text()}
}

// overdue syncs a workflow of every full hour whose last five hours nobody has fired,
// and returns its definition, its id and the first of them.
func (db *database) overdue(name string) (*miniairflow.Definition, uuid.UUID, time.Time) {
	db.Helper()
	d := scheduled(name, miniairflow.OverlapQueue, "0 * * * *")
	v := db.sync(d)
	first := db.due().Now.Truncate(time.Hour).Add(-4 * time.Hour)
	db.aim(first)
	return d, v.WorkflowID, first
}

// fullHour returns the last full hour.
func (db *database) fullHour() time.Time {
	db.Helper()
	now, err := db.Now(db.Context())
	require.NoError(db, err)
	return now.Truncate(time.Hour)
}

// What is due when a schedule is stopped or becomes another one, and what comes by
// while it stands still, is kept with the reason, and never made up for.
func TestSlotsOfStoppedSchedules(t *testing.T) {
	tests := []struct {
		name   string
		reason miniairflow.MissedReason
		stop   func(t *testing.T, db *database, d *miniairflow.Definition, id uuid.UUID)
		goOn   func(t *testing.T, db *database, d *miniairflow.Definition, id uuid.UUID)
	}{
		{"paused", miniairflow.MissedPaused, setPaused(true), setPaused(false)},
		{"inactive", miniairflow.MissedInactive, setActive(false), setActive(true)},
		{"retired", miniairflow.MissedRetired, func(t *testing.T, db *database, d *miniairflow.Definition, _ uuid.UUID) {
			require.NoError(t, db.RetireFile(t.Context(), d.Name+".yaml"))
		}, setActive(true)},
		{"edited", miniairflow.MissedEdited, func(_ *testing.T, db *database, d *miniairflow.Definition, _ uuid.UUID) {
			d.Schedules[0].Catchup = miniairflow.CatchupAll
			db.sync(d)
		}, nil},
		{"renamed", miniairflow.MissedEdited, func(_ *testing.T, db *database, d *miniairflow.Definition, _ uuid.UUID) {
			d.Schedules[0].Name = "hourly"
			db.sync(d)
		}, nil},
		{"taken away", miniairflow.MissedEdited, func(_ *testing.T, db *database, d *miniairflow.Definition, _ uuid.UUID) {
			d.Schedules = nil
			db.sync(d)
		}, nil},
	}
	onEach(t, func(t *testing.T, db *database) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				d, id, first := db.overdue(tt.name[:4])
				tt.stop(t, db, d, id)
				last := db.fullHour()
				want := hours(tt.reason, first, last)
				require.Equal(t, []miniairflow.MissedRange{want}, db.missed(id))
				if tt.goOn == nil {
					return
				}
				db.rewind(id, last.Add(-2*time.Hour)) // as if it had been stopped then
				tt.goOn(t, db, d, id)
				require.Equal(t, []miniairflow.MissedRange{want, hours(tt.reason, last.Add(-time.Hour), last)}, db.missed(id))
				for _, c := range db.due().Due {
					if c.WorkflowID == id {
						require.Nil(t, c.NextAt)
						require.WithinDuration(t, db.due().Now, c.Since, time.Minute)
					}
				}
			})
		}
	})
}

func setPaused(paused bool) func(*testing.T, *database, *miniairflow.Definition, uuid.UUID) {
	return func(t *testing.T, db *database, _ *miniairflow.Definition, id uuid.UUID) {
		t.Helper()
		_, err := db.SetPaused(t.Context(), id, paused, by)
		require.NoError(t, err)
	}
}

func setActive(active bool) func(*testing.T, *database, *miniairflow.Definition, uuid.UUID) {
	return func(_ *testing.T, db *database, d *miniairflow.Definition, _ uuid.UUID) {
		d.IsActive = active
		db.sync(d)
	}
}

// A change that leaves a schedule as it is leaves nothing out, and who pauses what is
// paused changes nothing.
func TestNothingIsLeftOut(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d, id, first := db.overdue("a")
		d.Tasks[0].Queue = "other"
		db.sync(d)
		require.Equal(t, first, *db.due().Due[0].NextAt)
		setPaused(false)(t, db, d, id)
		require.Empty(t, db.missed(id))
		require.Equal(t, first, *db.due().Due[0].NextAt)
	})
}

// What a fire leaves out is kept if the cursor moves, and only then. It is added to
// the range right before it of the same reason.
func TestFireKeepsWhatItLeavesOut(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(scheduled("a", miniairflow.OverlapQueue, "0 * * * *"))
		db.aim(slot)
		fire := func(next time.Time, left ...miniairflow.MissedRange) miniairflow.Fire {
			f := db.fireOf(db.due().Due[0], next)
			f.Left = left
			return f
		}
		leave := func(reason miniairflow.MissedReason, text string, hour, count int) miniairflow.MissedRange {
			first := slot.Add(time.Duration(hour) * time.Hour)
			return miniairflow.MissedRange{
				First: first, Last: first.Add(time.Duration(count-1) * time.Hour), Before: first.Add(-time.Hour), Count: count, Reason: reason, Text: text,
			}
		}
		first := fire(slot.Add(4*time.Hour), leave(miniairflow.MissedByWindow, "a", 0, 2), leave(miniairflow.MissedByMax, "b", 2, 2))
		require.Equal(t, 1, db.fire(first))
		require.Zero(t, db.fire(first))
		require.Equal(t, 1, db.fire(fire(slot.Add(6*time.Hour), leave(miniairflow.MissedByMax, "b", 4, 2))))
		require.Equal(t, 1, db.fire(fire(slot.Add(7*time.Hour), leave(miniairflow.MissedByMax, "c", 6, 1))))
		require.Equal(t, 1, db.fire(fire(slot.Add(9*time.Hour), leave(miniairflow.MissedByMax, "c", 8, miniairflow.MissedMax))))
		require.Equal(t, 1, db.fire(fire(slot.Add(10*time.Hour), leave(miniairflow.MissedByMax, "c", 8+miniairflow.MissedMax, 5))))
		want := []miniairflow.MissedRange{
			leave(miniairflow.MissedByWindow, "a", 0, 2), leave(miniairflow.MissedByMax, "b", 2, 4), leave(miniairflow.MissedByMax, "c", 6, 1),
			leave(miniairflow.MissedByMax, "c", 8, miniairflow.MissedMax+5),
		}
		want[3].Count, want[3].HasMore = miniairflow.MissedMax, true
		for i := range want {
			want[i].Before = time.Time{}
		}
		require.Equal(t, want, db.missed(v.WorkflowID))
		testPagesOfMissed(t, db, v.WorkflowID)
	})
}

// testPagesOfMissed reads four ranges page by page and deletes the older ones.
func testPagesOfMissed(t *testing.T, db *database, id uuid.UUID) {
	t.Helper()
	page, err := db.FindMissedSlots(t.Context(), miniairflow.MissedFilter{WorkflowID: id, Limit: 3})
	require.NoError(t, err)
	require.Len(t, page, 3)
	page, err = db.FindMissedSlots(t.Context(), miniairflow.MissedFilter{WorkflowID: id, Limit: 3, Before: page[2].ID})
	require.NoError(t, err)
	require.Len(t, page, 1)
	require.Equal(t, slot, page[0].First)
	others, err := db.FindMissedSlots(t.Context(), miniairflow.MissedFilter{WorkflowID: uuid.New()})
	require.NoError(t, err)
	require.Empty(t, others)
	count, err := db.CountMissedSlots(t.Context(), miniairflow.MissedFilter{}, 2)
	require.NoError(t, err)
	require.Equal(t, 2, count)
	for _, want := range []int{1, 1, 0} {
		deleted, err := db.DeleteMissedSlots(t.Context(), slot.Add(6*time.Hour), 1)
		require.NoError(t, err)
		require.Equal(t, want, deleted)
	}
	require.Len(t, db.missed(id), 2)
}

// What was noted last comes first, also if it was added to what is known for long: a
// schedule that goes on missing slots, or a trigger that fails again, is not hidden
// behind what others have missed since it began.
func TestWhatWasNotedLastComesFirst(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := arriving("a")
		d.Schedules = scheduled("a", miniairflow.OverlapQueue, "0 * * * *").Schedules
		v := db.sync(d)
		db.aim(slot)
		fail := func(text string) {
			t.Helper()
			_, err := db.NoteFileFault(t.Context(), v.WorkflowID, text)
			require.NoError(t, err)
		}
		leave := func(text string, hour int) {
			t.Helper()
			at := slot.Add(time.Duration(hour) * time.Hour)
			f := db.fireOf(db.due().Due[0], at.Add(time.Hour))
			f.Left = []miniairflow.MissedRange{{First: at, Last: at, Before: at.Add(-time.Hour), Count: 1, Reason: miniairflow.MissedByMax, Text: text}}
			require.Equal(t, 1, db.fire(f))
		}
		texts := func() (texts []string) {
			t.Helper()
			f := miniairflow.MissedFilter{WorkflowID: v.WorkflowID, Limit: 1}
			for { // page by page
				page, err := db.FindMissedSlots(t.Context(), f)
				require.NoError(t, err)
				if len(page) == 0 {
					return texts
				}
				texts, f.Before = append(texts, page[0].Text), page[0].ID
			}
		}
		fail("first")
		leave("x", 0)
		leave("y", 1)
		fail("second")
		require.Equal(t, []string{"second", "y", "x"}, texts())
		fail("third")
		leave("y", 2)
		require.Equal(t, []string{"y", "third", "x"}, texts())
	})
}

// A cursor that has begun anew is another one: who has read it before fires nothing.
func TestFireOfAnEarlierBeginning(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := scheduled("a", miniairflow.OverlapQueue, "0 * * * *")
		v := db.sync(d)
		before := db.due().Due[0]
		require.Nil(t, before.NextAt)
		setPaused(true)(t, db, d, v.WorkflowID)
		setPaused(false)(t, db, d, v.WorkflowID)
		require.Zero(t, db.fire(db.fireOf(before, slot.Add(time.Hour), slot)))
		require.Empty(t, db.runs(miniairflow.RunFilter{}))
		require.Equal(t, 1, db.fire(db.fireOf(db.due().Due[0], slot.Add(time.Hour), slot)))
	})
}

// rewind lets the cursors of a workflow have begun at an earlier time, whatever became due since.
func (db *database) rewind(id uuid.UUID, since time.Time) {
	db.Helper()
	db.change(map[string]string{
		"sqlite":   fmt.Sprintf(`UPDATE schedules SET since = %d WHERE workflow_id = '%s'`, since.UnixMicro(), id),
		"postgres": fmt.Sprintf(`UPDATE schedules SET since = '%s' WHERE workflow_id = '%s'`, since.Format(time.RFC3339Nano), id),
	})
}

// No more than QueuedMax scheduled runs of a workflow wait for their turn: of the slots
// of one fire the newest find room, the others are kept as left out. Other workflows
// and other runs have no part in that.
func TestQueueOfScheduledRunsIsBounded(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(scheduled("a", miniairflow.OverlapQueue, "0 * * * *"))
		other := db.sync(scheduled("b", miniairflow.OverlapQueue, "0 * * * *"))
		db.aim(slot)
		for _, id := range []uuid.UUID{uuid.New(), uuid.New()} {
			_, _, err := db.CreateRun(t.Context(), miniairflow.NewRun{ID: id, WorkflowID: v.WorkflowID, VersionID: v.ID, Type: miniairflow.RunManual})
			require.NoError(t, err)
		}
		at := func(hour int) time.Time { return slot.Add(time.Duration(hour) * time.Hour) }
		fire := func(workflow uuid.UUID, first, count int) {
			t.Helper()
			var dates []time.Time
			for hour := first; hour < first+count; hour++ {
				dates = append(dates, at(hour))
			}
			for _, c := range db.due().Due {
				if c.WorkflowID == workflow {
					require.Equal(t, 1, db.fire(db.fireOf(c, at(first+count-1000), dates...)))
				}
			}
		}
		scheduledRuns := func(workflow uuid.UUID) []*miniairflow.WorkflowRun {
			return db.runs(miniairflow.RunFilter{WorkflowID: workflow, Types: []miniairflow.RunType{miniairflow.RunScheduled}, Limit: 200})
		}
		fire(v.WorkflowID, 0, 90)
		require.Len(t, scheduledRuns(v.WorkflowID), 90)
		require.Empty(t, db.missed(v.WorkflowID))
		fire(v.WorkflowID, 90, 15)
		runs := scheduledRuns(v.WorkflowID)
		require.Len(t, runs, miniairflow.QueuedMax)
		require.Equal(t, at(95), runs[9].LogicalDate, "the newest find room")
		fire(v.WorkflowID, 105, 2)
		require.Len(t, scheduledRuns(v.WorkflowID), miniairflow.QueuedMax)
		require.Equal(t, []miniairflow.MissedRange{hours(miniairflow.MissedQueueFull, at(90), at(94)), hours(miniairflow.MissedQueueFull, at(105), at(106))}, db.missed(v.WorkflowID))
		fire(other.WorkflowID, 0, 3)
		require.Len(t, scheduledRuns(other.WorkflowID), 3)

		started, err := db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, started, 2)
		fire(v.WorkflowID, 107, 2)
		runs = scheduledRuns(v.WorkflowID)
		require.Len(t, runs, miniairflow.QueuedMax+1, "one of them has started")
		require.Equal(t, at(108), runs[0].LogicalDate)
		require.Equal(t, hours(miniairflow.MissedQueueFull, at(105), at(107)), db.missed(v.WorkflowID)[1])
	})
}
