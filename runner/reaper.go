package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

const (
	reapBatch = 200
	// reaperPasses is how often, at least, a reaper looks within one lease.
	reaperPasses = 6
)

// reaper takes open attempts away from worker sessions that went silent.
type reaper struct {
	store  miniairflow.WorkerStore
	logger *slog.Logger
	watch  *watch
}

// pass fences the sessions that were silent for a whole lease and ends what
// inactive sessions still hold. The second half is done in each pass: a claim
// may have slipped in before the fence, and another reaper may have died
// between the two.
func (r *reaper) pass(ctx context.Context) (time.Duration, error) {
	asked := time.Now()
	sessions, err := r.store.Sessions(ctx)
	if err != nil {
		r.watch.contactLost()
		return 0, fmt.Errorf("read sessions: %w", err)
	}
	for _, w := range r.watch.silent(asked, time.Now(), sessions) {
		fenced, err := r.store.FenceSession(ctx, w.ID, w.Beat)
		if err != nil {
			r.watch.contactLost()
			return 0, fmt.Errorf("fence session of worker %q: %w", w.Name, err)
		}
		if fenced {
			r.logger.WarnContext(ctx, "Reaper: Worker went silent, its tasks are taken back", "worker", w.Name, "session", w.ID)
		}
	}
	reaped, err := reapAll(ctx, r.store)
	if err != nil {
		// A run that cannot be changed, or is locked, says nothing about the contact to
		// the database.
		if isTransient(err) && !errors.Is(err, miniairflow.ErrLocked) {
			r.watch.contactLost()
		}
		return 0, err
	}
	if reaped > 0 {
		r.logger.WarnContext(ctx, "Reaper: Ended lost attempts", "attempts", reaped)
	}
	return r.watch.next(time.Now()), nil
}

// reapAll ends every open attempt of an inactive session and returns how many.
func reapAll(ctx context.Context, store miniairflow.WorkerStore) (int, error) {
	total := 0
	for {
		reaped, err := store.Reap(ctx, reapBatch)
		if err != nil {
			return total, fmt.Errorf("reap lost attempts: %w", err)
		}
		total += reaped
		if reaped < reapBatch {
			return total, nil
		}
	}
}

// watch judges sessions by their beats, on the monotonic clock of this process
// alone: a session is silent if its beat was seen not to move for the whole of its
// lease in unbroken contact with the database. So neither a clock step nor a
// restart of the database ends a lease by itself.
type watch struct {
	last   time.Time // of the last look; zero: contact was lost
	server string    // that told it, see Sessions.Server
	seen   map[uuid.UUID]sight
}

// sight is a beat and since when it has been seen.
type sight struct {
	beat  int64
	since time.Time
	lease time.Duration
}

func newWatch() *watch { return &watch{seen: map[uuid.UUID]sight{}} }

// contactLost starts every count anew.
func (w *watch) contactLost() {
	w.last = time.Time{}
	clear(w.seen)
}

// silent takes what was read between asked and read, and returns the sessions
// that are silent.
func (w *watch) silent(asked, read time.Time, sessions miniairflow.Sessions) []*miniairflow.Worker {
	// A server that has started since may have kept every worker from its heartbeat.
	if w.server != sessions.Server {
		w.contactLost()
	}
	slept := asked.Sub(w.last)
	w.last, w.server = read, sessions.Server
	current := make(map[uuid.UUID]sight, len(sessions.Workers))
	var silent []*miniairflow.Worker
	for _, s := range sessions.Workers {
		before, known := w.seen[s.ID]
		// A process that slept has seen nothing meanwhile.
		if !known || before.beat != s.Beat || slept > s.Lease/2 {
			current[s.ID] = sight{beat: s.Beat, since: read, lease: s.Lease}
			continue
		}
		current[s.ID] = before
		if asked.Sub(before.since) >= s.Lease {
			silent = append(silent, s)
		}
	}
	w.seen = current
	return silent
}

// next returns how long to wait with the next look: several times within the
// shortest lease, and just when the first of them may have run out.
func (w *watch) next(now time.Time) time.Duration {
	next := unknown
	for _, s := range w.seen {
		next = min(next, max(min(s.lease/reaperPasses, s.lease-now.Sub(s.since)), time.Millisecond))
	}
	return next
}
