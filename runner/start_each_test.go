package runner

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func TestStartEach(t *testing.T) {
	broken, away := errors.New("broken"), miniairflow.Errorf(miniairflow.CodeUnavailable, "away")
	for _, c := range []struct {
		name           string
		fails          map[int]error
		panics         int
		tried, done    []int
		faults         []int
		refused        []int
		isDatabaseAway bool
	}{
		{name: "none fails", tried: []int{1, 2, 3, 4, 5}, done: []int{1, 2, 3, 4, 5}},
		{
			name: "what cannot start is done", fails: map[int]error{1: broken, 2: broken, 3: broken, 4: broken}, panics: 5,
			tried: []int{1, 2, 3, 4, 5}, done: []int{1, 2, 3, 4, 5}, faults: []int{1, 2, 3, 4, 5},
		},
		{
			name: "what the database refuses is passed over", fails: map[int]error{1: away, 2: away, 4: away},
			tried: []int{1, 2, 3, 4, 5}, done: []int{3, 5}, refused: []int{1, 2, 4},
		},
		{
			name: "a database that is away is not asked for all", fails: map[int]error{1: away, 2: away, 3: away, 4: away},
			tried: []int{1, 2, 3}, refused: []int{1, 2, 3}, isDatabaseAway: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tried []int
			s, err := startEach(t.Context(), []int{1, 2, 3, 4, 5}, func(one int) error {
				tried = append(tried, one)
				if one == c.panics {
					panic("no such thing")
				}
				return c.fails[one]
			})
			require.Equal(t, c.isDatabaseAway, err != nil)
			require.Equal(t, c.tried, tried)
			require.Equal(t, c.done, s.done)
			require.Len(t, s.faults, len(c.faults))
			for _, one := range c.faults {
				require.Error(t, s.faults[one])
			}
			require.Len(t, s.refused, len(c.refused))
			for _, one := range c.refused {
				require.ErrorIs(t, s.refused[one], away)
			}
		})
	}
}
