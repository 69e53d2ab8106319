package shape_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// at returns a moment of the test's day.
func at(ms int) time.Time {
	return time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
}

// fan returns how the four tasks of shape.Fan(4) ran, as they should.
func fan() []shape.Done {
	once := func(from, to int) shape.Done {
		return shape.Done{Started: at(from), Finished: at(to), Attempts: 1, Success: true}
	}
	return []shape.Done{once(0, 10), once(10, 30), once(12, 20), once(35, 40)}
}

func TestCheck(t *testing.T) {
	graph := shape.Fan(4)
	require.NoError(t, graph.Check(fan()))
	for _, test := range []struct {
		name, problem string
		spoil         func(done []shape.Done) []shape.Done
	}{
		{"a task that ran twice", "task 2: success true after 2 attempts", func(done []shape.Done) []shape.Done {
			done[2].Attempts = 2
			return done
		}},
		{"a task that never began", "task 1: success true after 0 attempts", func(done []shape.Done) []shape.Done {
			done[1].Attempts = 0
			return done
		}},
		{"a task that failed", "task 0: success false", func(done []shape.Done) []shape.Done {
			done[0].Success = false
			return done
		}},
		{"a task that is not there", "3 of 4 tasks ran", func(done []shape.Done) []shape.Done { return done[:3] }},
		{"a task too many", "5 of 4 tasks ran", func(done []shape.Done) []shape.Done { return append(done, done[3]) }},
		{"a task before its only parent", "task 1 began", func(done []shape.Done) []shape.Done {
			done[1].Started = at(9)
			return done
		}},
		{"a task before the last of its parents", "before task 1 ended", func(done []shape.Done) []shape.Done {
			done[3].Started = at(29)
			return done
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.ErrorContains(t, graph.Check(test.spoil(fan())), test.problem)
		})
	}
}

// A lag counts from the last parent; that of a task without parents from the
// begin of the run.
func TestLags(t *testing.T) {
	lags := shape.Fan(4).Lags(fan(), at(-3))
	require.Equal(t, []time.Duration{3 * time.Millisecond, 0, 2 * time.Millisecond, 5 * time.Millisecond}, lags)
}
