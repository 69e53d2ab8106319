package model_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/graph/model"
)

// Both fields of a count ask the store once, for no more than decides both.
func TestTotalCount(t *testing.T) {
	for _, test := range []struct {
		there, total int
		isExact      bool
	}{{0, 0, true}, {7, 7, true}, {model.CountMax, model.CountMax, true}, {model.CountMax + 1, model.CountMax, false}, {1_000_000, model.CountMax, false}} {
		calls := 0
		c := model.Connection[int]{Count: func(_ context.Context, most int) (int, error) {
			calls++
			return min(test.there, most), nil
		}}
		total, err := c.TotalCount(t.Context())
		require.NoError(t, err)
		require.Equal(t, test.total, total)
		isExact, err := c.TotalCountIsExact(t.Context())
		require.NoError(t, err)
		require.Equal(t, test.isExact, isExact, "there are %d", test.there)
		require.Equal(t, 1, calls)
	}
}

func TestTotalCountFails(t *testing.T) {
	away := errors.New("away")
	c := model.Connection[int]{Count: func(context.Context, int) (int, error) { return 0, away }}
	_, err := c.TotalCount(t.Context())
	require.ErrorIs(t, err, away)
	_, err = c.TotalCountIsExact(t.Context())
	require.ErrorIs(t, err, away)
}
