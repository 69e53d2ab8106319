package persistencetest_test

import (
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// check matches each slot of each era with what became of it, and returns how many they were.
func (y *years) check() (slots int) {
	dates := map[string][]time.Time{}                 // of runs, by workflow and schedule
	ranges := map[string][]*miniairflow.MissedSlots{} // the same
	for _, name := range y.names {
		y.readRuns(name, dates)
		y.readMissed(name, ranges)
	}
	for i, e := range y.eras {
		want := y.slotsOf(e)
		slots += len(want)
		key := e.workflow + "/" + e.schedules.Name()
		got := map[time.Time]int{}
		dates[key] = slices.DeleteFunc(dates[key], func(at time.Time) bool {
			isHere := at.After(e.from) && !at.After(e.until)
			if isHere {
				got[at]++
			}
			return isHere
		})
		ranges[key] = slices.DeleteFunc(ranges[key], func(m *miniairflow.MissedSlots) bool {
			if !m.First.After(e.from) || m.Last.After(e.until) {
				return false
			}
			first, isSlot := slices.BinarySearchFunc(want, m.First, time.Time.Compare)
			require.True(y, isSlot, "%s: %s begins with no slot", key, m.First)
			last, isSlot := slices.BinarySearchFunc(want, m.Last, time.Time.Compare)
			require.True(y, isSlot, "%s: %s ends with no slot", key, m.Last)
			require.Equal(y, min(last-first+1, miniairflow.MissedMax), m.Count, "%s: %s to %s", key, m.First, m.Last)
			y.checkReason(e, m)
			for _, at := range want[first : last+1] {
				got[at]++
			}
			return true
		})
		for _, at := range want {
			require.Equal(y, 1, got[at], "era %d: slot %s of %s (%s)", i, at, key, e.schedules)
		}
		require.Len(y, got, len(want), "era %d: something that is no slot of %s (%s)", i, key, e.schedules)
	}
	for key := range dates {
		require.Empty(y, dates[key], "runs that are no slots of %s", key)
		require.Empty(y, ranges[key], "ranges of no schedule of %s", key)
	}
	return slots
}

// slotsOf returns the slots of an era.
func (y *years) slotsOf(e era) (slots []time.Time) {
	for from := e.from; ; {
		next, err := miniairflow.Upcoming(e.schedules, from, 1000)
		require.NoError(y, err)
		for _, slot := range next {
			if slot.At.After(e.until) {
				return slots
			}
			slots = append(slots, slot.At.UTC())
		}
		if len(next) == 0 {
			return slots
		}
		from = slots[len(slots)-1]
	}
}

// checkReason requires that a policy is named that the schedule had.
func (y *years) checkReason(e era, m *miniairflow.MissedSlots) {
	policy := e.schedules[0]
	switch m.Reason {
	case miniairflow.MissedByNone:
		require.Equal(y, miniairflow.CatchupNone, policy.Catchup)
	case miniairflow.MissedByLatest:
		require.Equal(y, miniairflow.CatchupLatest, policy.Catchup)
	case miniairflow.MissedByMax:
		require.Equal(y, miniairflow.CatchupAll, policy.Catchup)
	case miniairflow.MissedByWindow:
		require.NotZero(y, policy.CatchupWindow)
	case miniairflow.MissedReplaced:
		require.Equal(y, miniairflow.OverlapCancelRunning, policy.Overlap)
	case miniairflow.MissedQueueFull:
		require.NotEqual(y, miniairflow.OverlapSkip, policy.Overlap)
	}
}

// readRuns reads the slots of all scheduled runs of a workflow. None is made before its time.
func (y *years) readRuns(name string, into map[string][]time.Time) {
	filter := miniairflow.RunFilter{WorkflowID: y.flows[name].id, Types: []miniairflow.RunType{miniairflow.RunScheduled}}
	y.eachRun(filter, func(r *miniairflow.WorkflowRun) {
		require.False(y, r.CreatedAt.Before(r.RunAfter), "%s: a run before its time", r.Label())
		require.False(y, r.RunAfter.Before(r.LogicalDate))
		into[name+"/"+r.ScheduleName] = append(into[name+"/"+r.ScheduleName], r.LogicalDate)
		y.runsN++
	})
}

// readMissed reads the ranges of a workflow.
func (y *years) readMissed(name string, into map[string][]*miniairflow.MissedSlots) {
	filter := miniairflow.MissedFilter{WorkflowID: y.flows[name].id, Limit: 200}
	for {
		page, err := y.FindMissedSlots(y.Context(), filter)
		require.NoError(y, err)
		for _, m := range page {
			key := name + "/" + m.Schedule
			into[key] = append(into[key], m)
			y.rangesN++
		}
		if len(page) < filter.Limit {
			return
		}
		filter.Before = page[len(page)-1].ID
	}
}
