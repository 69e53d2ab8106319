package dialect

import (
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// Sessions of workers that are over are shown for a day, and kept for a while
// longer for those who look for what happened.
const (
	ShowSessions = 24 * time.Hour
	KeepSessions = 7 * 24 * time.Hour
)

// NotHeld returns the open attempts that are not among those held.
func NotHeld(open, held []miniairflow.HeldAttempt) []miniairflow.HeldAttempt {
	known := make(map[miniairflow.HeldAttempt]bool, len(held))
	for _, h := range held {
		known[h] = true
	}
	var unknown []miniairflow.HeldAttempt
	for _, o := range open {
		if !known[o] {
			unknown = append(unknown, o)
		}
	}
	return unknown
}
