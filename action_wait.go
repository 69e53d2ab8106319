package miniairflow

import "time"

// Wait is the action of a task that waits: for a time, a file, a run of another
// workflow, an answer of a server, or a command that says it is time. One of Duration, Until, File, Run,
// HTTP and Command is set. Between two looks the task run is waiting: it holds no slot of a worker, of its run or of a
// pool, and the wait goes on where it was after a restart of anything.
type Wait struct {
	Duration  Duration      `json:"duration,omitempty"`   // from the first look
	Until     string        `json:"until,omitempty"`      // a template of a time, RFC 3339
	File      string        `json:"file,omitempty"`       // a template of a path, below the working directory unless it is absolute
	StableFor Duration      `json:"stable_for,omitempty"` // the file's size and time must not have changed for so long
	Run       *WaitRun      `json:"run,omitempty"`
	HTTP      *HTTP         `json:"http,omitempty"`       // an answer with an expected status
	Command   *Command      `json:"command,omitempty"`    // exit code 0: it is over; 1: not yet; another: failed
	Interval  Duration      `json:"interval,omitempty"`   // between two looks, but at a clock; 0: WaitIntervalDefault
	OnTimeout WaitOnTimeout `json:"on_timeout,omitempty"` // empty: WaitFail
}

// WaitRun names a run of another workflow, or a task in it, that has to succeed. One
// that has failed may be opened again, so the wait goes on.
type WaitRun struct {
	Workflow string    `json:"workflow"`
	Task     string    `json:"task,omitempty"` // empty: the whole run
	Match    WaitMatch `json:"match"`
}

// WaitMatch says which run of the other workflow is meant.
type WaitMatch string

// The ways to match. A day is one of UTC.
const (
	WaitExact   WaitMatch = "exact"    // of the same logical date
	WaitSameDay WaitMatch = "same_day" // any one whose logical date is on the same day
	WaitLatest  WaitMatch = "latest"   // the one with the highest number
)

// WaitMatches lists all of them, the default first.
var WaitMatches = []WaitMatch{WaitExact, WaitSameDay, WaitLatest}

// Window returns the logical dates of the runs that are meant, from up to but
// without to, for a run of the given logical date. It is not for WaitLatest.
func (m WaitMatch) Window(logical time.Time) (from, to time.Time) {
	if m == WaitSameDay {
		from = logical.UTC().Truncate(24 * time.Hour)
		return from, from.Add(24 * time.Hour)
	}
	return logical, logical.Add(time.Microsecond)
}

// WaitOnTimeout says what becomes of a wait that has taken the task's timeout.
type WaitOnTimeout string

// The ways to go on after a timeout.
const (
	WaitFail WaitOnTimeout = "fail" // the attempt timed out, and may be retried
	WaitSkip WaitOnTimeout = "skip" // the task is skipped
)

// WaitOnTimeouts lists all of them, the default first.
var WaitOnTimeouts = []WaitOnTimeout{WaitFail, WaitSkip}

// Interval of a Wait that names none, and the shortest one that it may name: each
// look is a claim and a commit.
const (
	WaitIntervalDefault = 30 * time.Second
	WaitIntervalMin     = time.Second
)

// Kind implements Action.
func (w *Wait) Kind() ActionKind { return ActionWait }

// IsTimer reports whether only a clock is looked at.
func (w *Wait) IsTimer() bool {
	return w.File == "" && w.Run == nil && w.HTTP == nil && w.Command == nil
}

// LookEvery returns how long a file, a run or a command is left alone between two looks.
func (w *Wait) LookEvery() time.Duration {
	if w.Interval > 0 {
		return w.Interval.Std()
	}
	return WaitIntervalDefault
}

// NextLook returns how long after now to look again at something that is looked
// at every interval, and not later than the deadline; the zero deadline is none.
// The result is never negative.
func (w *Wait) NextLook(now, deadline time.Time) time.Duration {
	next := w.LookEvery()
	if !deadline.IsZero() {
		next = min(next, deadline.Sub(now))
	}
	return max(next, 0)
}
