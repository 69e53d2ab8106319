package runner

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func TestWatchFindsSilentSessions(t *testing.T) {
	const lease = 30 * time.Second
	start := time.Now()
	quiet, busy := uuid.New(), uuid.New()
	look := func(w *watch, at time.Duration, beats map[uuid.UUID]int64) []uuid.UUID {
		var sessions []*miniairflow.Worker
		for id, beat := range beats {
			sessions = append(sessions, &miniairflow.Worker{ID: id, Beat: beat, Lease: lease})
		}
		var silent []uuid.UUID
		for _, s := range w.silent(start.Add(at), start.Add(at), miniairflow.Sessions{Workers: sessions}) {
			silent = append(silent, s.ID)
		}
		return silent
	}

	t.Run("after a whole lease", func(t *testing.T) {
		w := newWatch()
		for at := time.Duration(0); at < lease; at += 5 * time.Second {
			require.Empty(t, look(w, at, map[uuid.UUID]int64{quiet: 7, busy: int64(at)}))
		}
		require.Equal(t, []uuid.UUID{quiet}, look(w, lease, map[uuid.UUID]int64{quiet: 7, busy: 99}))
	})
	t.Run("a beat starts the count anew", func(t *testing.T) {
		w := newWatch()
		look(w, 0, map[uuid.UUID]int64{quiet: 7})
		look(w, 14*time.Second, map[uuid.UUID]int64{quiet: 8})
		look(w, 28*time.Second, map[uuid.UUID]int64{quiet: 8})
		require.Empty(t, look(w, 42*time.Second, map[uuid.UUID]int64{quiet: 8}))
		require.NotEmpty(t, look(w, 44*time.Second, map[uuid.UUID]int64{quiet: 8}))
	})
	t.Run("lost contact starts the count anew", func(t *testing.T) {
		w := newWatch()
		look(w, 0, map[uuid.UUID]int64{quiet: 7})
		look(w, 14*time.Second, map[uuid.UUID]int64{quiet: 7})
		w.contactLost()
		look(w, 28*time.Second, map[uuid.UUID]int64{quiet: 7})
		require.Empty(t, look(w, 42*time.Second, map[uuid.UUID]int64{quiet: 7}))
		require.Empty(t, look(w, 56*time.Second, map[uuid.UUID]int64{quiet: 7}))
		require.NotEmpty(t, look(w, 58*time.Second, map[uuid.UUID]int64{quiet: 7}))
	})
	t.Run("a reaper that slept has seen nothing", func(t *testing.T) {
		w := newWatch()
		look(w, 0, map[uuid.UUID]int64{quiet: 7})
		require.Empty(t, look(w, 8*time.Hour, map[uuid.UUID]int64{quiet: 7}))
	})
	t.Run("a slow answer does not count", func(t *testing.T) {
		w := newWatch()
		one := miniairflow.Sessions{Workers: []*miniairflow.Worker{{ID: quiet, Beat: 7, Lease: lease}}}
		w.silent(start, start.Add(14*time.Second), one) // the beat may be as young as the answer
		w.silent(start.Add(15*time.Second), start.Add(29*time.Second), one)
		require.Empty(t, w.silent(start.Add(43*time.Second), start.Add(43*time.Second), one))
		require.NotEmpty(t, w.silent(start.Add(44*time.Second), start.Add(44*time.Second), one))
	})
	t.Run("another server starts the count anew", func(t *testing.T) {
		w := newWatch()
		told := func(server string) miniairflow.Sessions {
			return miniairflow.Sessions{Server: server, Workers: []*miniairflow.Worker{{ID: quiet, Beat: 7, Lease: lease}}}
		}
		for at := time.Duration(0); at < lease; at += 10 * time.Second {
			require.Empty(t, w.silent(start.Add(at), start.Add(at), told("first start")))
		}
		require.Empty(t, w.silent(start.Add(lease), start.Add(lease), told("second start")))
		require.Empty(t, w.silent(start.Add(lease+14*time.Second), start.Add(lease+14*time.Second), told("second start")))
		require.Empty(t, w.silent(start.Add(lease+28*time.Second), start.Add(lease+28*time.Second), told("second start")))
		require.NotEmpty(t, w.silent(start.Add(2*lease), start.Add(2*lease), told("second start")))
	})
	t.Run("the next look is when the lease may have run out", func(t *testing.T) {
		w := newWatch()
		require.Equal(t, unknown, w.next(start))
		look(w, 0, map[uuid.UUID]int64{quiet: 7})
		require.Equal(t, lease/reaperPasses, w.next(start))
		require.Equal(t, 3*time.Second, w.next(start.Add(27*time.Second)))
		require.Equal(t, time.Millisecond, w.next(start.Add(lease)))
	})
	t.Run("a session that went is forgotten", func(t *testing.T) {
		w := newWatch()
		look(w, 0, map[uuid.UUID]int64{quiet: 7})
		look(w, time.Second, nil)
		require.Empty(t, w.seen)
	})
}
