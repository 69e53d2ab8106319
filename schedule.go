package miniairflow

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

const (
	// SlotGrace is the age up to which a slot counts as on time: no catchup
	// policy leaves it out.
	SlotGrace = time.Minute
	// SlotsMax bounds the slots of one PlanFire. Of more than that the oldest are
	// given up, which only catchup: all over a long outage can reach.
	SlotsMax = 1000
	// fireHorizon is how far a search goes. The rarest day, 29 February, comes
	// after at most eight years.
	fireHorizon = 9 * 366 * 24 * time.Hour
)

// Slot is one time at which a schedule makes a run.
type Slot struct {
	LogicalDate       time.Time // the fire time
	DataIntervalStart time.Time // the fire time before it; LogicalDate if there is none
}

// NextFire returns the first time after the given one at which s fires, in
// UTC; the zero time if it never does. The error is that of CheckSchedule.
//
// Cron fields are civil time in the schedule's zone. Where clocks go forward,
// slots inside the gap fire once, right after it, unless the schedule runs
// every hour anyway. Where clocks go back, a schedule with listed hours ("30 1
// * * *") fires at the first of the two times only, one with a star or a step
// in its hours at every real one.
func NextFire(s Schedule, after time.Time) (time.Time, error) {
	t, err := newTimetable(s)
	if err != nil {
		return time.Time{}, err
	}
	return t.next(after), nil
}

// PreviousFire returns the last time before the given one at which s fires, in
// UTC; the zero time if there is none. It is the inverse of NextFire.
func PreviousFire(s Schedule, before time.Time) (time.Time, error) {
	t, err := newTimetable(s)
	if err != nil {
		return time.Time{}, err
	}
	return t.previous(before), nil
}

// CheckSchedule says what is wrong with the cron expression or the zone of s,
// or that it never fires.
func CheckSchedule(s Schedule) error {
	t, err := newTimetable(s)
	if err != nil {
		return err
	}
	if t.next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return fmt.Errorf("cron %s never fires: no month of it has such a day", show(s.Cron))
	}
	return nil
}

// PlanFire decides which slots the cursor c, whose time has come, makes at now,
// oldest first, and where it goes: next is after now, or zero if the schedule
// never fires again. A cursor without NextAt has missed nothing: it only gets a
// next time. Slots older than SlotGrace are missed ones, for which the catchup
// policy stands: none drops them, latest keeps only the newest of all due
// slots, all keeps those within CatchupWindow (0: no limit), at most SlotsMax.
func PlanFire(c ScheduleCursor, now time.Time) (slots []Slot, next time.Time, err error) {
	return new(Timetables).PlanFire(c, now)
}

// Timetables are for planning the fires of many schedules: a cron expression and
// a zone that several of them have is read once. The zero value is ready.
type Timetables struct{ known map[timetableKey]*timetable }

type timetableKey struct{ cron, zone string }

// of returns the timetable of a schedule.
func (ts *Timetables) of(s Schedule) (*timetable, error) {
	key := timetableKey{cron: s.Cron, zone: s.Timezone}
	if t := ts.known[key]; t != nil {
		return t, nil
	}
	t, err := newTimetable(s)
	if err != nil {
		return nil, err
	}
	if ts.known == nil {
		ts.known = map[timetableKey]*timetable{}
	}
	ts.known[key] = t
	return t, nil
}

// PlanFire is the function PlanFire.
func (ts *Timetables) PlanFire(c ScheduleCursor, now time.Time) (slots []Slot, next time.Time, err error) {
	t, err := ts.of(c.Schedule)
	if err != nil {
		return nil, time.Time{}, err
	}
	if c.NextAt == nil {
		return nil, t.next(now), nil
	}
	if c.NextAt.After(now) {
		return nil, c.NextAt.UTC(), nil
	}
	oldest, limit := c.NextAt.UTC(), SlotsMax
	window := c.Schedule.CatchupWindow.Std()
	switch c.Schedule.Catchup {
	case CatchupAll:
	case CatchupNone:
		window = SlotGrace
	default: // CatchupLatest
		limit = 1
	}
	if window > 0 {
		oldest = later(oldest, now.Add(-max(window, SlotGrace)))
	}
	fire := t.previous(now.Add(1))
	for len(slots) < limit && !fire.IsZero() && !fire.Before(oldest) {
		before := t.previous(fire)
		slot := Slot{LogicalDate: fire, DataIntervalStart: before}
		if before.IsZero() {
			slot.DataIntervalStart = fire
		}
		slots = append(slots, slot)
		fire = before
	}
	slices.Reverse(slots)
	return slots, t.next(now), nil
}

// timetable is a schedule ready to be asked.
type timetable struct {
	cron *cronSpec
	zone *time.Location
}

func newTimetable(s Schedule) (*timetable, error) {
	spec, err := parseCron(s.Cron)
	if err != nil {
		return nil, err
	}
	zone, err := LoadZone(s.Timezone)
	if err != nil {
		return nil, err
	}
	return &timetable{cron: spec, zone: zone}, nil
}

// numericZone finds what people write for an offset: "+02:00", "UTC+2", "GMT-5".
var numericZone = regexp.MustCompile(`^(?i:utc|gmt)?[+-]?[0-9][0-9:.]*$|^(?i:utc|gmt)[+-]`)

// LoadZone returns the zone of an IANA name; no name is UTC. The machine's own
// zone and fixed offsets are refused: what they mean depends on place and season.
func LoadZone(name string) (*time.Location, error) {
	switch {
	case name == "Local", name == "localtime":
		return nil, fmt.Errorf("timezone %q depends on the machine: write an IANA name such as Europe/Berlin", name)
	case numericZone.MatchString(name):
		return nil, fmt.Errorf("timezone %s is an offset, which knows no daylight saving: write an IANA name such as Europe/Berlin", show(name))
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("timezone %s is unknown: write an IANA name such as Europe/Berlin", show(name))
	}
	return zone, nil
}

// next walks the spans between clock changes, within which civil time runs
// evenly, and looks for a civil match in each.
func (t *timetable) next(after time.Time) time.Time {
	from := after.Add(1)
	for horizon := after.Add(fireHorizon); from.Before(horizon); {
		local := from.In(t.zone)
		start, end := local.ZoneBounds()
		_, offset := local.Zone()
		shift := changeAt(start, offset)
		if from.Equal(start) && t.firesAfterGap(start, offset, shift) {
			return start.UTC()
		}
		search := from
		if shift < 0 && t.cron.fixedHours {
			// The civil minutes right after this change were there before it.
			search = later(from, start.Add(-shift))
		}
		switch {
		case end.IsZero() || end.After(horizon):
			end = horizon
		case !end.After(from):
			// Past its tables the standard library ends leap years a day early.
			end = from.Add(time.Hour)
		}
		if civil, ok := t.cron.next(civilTime(search, offset), civilTime(end, offset)); ok {
			return civil.Add(-time.Duration(offset) * time.Second)
		}
		from = end
	}
	return time.Time{}
}

// firesAfterGap reports whether a slot lies in the civil minutes that the clock
// change at start left out.
func (t *timetable) firesAfterGap(start time.Time, offset int, shift time.Duration) bool {
	if shift <= 0 || t.cron.everyHour {
		return false
	}
	end := civilTime(start, offset)
	_, ok := t.cron.next(end.Add(-shift), end)
	return ok
}

// previous finds the last fire time by halving: next is monotone.
func (t *timetable) previous(before time.Time) time.Time {
	firesBefore := func(from time.Time) (time.Time, bool) {
		fire := t.next(from)
		return fire, !fire.IsZero() && fire.Before(before)
	}
	low, found := time.Time{}, false
	for back := 2 * time.Minute; !found && back < 2*fireHorizon; back *= 2 {
		low, found = firesBefore(before.Add(-min(back, fireHorizon)))
	}
	if !found {
		return time.Time{}
	}
	for high := before; ; {
		if _, more := firesBefore(low); !more {
			return low
		}
		middle := low.Add(high.Sub(low) / 2)
		if fire, ok := firesBefore(middle); ok {
			low = fire
		} else {
			high = middle
		}
	}
}

// changeAt returns by how much clocks go forward at start, where the offset
// becomes the given one; the zero start has no change.
func changeAt(start time.Time, offset int) time.Duration {
	if start.IsZero() {
		return 0
	}
	_, before := start.Add(-1).Zone()
	return time.Duration(offset-before) * time.Second
}

// civilTime writes the civil time of an instant as a time in UTC.
func civilTime(t time.Time, offset int) time.Time {
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
