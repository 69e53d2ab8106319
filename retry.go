package miniairflow

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Backoff says how the delay grows from one retry to the next.
type Backoff string

// The backoffs.
const (
	BackoffConstant    Backoff = "constant"
	BackoffExponential Backoff = "exponential" // doubles each time
)

// Backoffs lists all backoffs.
var Backoffs = []Backoff{BackoffConstant, BackoffExponential}

// Delays of a RetryPolicy that names none: 1 s, 2 s, 4 s … up to 30 s. A delay
// that is named and doubles stops at RetryGrowthMax unless max_delay says otherwise.
const (
	RetryDelayDefault    = time.Second
	RetryMaxDelayDefault = 30 * time.Second
	RetryGrowthMax       = time.Hour
)

// LossesMax is how often a task run may lose its worker before it fails.
const LossesMax = 3

// RetryPolicy says whether and when a failed attempt is tried again. The zero
// value never retries.
type RetryPolicy struct {
	Count       int        `json:"count,omitempty"` // tries after the first one
	Delay       Duration   `json:"delay,omitempty"` // 0: not given, so that of the defaults; files cannot say 0
	Backoff     Backoff    `json:"backoff,omitempty"`
	MaxDelay    Duration   `json:"max_delay,omitempty"`
	Jitter      bool       `json:"jitter,omitempty"`              // wait between half and all of the delay
	OnExitCodes []int      `json:"on_exit_codes,omitempty"`       // empty: any
	NeverOn     *ExitCodes `json:"never_on_exit_codes,omitempty"` // but none of these; nil: no such
	NotTimeout  bool       `json:"not_timeout,omitempty"`         // on_timeout: false
}

// CanRetry reports whether a task run with that many failures, this one
// included, may be tried again after an attempt that ended as status with
// exitCode (nil if its process left none).
func (p RetryPolicy) CanRetry(failures int, status AttemptStatus, exitCode *int) bool {
	if failures > p.Count {
		return false
	}
	switch status {
	case AttemptTimedOut:
		return !p.NotTimeout
	case AttemptFailed:
		return !p.NeverOn.has(exitCode) && (len(p.OnExitCodes) == 0 || hasCode(p.OnExitCodes, exitCode))
	default:
		return false
	}
}

// ExitCodes are some that mean something to a task. A task has them behind a
// pointer, since few have any, and a run may have very many tasks.
type ExitCodes []int

// list returns the codes; none of a nil pointer.
func (c *ExitCodes) list() []int {
	if c == nil {
		return nil
	}
	return *c
}

func (c *ExitCodes) has(exitCode *int) bool { return hasCode(c.list(), exitCode) }

// hasCode reports whether a process left one of the exit codes.
func hasCode(codes []int, exitCode *int) bool {
	return exitCode != nil && slices.Contains(codes, *exitCode)
}

// DelayAfter returns how long to wait after the given number of failures (from
// 1). random is in [0, 1) and only used with Jitter. The result is in
// [0, MaxDelay] and saturates there: no number of failures overflows it.
func (p RetryPolicy) DelayAfter(failures int, random float64) time.Duration {
	delay, growing := p.Delay.Std(), p.Backoff == BackoffExponential
	if p.Delay == 0 && p.Backoff == "" {
		growing = true
	}
	limit := p.MaxDelay.Std()
	switch {
	case p.Delay == 0:
		delay = RetryDelayDefault
		if limit == 0 && growing {
			limit = RetryMaxDelayDefault
		}
	case limit == 0 && growing:
		limit = max(RetryGrowthMax, delay)
	}
	if growing {
		for i := 1; i < failures && delay < limit; i++ {
			delay = min(limit-delay, delay) + delay // doubled, without overflow
		}
	}
	if limit > 0 {
		delay = min(delay, limit)
	}
	if p.Jitter {
		delay = delay/2 + time.Duration(random*float64(delay-delay/2))
	}
	return delay
}

// LossOf decides what becomes of a task run whose attempt was lost. losses
// counts the earlier ones. cancelled says that its run is being cancelled and
// the task is not of finally.
func LossOf(onLost OnLost, losses int, cancelled bool) TaskStatus {
	switch {
	case cancelled:
		return TaskCancelled
	case onLost == LostFail, losses+1 >= LossesMax:
		return TaskFailed
	default:
		return TaskQueued
	}
}

// FinishOf decides what becomes of a task run whose attempt ended as status:
// its next status and, for TaskUpForRetry, the delay until the next attempt.
// failures counts the earlier ones. An attempt that was cancelled cancels the
// task run; one that failed with an exit code of SkipOn skips it, before
// Retry is asked, and so may the timeout of a wait.
func FinishOf(t *Task, failures int, status AttemptStatus, exitCode *int) (TaskStatus, time.Duration) {
	switch status {
	case AttemptSuccess:
		return TaskSuccess, 0
	case AttemptCancelled:
		return TaskCancelled, 0
	case AttemptFailed:
		if t.SkipOn.has(exitCode) {
			return TaskSkipped, 0
		}
	}
	if status == AttemptTimedOut && t.skipsOnTimeout() {
		return TaskSkipped, 0
	}
	policy := t.RetryPolicy()
	if policy.CanRetry(failures+1, status, exitCode) {
		return TaskUpForRetry, policy.DelayAfter(failures+1, rand.Float64())
	}
	return TaskFailed, 0
}
