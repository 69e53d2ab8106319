package dialect

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// Apart does something to task runs of several runs in one transaction, and where
// that fails for good, or for a run's lock, once more for each run by itself: a run
// that cannot be changed must hold up no other. do returns how many it has done; so
// does Apart, with the errors of the runs that failed.
func Apart[T any](ctx context.Context, all []T, runOf func(T) uuid.UUID, do func(part []T) (int, error)) (int, error) {
	done, err := do(all)
	if err == nil || ctx.Err() != nil || IsAway(err) {
		return done, err
	}
	parts, order := map[uuid.UUID][]T{}, []uuid.UUID(nil)
	for _, one := range all {
		id := runOf(one)
		if parts[id] == nil {
			order = append(order, id)
		}
		parts[id] = append(parts[id], one)
	}
	if len(order) == 1 {
		return done, err
	}
	done = 0
	var failed []error
	for _, id := range order {
		n, err := do(parts[id])
		if IsAway(err) || ctx.Err() != nil {
			return done, err
		}
		done += n
		failed = append(failed, err)
	}
	return done, errors.Join(failed...)
}

// IsAway reports whether the database, and not only one row or lock of it, is not
// to be had: what else is to be done would fail as well.
func IsAway(err error) bool {
	return miniairflow.ErrorCode(err) == miniairflow.CodeUnavailable && !errors.Is(err, miniairflow.ErrLocked)
}

// RunOfPlace returns the run of a task run, for Apart.
func RunOfPlace(p Place) uuid.UUID { return p.RunID }

// RunOfAttempt returns the run of an attempt, for Apart.
func RunOfAttempt(a miniairflow.HeldAttempt) uuid.UUID { return a.RunID }
