package runner

import (
	"errors"
	"log/slog"

	"github.com/sauravritesh63/miniairflow"
)

// refusedMax is how many steps in a row the database may refuse before a pass ends:
// then it is not these runs, but the database that is away.
const refusedMax = 3

// refusals counts the steps of a pass that the database has refused one after the other,
// as after a time limit. One of them may be the fault of a single run, which must not
// hold up all others.
type refusals int

// isAway notes how a step has ended, and reports whether the database is away. One that
// tells of a lock is not.
func (r *refusals) isAway(err error) bool {
	if !isTransient(err) || errors.Is(err, miniairflow.ErrLocked) {
		*r = 0 // it has answered
		return false
	}
	*r++
	return *r >= refusedMax
}

// refusalLevel returns how loudly to tell what the database has refused: all tries of it
// in a row are one line of the log for people.
func refusalLevel(isKnown bool) slog.Level {
	if isKnown {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}
