package miniairflow

import (
	"fmt"
	"strings"
	"time"
)

// UpcomingMax bounds the slots that Upcoming finds at once.
const UpcomingMax = 10_000

// UpcomingSlot is a slot to come, as people are shown it.
type UpcomingSlot struct {
	At       time.Time // by the clocks of the schedule
	Schedule string    // its name; empty: it has none
	Text     string    // the times of all entries that fire then
	Note     string    // what the clocks do then; empty: nothing special
}

// Upcoming returns the next slots of schedules after a time, the earliest first, each
// group's once: at most count of them, and at most UpcomingMax. The error is that of
// CheckSchedule.
func Upcoming(schedules []Schedule, after time.Time, count int) ([]UpcomingSlot, error) {
	var tables Timetables
	entries := make([]timetable, len(schedules))
	fires := make([]time.Time, len(schedules))
	for i, s := range schedules {
		var err error
		if entries[i], err = tables.entry(s); err != nil {
			return nil, fmt.Errorf("schedule %s: %w", s, err)
		}
		fires[i] = entries[i].next(after)
	}
	var slots []UpcomingSlot
	for len(slots) < min(count, UpcomingMax) {
		first := earliest(fires)
		if first < 0 {
			break
		}
		slot, err := tables.upcoming(schedules, fires, first)
		if err != nil {
			return nil, err
		}
		slots = append(slots, slot)
		for i, at := range fires {
			if at.Equal(slot.At) && schedules[i].Name == slot.Schedule {
				fires[i] = entries[i].next(at)
			}
		}
	}
	return slots, nil
}

// earliest returns the index of the first of several times; -1: there is none.
func earliest(times []time.Time) int {
	first := -1
	for i, at := range times {
		if !at.IsZero() && (first < 0 || at.Before(times[first])) {
			first = i
		}
	}
	return first
}

// upcoming returns the slot that the group of a schedule has at its next time.
func (ts *Timetables) upcoming(schedules []Schedule, fires []time.Time, first int) (UpcomingSlot, error) {
	zone, err := LoadZone(schedules[first].Timezone)
	if err != nil {
		return UpcomingSlot{}, err
	}
	slot := UpcomingSlot{At: fires[first].In(zone), Schedule: schedules[first].Name}
	var texts []string
	for i, s := range schedules {
		if !fires[i].Equal(slot.At) || s.Name != slot.Schedule {
			continue
		}
		texts = append(texts, s.String())
		if s.Cron == "" || slot.Note != "" {
			continue
		}
		t, err := ts.cron(s.Cron, s.Timezone)
		if err != nil {
			return UpcomingSlot{}, err
		}
		slot.Note = t.note(slot.At)
	}
	slot.Text = strings.Join(texts, ", ")
	return slot, nil
}

// note says what the clocks do around a fire time.
func (t *cronTimetable) note(at time.Time) string {
	const civil = "15:04"
	local := at.In(t.zone)
	start, end := local.ZoneBounds()
	_, offset := local.Zone()
	shift := changeAt(start, offset)
	switch {
	case at.Equal(start) && t.firesAfterGap(start, offset, shift):
		return fmt.Sprintf("clocks go forward from %s to %s: what lies in between fires now", civilTime(start, offset).Add(-shift).Format(civil), local.Format(civil))
	case shift < 0 && at.Before(start.Add(-shift)):
		return fmt.Sprintf("clocks show %s twice: the second time", local.Format(civil))
	case end.IsZero():
		return ""
	}
	_, after := end.Zone()
	if back := changeAt(end, after); back < 0 && !at.Before(end.Add(back)) {
		return fmt.Sprintf("clocks show %s twice: the first time", local.Format(civil))
	}
	return ""
}
