package runner

import (
	"math/rand/v2"
	"time"
)

// Pulse is the rhythm in which the parts of one process look for work by
// themselves. To wake an idle processor costs more than most looks do, so all of
// them look at the same beats. Its phase and length are random, so that processes
// do not look together, and those that happen to do drift apart.
type Pulse struct {
	origin time.Time
	gap    time.Duration // between two beats; at most PollDefault
}

// NewPulse returns the pulse of a process.
func NewPulse() *Pulse {
	gap := PollDefault - rand.N(PollDefault/10)
	return &Pulse{origin: time.Now().Add(-rand.N(gap)), gap: gap}
}

// Wait is how long a part waits, from now on, that does something again after most
// at the latest: until the last beat before that, or all of it if beats are farther apart.
func (p *Pulse) Wait(most time.Duration) time.Duration { return p.wait(time.Now(), most) }

// wait returns how long to wait, at now, with the next of looks that are to be at
// most d apart: until the last beat within d, or d if the beats are farther apart.
func (p *Pulse) wait(now time.Time, d time.Duration) time.Duration {
	if d < p.gap {
		return d
	}
	since := now.Sub(p.origin)
	return (since+d)/p.gap*p.gap - since
}
