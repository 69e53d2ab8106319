package miniairflow

import (
	"fmt"
	"hash/fnv"
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

// Schedule says when runs start by themselves: exactly one of Cron, Every and At.
type Schedule struct {
	Name          string         `json:"name,omitempty"` // empty: it is one with the others of its workflow that have none
	Cron          string         `json:"cron,omitempty"`
	Every         Duration       `json:"every,omitempty"` // whole seconds, counted from Start, or from the beginning of 1970
	At            time.Time      `json:"at,omitzero"`     // only then
	Timezone      string         `json:"timezone"`        // an IANA name
	Start         time.Time      `json:"start,omitzero"`  // no slot is before it
	End           time.Time      `json:"end,omitzero"`    // and none after it
	Jitter        Duration       `json:"jitter,omitempty"`
	Catchup       Catchup        `json:"catchup"`
	CatchupWindow Duration       `json:"catchup_window,omitempty"` // 0: no limit
	MaxCatchup    int            `json:"max_catchup,omitempty"`    // of CatchupAll; 0: SlotsMax
	Overlap       Overlap        `json:"overlap"`
	Params        map[string]any `json:"params,omitempty"` // in place of their defaults
}

// String returns the times of s as people write them, with its bounds.
func (s Schedule) String() string {
	text := s.times()
	if s.Cron != "" {
		text += " " + s.Timezone
	}
	if !s.Start.IsZero() {
		text += " from " + s.Start.Format(time.RFC3339)
	}
	if !s.End.IsZero() {
		text += " until " + s.End.Format(time.RFC3339)
	}
	return text
}

// times returns what s has of cron, every and at.
func (s Schedule) times() string {
	switch {
	case s.Every != 0:
		return "every " + s.Every.shortest()
	case !s.At.IsZero():
		return "at " + s.At.Format(time.RFC3339)
	}
	return s.Cron
}

// ScheduleGroup are schedules that make one run where their times fall together: one
// that has a name, or all of a workflow that have none. They differ in their times
// only, and there is at least one. An edited group is a new one, which has missed
// nothing.
type ScheduleGroup []Schedule

// Name returns the name of the group within its workflow; empty for those without.
func (g ScheduleGroup) Name() string {
	if len(g) == 0 {
		return ""
	}
	return g[0].Name
}

// Hash returns the SHA-256 of the group's canonical form, in hex.
func (g ScheduleGroup) Hash() string { return hashJSON(g) }

// ScheduleGroups returns the schedules of d by group, in the order of the file.
func (d *Definition) ScheduleGroups() []ScheduleGroup {
	var groups []ScheduleGroup
	unnamed := -1
	for _, s := range d.Schedules {
		switch {
		case s.Name == "" && unnamed >= 0:
			groups[unnamed] = append(groups[unnamed], s)
			continue
		case s.Name == "":
			unnamed = len(groups)
		}
		groups = append(groups, ScheduleGroup{s})
	}
	return groups
}

// ParamsOf returns the params of d as the runs of a group have them: the values that
// it gives are their defaults.
func (d *Definition) ParamsOf(g ScheduleGroup) []Param {
	params := slices.Clone(d.Params)
	for i := range params {
		if value, ok := g[0].Params[params[i].Name]; ok {
			params[i].Default = value
		}
	}
	return params
}

// differsFrom reports whether the runs of s would differ from those of another one in
// more than their times.
func (s Schedule) differsFrom(other Schedule) bool {
	return s.Jitter != other.Jitter || s.Catchup != other.Catchup || s.CatchupWindow != other.CatchupWindow ||
		s.MaxCatchup != other.MaxCatchup || s.Overlap != other.Overlap || hashJSON(s.Params) != hashJSON(other.Params)
}

// Slot is one time at which a schedule makes a run.
type Slot struct {
	LogicalDate       time.Time // the fire time
	DataIntervalStart time.Time // the fire time before it; LogicalDate if there is none
	RunAfter          time.Time // the fire time and the delay of the schedule's jitter
}

// NextFire returns the first time after the given one at which s fires, in
// UTC; the zero time if it never does. The error is that of CheckSchedule.
//
// Cron fields are civil time in the schedule's zone. Where clocks go forward,
// slots inside the gap fire once, right after it, unless the schedule runs
// every hour anyway. Where clocks go back, a schedule with listed hours ("30 1
// * * *") fires at the first of the two times only, one with a star or a step
// in its hours at every real one. Every is real time, whatever the clocks do.
func NextFire(s Schedule, after time.Time) (time.Time, error) {
	t, err := new(Timetables).entry(s)
	if err != nil {
		return time.Time{}, err
	}
	return t.next(after), nil
}

// PreviousFire returns the last time before the given one at which s fires, in
// UTC; the zero time if there is none. It is the inverse of NextFire.
func PreviousFire(s Schedule, before time.Time) (time.Time, error) {
	t, err := new(Timetables).entry(s)
	if err != nil {
		return time.Time{}, err
	}
	return t.previous(before), nil
}

// CheckSchedule says what is wrong with the times of s, or that it never fires.
func CheckSchedule(s Schedule) error {
	t, err := new(Timetables).entry(s)
	switch {
	case err != nil:
		return err
	case !t.next(beforeAllSlots).IsZero():
		return nil
	case s.Cron != "" && s.Start.IsZero() && s.End.IsZero():
		return fmt.Errorf("cron %s never fires: no month of it has such a day", show(s.Cron))
	}
	end := "end"
	if s.End.IsZero() {
		end = "the end of the year 9999"
	}
	return fmt.Errorf("the schedule never fires: %s has no time between start and %s", s.times(), end)
}

// beforeAllSlots is before any time that a schedule may name.
var beforeAllSlots = time.Unix(-1, 0)

// delay returns by how much the runs of a cursor come after their slots: the same for
// each, at least zero and less than the jitter, so that workflows with the same times
// do not start together.
func (c ScheduleCursor) delay() time.Duration {
	jitter := c.Schedules[0].Jitter
	if jitter <= 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write(c.WorkflowID[:])
	_, _ = h.Write([]byte(c.Schedules.Name())) // a hash takes anything
	return time.Duration(h.Sum64() % uint64(jitter)).Truncate(time.Millisecond)
}

// SlotPlan is what PlanFire decides.
type SlotPlan struct {
	Slots []Slot        // that get runs, oldest first
	Left  []MissedRange // that get none, oldest first; all are before Slots
	Next  time.Time     // when the cursor is due again; zero: never
}

// PlanFire decides which slots the cursor c, whose time has come, makes at now, which
// it leaves out, and where it goes: Next is after now, or zero if the schedule
// never fires again. A cursor without NextAt has missed nothing up to its Since.
// Slots older than SlotGrace are missed ones, for
// which the catchup policy stands: none drops them, latest keeps the newest of all due
// slots, all keeps those within CatchupWindow (0: no limit), the newest MaxCatchup
// of them. Those that are younger are kept by each of them. No more than QueuedMax are
// kept where runs would wait.
func PlanFire(c ScheduleCursor, now time.Time) (SlotPlan, error) {
	return new(Timetables).PlanFire(c, now)
}

// PlanFire is the function PlanFire.
func (ts *Timetables) PlanFire(c ScheduleCursor, now time.Time) (SlotPlan, error) {
	t, err := ts.group(c.Schedules)
	if err != nil {
		return SlotPlan{}, err
	}
	delay, first := c.delay(), c.place(t)
	switch {
	case c.NextAt == nil && c.Since.IsZero():
		return SlotPlan{Next: delayed(t.next(now), delay)}, nil
	case first.IsZero(), first.Add(delay).After(now):
		return SlotPlan{Next: delayed(first, delay)}, nil
	}
	until := now.Add(-delay) // a run may start now if its slot is not after it
	keep := c.keeps(until)
	plan := SlotPlan{Next: delayed(t.next(until), delay)}
	fire := t.previous(until.Add(1))
	for !fire.IsZero() && !fire.Before(first) && keep.takes(fire, len(plan.Slots)) {
		before := t.previous(fire)
		slot := Slot{LogicalDate: fire, DataIntervalStart: before, RunAfter: fire.Add(delay)}
		if before.IsZero() {
			slot.DataIntervalStart = fire
		}
		plan.Slots = append(plan.Slots, slot)
		fire = before
	}
	slices.Reverse(plan.Slots)
	if fire.IsZero() || fire.Before(first) {
		return plan, nil
	}
	switch {
	case fire.Before(keep.oldest):
		plan.Left = ts.missed(c, t, first, fire, keep.older)
	case !first.Before(keep.oldest):
		plan.Left = ts.missed(c, t, first, fire, keep.beyond)
	default:
		plan.Left = append(ts.missed(c, t, first, t.previous(keep.oldest), keep.older),
			ts.missed(c, t, t.next(keep.oldest.Add(-1)), fire, keep.beyond)...)
	}
	return plan, nil
}

// delayed returns a time so much later; the zero time stays.
func delayed(at time.Time, by time.Duration) time.Time {
	if at.IsZero() {
		return at
	}
	return at.Add(by)
}

// keeping says which due slots a schedule keeps.
type keeping struct {
	oldest        time.Time // none before it
	limit         int       // and no more than that, but for those on time
	onTime        time.Time // which are the ones from then on
	most          int       // and of all together
	older, beyond MissedReason
}

// takes reports whether a slot is kept, after so many newer ones.
func (k keeping) takes(slot time.Time, taken int) bool {
	return taken < k.most && !slot.Before(k.oldest) && (taken < k.limit || !slot.Before(k.onTime))
}

// keeps returns what the policies of a cursor keep of the slots that are due at now.
func (c ScheduleCursor) keeps(now time.Time) keeping {
	policy := c.Schedules[0]
	k := keeping{limit: SlotsMax, most: SlotsMax, onTime: now.Add(-SlotGrace), older: MissedByWindow, beyond: MissedByMax}
	window := policy.CatchupWindow.Std()
	switch policy.Catchup {
	case CatchupAll:
		if policy.MaxCatchup > 0 {
			k.limit = min(k.limit, policy.MaxCatchup)
		}
	case CatchupNone:
		window, k.older = SlotGrace, MissedByNone
	default: // CatchupLatest
		k.limit, k.beyond = 1, MissedByLatest
	}
	if policy.Overlap != OverlapSkip { // no run of it waits
		k.most = QueuedMax
		if k.limit > k.most {
			k.limit, k.beyond = k.most, MissedQueueFull
		}
	}
	if window > 0 {
		k.oldest = now.Add(-max(window, SlotGrace))
	}
	return k
}
