package miniairflow

import "time"

// foldDelayMax bounds FoldDelay.
const foldDelayMax = 10 * time.Minute

// FoldDelay returns how long notices of tasks are gathered before their message goes,
// if that many went before for the same run, event and recipient: a run whose tasks go
// on failing sends fewer and fewer, larger messages.
func FoldDelay(first time.Duration, before int) time.Duration {
	for ; before > 0 && first < foldDelayMax; before-- {
		first *= 2
	}
	return min(first, foldDelayMax)
}

// NotificationRetry says when a notification that was not taken is tried again.
type NotificationRetry struct {
	First  time.Duration // after the first try; then twice as long each time
	Max    time.Duration
	GiveUp time.Duration // since the first try, after which it is stuck
}

// NotificationRetryDefault spans a weekend's night and no more: what nobody takes for a
// day is looked at by people.
var NotificationRetryDefault = NotificationRetry{First: time.Second, Max: time.Hour, GiveUp: 24 * time.Hour}

// Next returns how long to wait after that many tries, of which the first was at
// since, or that the time is up. spread is a random number from 0 to 1 and takes up to
// half of the delay away. wish is what the receiver asked for; 0: nothing.
func (r NotificationRetry) Next(tries int, since, now time.Time, spread float64, wish time.Duration) (delay time.Duration, isStuck bool) {
	if now.Sub(since) >= r.GiveUp {
		return 0, true
	}
	delay = r.First
	for ; tries > 1 && delay < r.Max; tries-- {
		delay *= 2
	}
	delay = min(delay, r.Max)
	delay -= time.Duration(spread * float64(delay) / 2)
	return max(delay, min(wish, r.Max)), false
}
