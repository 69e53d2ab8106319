package runner

import (
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// runsOf returns a search over n runs that stay found until they are done, and what was done.
func runsOf(n int, fail func(i int) error) (find func(limit int) ([]runStep, error), tried *[]int) {
	ids, done, order := make([]uuid.UUID, n), make([]bool, n), []int{}
	for i := range ids {
		ids[i] = uuid.New()
	}
	find = func(limit int) (steps []runStep, err error) {
		for i := range n {
			if done[i] || len(steps) == limit {
				continue
			}
			steps = append(steps, runStep{run: ids[i], do: func() error {
				order = append(order, i)
				err := fail(i)
				done[i] = err == nil
				return err
			}})
		}
		return steps, nil
	}
	return find, &order
}

func TestEachRun(t *testing.T) {
	broken, away := errors.New("broken"), miniairflow.Errorf(miniairflow.CodeUnavailable, "away")
	for _, c := range []struct {
		name  string
		fails map[int]error
		tried []int
		err   error
	}{
		{"none fails", nil, []int{0, 1, 2, 3, 4}, nil},
		{"what fails hides no others", map[int]error{0: broken, 1: broken, 2: broken, 3: broken}, []int{0, 1, 2, 3, 4}, broken},
		{"nor what the database refuses", map[int]error{0: away, 1: away, 3: away}, []int{0, 1, 2, 3, 4}, away},
		{"a database that is away is not asked for all", map[int]error{1: away, 2: away, 3: away}, []int{0, 1, 2, 3}, away},
	} {
		t.Run(c.name, func(t *testing.T) {
			find, tried := runsOf(5, func(i int) error { return c.fails[i] })
			err := eachRun(2, find)
			if c.err == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, c.err)
			}
			require.Equal(t, c.tried, *tried)
		})
	}
}
