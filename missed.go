package miniairflow

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

const (
	// MissedMax is how far the slots of a range are counted.
	MissedMax = 10_000
	// countMax bounds the looks at times with which one Timetables counts slots. It
	// counts where others wait for it: what many schedules have missed in a long outage
	// would take minutes.
	countMax = 1_000_000
	// QueuedMax bounds the scheduled runs of a workflow that wait for their turn.
	QueuedMax = 100
)

// MissedReason is why slots have got no run.
type MissedReason string

// The reasons that slots have no run.
const (
	MissedByNone     MissedReason = "catchup_none"   // catchup: none
	MissedByLatest   MissedReason = "catchup_latest" // catchup: latest, and a newer one was due
	MissedByWindow   MissedReason = "catchup_window" // they were older than that
	MissedByMax      MissedReason = "max_catchup"    // there were more than that
	MissedQueueFull  MissedReason = "queue_full"     // QueuedMax runs waited already
	MissedReplaced   MissedReason = "replaced"       // overlap: cancel_running, and newer ones were due
	MissedPaused     MissedReason = "paused"         // an operator had paused the workflow
	MissedInactive   MissedReason = "inactive"       // is_active: false
	MissedRetired    MissedReason = "retired"        // the file of the workflow was gone
	MissedEdited     MissedReason = "edited"         // they were due, and the schedule became another one
	MissedUnresolved MissedReason = "unresolved"     // their params could not be resolved
	MissedAfter      MissedReason = "after_failed"   // the ends of runs of other workflows could not start one
	MissedFile       MissedReason = "file_failed"    // files that have arrived could not start one, or could not be looked for
)

// MissedReasons lists all of them.
var MissedReasons = []MissedReason{
	MissedByNone, MissedByLatest, MissedByWindow, MissedByMax, MissedQueueFull, MissedReplaced,
	MissedPaused, MissedInactive, MissedRetired, MissedEdited, MissedUnresolved, MissedAfter, MissedFile,
}

// Text says for people why slots have got no run; those that are unresolved, and those
// of triggers, have an error that says more.
func (r MissedReason) Text() string {
	switch r {
	case MissedByNone:
		return "catchup: none leaves out what was missed"
	case MissedByLatest:
		return "catchup: latest makes up for the newest slot only"
	case MissedByWindow:
		return "they were older than catchup_window"
	case MissedByMax:
		return "there were more than max_catchup allows: the newest are kept"
	case MissedQueueFull:
		return fmt.Sprintf("no more than %d scheduled runs of a workflow wait for their turn: make runs shorter, raise max_active_runs, or choose overlap: skip", QueuedMax)
	case MissedReplaced:
		return "overlap: cancel_running: newer slots were due at the same time"
	case MissedPaused:
		return "the workflow was paused"
	case MissedInactive:
		return "the file said is_active: false"
	case MissedRetired:
		return "the file of the workflow was gone"
	case MissedEdited:
		return "the schedule was changed before they were fired"
	case MissedAfter:
		return "runs of other workflows have ended and could not start one"
	case MissedFile:
		return "files have arrived and could not start one, or could not be looked for"
	default:
		return "their params could not be resolved"
	}
}

// StandsFor says why the schedules of a workflow make no runs; empty: they make some.
func StandsFor(isActive, isPaused, isRetired bool) MissedReason {
	switch {
	case isRetired:
		return MissedRetired
	case !isActive:
		return MissedInactive
	case isPaused:
		return MissedPaused
	default:
		return ""
	}
}

// StartedNone says for people that something was to start a run and could not.
func StartedNone(what string, err error) string {
	if ErrorCode(err) == CodeInternal {
		return what + " started none: internal error; the scheduler's log has the details"
	}
	return what + " started none: " + ErrorMessage(err)
}

// MissedRange are slots of one schedule, one after the other, that have got no run. With
// MissedAfter and MissedFile it is what a trigger of a workflow could not start.
type MissedRange struct {
	First, Last time.Time // logical dates; of a trigger: when it could not
	Before      time.Time // the slot before the first one; First if there is none
	Count       int       // up to MissedMax
	HasMore     bool      // there are more than Count
	Reason      MissedReason
	Text        string // of a trigger: of the last one
}

// MissedSlots is a range as it is kept. One that goes on with the same reason right
// after it is added to it. Of each kind of triggers a workflow has one.
type MissedSlots struct {
	ID         int64 // the higher, the later NotedAt; a new one each time that some are added
	WorkflowID uuid.UUID
	Schedule   string // the name of the schedule; empty: it has none, or is a trigger
	MissedRange
	NotedAt time.Time // when the last of them was
}

// CountIsExact reports whether Count is the whole count.
func (m MissedRange) CountIsExact() bool { return !m.HasMore }

// MissedFilter chooses ranges. The zero value of a field does not restrict.
type MissedFilter struct {
	WorkflowID uuid.UUID // of that workflow
	Before     int64     // page: noted before the one with that ID
	Limit      int       // 1 to 200; 0: 50
}

// MissedStore keeps the slots that have got no run. FireSchedules writes what its
// fires leave out; SetPaused, SyncFiles and RetireFile what was due when a schedule
// was stopped or changed, and what came by while it stood still. So each slot of a
// schedule, from when it was first seen, has a run, is in one range, or is still to come.
// ForgetAfterEnds, NoteFiles and NoteFileFault write what triggers could not start.
type MissedStore interface {
	// FindMissedSlots returns a page, those that were noted last first, without Before.
	FindMissedSlots(ctx context.Context, filter MissedFilter) ([]*MissedSlots, error)
	// CountMissedSlots counts what FindMissedSlots would return over all pages, up to max.
	CountMissedSlots(ctx context.Context, filter MissedFilter, max int) (int, error)
	// DeleteMissedSlots deletes up to limit ranges that ended before the given time,
	// and returns how many.
	DeleteMissedSlots(ctx context.Context, endedBefore time.Time, limit int) (int, error)
}

// LeaveOut returns the slots that a cursor has not passed up to now, which get no run
// because it begins anew after now; nil if there are none. A schedule that cannot be
// computed has none.
func (ts *Timetables) LeaveOut(c ScheduleCursor, now time.Time, reason MissedReason) *MissedRange {
	t, err := ts.group(c.Schedules)
	if err != nil {
		return nil
	}
	first := c.place(t)
	last := t.previous(now.Add(1))
	if first.IsZero() || last.Before(first) {
		return nil
	}
	return &ts.missed(c, t, first, last, reason)[0]
}

// place returns the first slot of a cursor that it has not passed; zero if there is
// none, or nothing is known.
func (c ScheduleCursor) place(t timetable) time.Time {
	switch {
	case c.NextAt != nil:
		return t.next(c.NextAt.UTC().Add(-c.delay() - 1))
	case c.Since.IsZero():
		return time.Time{}
	}
	return t.next(c.Since)
}

// LeaveUnresolved adds a slot whose params could not be resolved to what the fire
// leaves out.
func (f *Fire) LeaveUnresolved(s Slot, err error) {
	f.Left = s.leave(f.Left, MissedUnresolved, MissedUnresolved.Text()+": "+err.Error())
}

// leave adds the slot to the last of some ranges, if it comes right after it and has
// the same reason, or as another one.
func (s Slot) leave(left []MissedRange, reason MissedReason, text string) []MissedRange {
	if n := len(left); n > 0 && left[n-1].Last.Equal(s.DataIntervalStart) && left[n-1].Reason == reason && left[n-1].Text == text {
		left[n-1].Last = s.LogicalDate
		left[n-1].add(1)
		return left
	}
	return append(left, MissedRange{First: s.LogicalDate, Last: s.LogicalDate, Before: s.DataIntervalStart, Count: 1, Reason: reason, Text: text})
}

// add counts further slots of the range.
func (m *MissedRange) add(slots int) {
	m.HasMore = m.HasMore || m.Count+slots > MissedMax
	m.Count = min(m.Count+slots, MissedMax)
}

// JoinMissed joins those of some ranges of a schedule, the oldest first, that go on
// with the same reason right after the one before.
func JoinMissed(ranges []MissedRange) []MissedRange {
	var joined []MissedRange
	for _, r := range ranges {
		n := len(joined)
		if n == 0 || !joined[n-1].Last.Equal(r.Before) || joined[n-1].Reason != r.Reason || joined[n-1].Text != r.Text {
			joined = append(joined, r)
			continue
		}
		joined[n-1].HasMore = joined[n-1].HasMore || r.HasMore
		joined[n-1].Last = r.Last
		joined[n-1].add(r.Count)
	}
	return joined
}

// countKey names a range of slots that was counted.
type countKey struct {
	hash        string
	first, last int64
}

// slotCount is how many slots a range has, or more.
type slotCount struct {
	slots   int
	hasMore bool
}

// missed returns the range from first to last, which are slots; none if there is nothing between.
func (ts *Timetables) missed(c ScheduleCursor, t timetable, first, last time.Time, reason MissedReason) []MissedRange {
	if last.Before(first) {
		return nil
	}
	before := t.previous(first)
	if before.IsZero() {
		before = first
	}
	n := ts.count(c, t, first, last)
	return []MissedRange{{
		First: first, Last: last, Before: before, Count: n.slots, HasMore: n.hasMore, Reason: reason, Text: reason.Text(),
	}}
}

// count counts the slots from first to last. After an outage many workflows have
// missed the same ones.
func (ts *Timetables) count(c ScheduleCursor, t timetable, first, last time.Time) slotCount {
	key := countKey{hash: c.Hash, first: first.UnixMicro(), last: last.UnixMicro()}
	if known, ok := ts.counted[key]; ok && c.Hash != "" {
		return known
	}
	n := slotCount{slots: 1}
	for at := t.next(first); !at.IsZero() && !at.After(last); at = t.next(at) {
		if n.slots == MissedMax || ts.looks >= countMax {
			n.hasMore = true
			break
		}
		n.slots++
		ts.looks += len(c.Schedules)
	}
	if ts.counted == nil {
		ts.counted = map[countKey]slotCount{}
	}
	ts.counted[key] = n
	return n
}
