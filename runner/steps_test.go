package runner

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

var (
	errBroken = errors.New("broken")
	errAway   = miniairflow.Errorf(miniairflow.CodeUnavailable, "away")
	errHeld   = &miniairflow.Error{Code: miniairflow.CodeUnavailable, Message: "busy", Err: miniairflow.ErrLocked}
)

// work is a search over things that stay found until they are done.
type work struct {
	ids   []uuid.UUID
	fails map[int]error
	done  map[int]bool
	tried []int
	finds int
}

func newWork(n int, fails map[int]error) *work {
	w := &work{fails: fails, done: map[int]bool{}}
	for range n {
		w.ids = append(w.ids, uuid.New())
	}
	return w
}

func (w *work) find(limit int) (found []step, err error) {
	w.finds++
	for i, id := range w.ids {
		if w.done[i] || len(found) == limit {
			continue
		}
		found = append(found, step{id, func() error {
			w.tried = append(w.tried, i)
			if errors.Is(w.fails[i], errPanics) {
				panic("no such thing")
			}
			w.done[i] = w.fails[i] == nil
			return w.fails[i]
		}})
	}
	return found, nil
}

var errPanics = errors.New("it panics")

func TestSteps(t *testing.T) {
	for _, c := range []struct {
		name  string
		fails map[int]error
		tried []int
		wait  time.Duration
		err   error
	}{
		{"none fails", nil, []int{0, 1, 2, 3, 4}, unknown, nil},
		{"what fails hides no others", map[int]error{0: errBroken, 1: errBroken, 2: errBroken, 3: errBroken}, []int{0, 1, 2, 3, 4}, runShelfTime, nil},
		{"nor what panics", map[int]error{0: errPanics}, []int{0, 1, 2, 3, 4}, runShelfTime, nil},
		{"nor what the database refuses", map[int]error{0: errAway, 1: errAway, 3: errBroken}, []int{0, 1, 2, 3, 4}, runRetryDelay, nil},
		{"nor what is held", map[int]error{0: errHeld, 1: errHeld, 2: errHeld, 3: errHeld}, []int{0, 1, 2, 3, 4}, runRetryDelay, nil},
		{"a database that is away is not asked for all", map[int]error{1: errAway, 2: errAway, 3: errAway}, []int{0, 1, 2, 3}, 0, errAway},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWork(5, c.fails)
				wait, err := newSteps(slog.New(slog.DiscardHandler)).pass(t.Context(), 2, w.find)
				require.ErrorIs(t, err, c.err)
				require.Equal(t, c.tried, w.tried)
				require.Equal(t, c.wait, wait)
			})
		})
	}
}

// However often the database refuses the first ones, so many that each pass ends with
// them, in the end all others are reached, also one of them that it refuses no more.
func TestStepsThatAreAlwaysRefusedHideNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := map[int]error{}
		for i := range 7 {
			fails[i] = errAway
		}
		var log bytes.Buffer
		w, s := newWork(9, fails), newSteps(slog.New(slog.NewTextHandler(&log, nil)))
		for pass := range 4 {
			_, err := s.pass(t.Context(), 2, w.find)
			require.ErrorIs(t, err, errAway, "pass %d", pass)
			sleep(t.Context(), time.Hour) // the shelf is empty again
		}
		require.True(t, w.done[7] && w.done[8])
		require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}, w.tried[:9])
		delete(w.fails, 6) // the database refuses it no more
		for range 3 {
			_, err := s.pass(t.Context(), 2, w.find)
			require.ErrorIs(t, err, errAway)
			sleep(t.Context(), time.Hour)
		}
		require.True(t, w.done[6])
		require.Equal(t, 7, strings.Count(log.String(), "away"), "the log tells of each once")
		clear(w.fails)
		_, err := s.pass(t.Context(), 2, w.find)
		require.NoError(t, err)
		require.Len(t, w.done, 9)
		require.Empty(t, s.refused)
	})
}

// What has failed is logged once and left alone for a while, in which others go on and
// the database is not searched more than once in a pass.
func TestStepsThatFailAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		w, s := newWork(3, map[int]error{0: errBroken}), newSteps(slog.New(slog.NewTextHandler(&log, nil)))
		pass := func() time.Duration {
			w.tried, w.finds = nil, 0
			wait, err := s.pass(t.Context(), 10, w.find)
			require.NoError(t, err)
			require.Equal(t, 1, w.finds)
			return wait
		}
		pass()
		require.Equal(t, []int{0, 1, 2}, w.tried)
		w.ids = append(w.ids, uuid.New())
		sleep(t.Context(), runShelfTime/2)
		require.Equal(t, runShelfTime/2, pass())
		require.Equal(t, []int{3}, w.tried)
		require.Equal(t, 1, strings.Count(log.String(), "broken"))
		require.Contains(t, log.String(), w.ids[0].String())
		clear(w.fails)
		sleep(t.Context(), runShelfTime/2)
		require.Equal(t, unknown, pass())
		require.Equal(t, []int{0}, w.tried)
	})
}

// A step that the end of the process has broken off is no fault of its own.
func TestStepsEndWithTheProcess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var log bytes.Buffer
	w := newWork(3, map[int]error{0: context.Canceled})
	_, err := newSteps(slog.New(slog.NewTextHandler(&log, nil))).pass(ctx, 10, w.find)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []int{0}, w.tried)
	require.Empty(t, log.String())
}
