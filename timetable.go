package miniairflow

import (
	"errors"
	"fmt"
	"regexp"
	"time"
)

// timetable is a schedule ready to be asked. All its times are in UTC.
type timetable interface {
	next(after time.Time) time.Time      // the first one after it; zero: there is none
	previous(before time.Time) time.Time // the last one before it; zero: there is none
}

// Timetables are for planning the fires of many schedules: a cron expression and
// a zone that several of them have is read once. The zero value is ready.
type Timetables struct {
	known   map[timetableKey]*cronTimetable
	counted map[countKey]slotCount
	looks   int // at times, for counts
}

type timetableKey struct{ cron, zone string }

// group returns the timetable of schedules that make one run where they fall together.
func (ts *Timetables) group(g ScheduleGroup) (timetable, error) {
	if len(g) == 0 {
		return nil, errors.New("the schedule has no times")
	}
	union := make(unionTimetable, len(g))
	for i, s := range g {
		t, err := ts.entry(s)
		if err != nil {
			return nil, err
		}
		union[i] = t
	}
	if len(union) == 1 {
		return union[0], nil
	}
	return &lookback{unionTimetable: union, before: make([]*time.Time, len(union))}, nil
}

// entry returns the timetable of one schedule.
func (ts *Timetables) entry(s Schedule) (t timetable, err error) {
	switch {
	case s.Every > 0:
		t, err = newEvery(s)
	case !s.At.IsZero():
		t = atTimetable(s.At.UTC())
	default:
		t, err = ts.cron(s.Cron, s.Timezone)
	}
	if err != nil {
		return nil, err
	}
	bounded := boundedTimetable{timetable: t, start: s.Start.UTC(), end: lastSlot}
	if !s.End.IsZero() && s.End.Before(lastSlot) {
		bounded.end = s.End.UTC()
	}
	return bounded, nil
}

// lastSlot is the end of all schedules: what comes later has a year of five digits in
// some zone, which no format of times takes.
var lastSlot = time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC)

func (ts *Timetables) cron(text, zoneName string) (*cronTimetable, error) {
	key := timetableKey{cron: text, zone: zoneName}
	if t := ts.known[key]; t != nil {
		return t, nil
	}
	spec, err := parseCron(text)
	if err != nil {
		return nil, err
	}
	zone, err := LoadZone(zoneName)
	if err != nil {
		return nil, err
	}
	if ts.known == nil {
		ts.known = map[timetableKey]*cronTimetable{}
	}
	t := &cronTimetable{cron: spec, zone: zone}
	ts.known[key] = t
	return t, nil
}

// unionTimetable has the times of all.
type unionTimetable []timetable

func (u unionTimetable) next(after time.Time) (first time.Time) {
	for _, t := range u {
		if fire := t.next(after); first.IsZero() || !fire.IsZero() && fire.Before(first) {
			first = fire
		}
	}
	return first
}

// lookback looks for the last times of a union, each before the one before. What it has
// found of an entry stays until it is passed: looking back is the dear direction, and
// most entries of many have nothing there.
type lookback struct {
	unionTimetable
	from   time.Time
	before []*time.Time
}

func (l *lookback) previous(before time.Time) (last time.Time) {
	if before.After(l.from) { // not back, but from a later time on: what is known says nothing
		clear(l.before)
	}
	l.from = before
	for i, t := range l.unionTimetable {
		if known := l.before[i]; known == nil || !known.Before(before) {
			found := t.previous(before)
			l.before[i] = &found
		}
		last = later(last, *l.before[i])
	}
	return last
}

// boundedTimetable has those times of another one that lie from start, unless it is
// zero, to end.
type boundedTimetable struct {
	timetable
	start, end time.Time
}

func (b boundedTimetable) next(after time.Time) time.Time {
	if after.Before(b.start) {
		after = b.start.Add(-1)
	}
	fire := b.timetable.next(after)
	if fire.After(b.end) {
		return time.Time{}
	}
	return fire
}

func (b boundedTimetable) previous(before time.Time) time.Time {
	if before.After(b.end) {
		before = b.end.Add(1)
	}
	fire := b.timetable.previous(before)
	if fire.Before(b.start) {
		return time.Time{}
	}
	return fire
}

// atTimetable is one time.
type atTimetable time.Time

func (t atTimetable) next(after time.Time) time.Time {
	if at := time.Time(t); at.After(after) {
		return at
	}
	return time.Time{}
}

func (t atTimetable) previous(before time.Time) time.Time {
	if at := time.Time(t); at.Before(before) {
		return at
	}
	return time.Time{}
}

// everyTimetable has times that are equally far from each other, in real time.
type everyTimetable struct{ anchor, step int64 } // seconds

func newEvery(s Schedule) (timetable, error) {
	t := everyTimetable{step: int64(s.Every.Std() / time.Second)}
	if s.Every.Std()%time.Second != 0 {
		return nil, fmt.Errorf("every %s is no whole number of seconds", s.Every.shortest())
	}
	if !s.Start.IsZero() {
		t.anchor = s.Start.Unix()
	}
	return t, nil
}

func (t everyTimetable) next(after time.Time) time.Time {
	return t.floor(after.Unix()).Add(time.Duration(t.step) * time.Second)
}

func (t everyTimetable) previous(before time.Time) time.Time {
	return t.floor(before.Add(time.Second-1).Unix() - 1)
}

// floor returns the last time that is not after the given one.
func (t everyTimetable) floor(at int64) time.Time {
	steps := (at - t.anchor) / t.step
	if (at-t.anchor)%t.step < 0 {
		steps--
	}
	return time.Unix(t.anchor+steps*t.step, 0).UTC()
}

// cronTimetable has the times that a cron expression names in a zone.
type cronTimetable struct {
	cron *cronSpec
	zone *time.Location
}

// numericZone finds what people write for an offset: "+02:00", "UTC+2", "GMT-5".
var numericZone = regexp.MustCompile(`^(?i:utc|gmt)?[+-]?[0-9][0-9:.]*$|^(?i:utc|gmt)[+-]`)

// momentLayouts are the forms of a time by the clocks of a zone.
var momentLayouts = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly}

// ParseMoment reads a time with its offset (RFC 3339) or one without, which the clocks
// of a zone show; a date is its first moment. A time that they leave out is an error,
// of one that they show twice it is the first.
func ParseMoment(text string, zone *time.Location) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	for _, layout := range momentLayouts {
		civil, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		at, gapEnd := moments(civil, zone)
		switch {
		case !at.IsZero():
			return at.UTC(), nil
		case layout == time.DateOnly:
			return gapEnd.UTC(), nil
		}
		return time.Time{}, fmt.Errorf("the clocks of %s never show %s: they go forward over it", zone, text)
	}
	return time.Time{}, fmt.Errorf("%s is no time: write it like 2027-01-31T06:00:00Z, or 2027-01-31 06:00 by the clocks of timezone", show(text))
}

// moments returns the first moment at which the clocks of a zone show a civil time,
// which is written in UTC; zero if they leave it out, and then when they go over it.
func moments(civil time.Time, zone *time.Location) (first, gapEnd time.Time) {
	_, before := civil.Add(-26 * time.Hour).In(zone).Zone() // no zone is further from UTC, and no two changes are so near
	_, after := civil.Add(26 * time.Hour).In(zone).Zone()
	for _, offset := range []int{max(before, after), min(before, after)} { // the larger one is earlier
		at := civil.Add(-time.Duration(offset) * time.Second)
		if _, shown := at.In(zone).Zone(); shown == offset {
			return at, time.Time{}
		}
	}
	start, _ := civil.Add(-time.Duration(before) * time.Second).In(zone).ZoneBounds()
	return time.Time{}, start
}

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
func (t *cronTimetable) next(after time.Time) time.Time {
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
func (t *cronTimetable) firesAfterGap(start time.Time, offset int, shift time.Duration) bool {
	if shift <= 0 || t.cron.everyHour {
		return false
	}
	end := civilTime(start, offset)
	_, ok := t.cron.next(end.Add(-shift), end)
	return ok
}

// previous finds the last fire time by halving: next is monotone.
func (t *cronTimetable) previous(before time.Time) time.Time {
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
