package dialect

import "time"

// Sessions of workers that are over are shown for a day, and kept for a while
// longer for those who look for what happened.
const (
	ShowSessions = 24 * time.Hour
	KeepSessions = 7 * 24 * time.Hour
)
