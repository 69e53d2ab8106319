package expression_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/expression"
)

func TestConstant(t *testing.T) {
	for condition, want := range map[string]bool{
		"${{ 'params.full' == 'yes' }}": false, "${{ !false }}": true, "${{ 1 < 2 }}": true, "${{ len('a') > 3 || false }}": false,
	} {
		value, ok := expression.Constant(condition)
		require.True(t, ok, condition)
		require.Equal(t, want, value, condition)
	}
	for _, condition := range []string{
		"", "${{ false }}", "${{true}}", "${{ params.full == 'yes' }}", "${{ tasks.a.status == 'failed' }}", "${{ item == 1 }}", "${{ inputs.a == 1 }}",
		"${{ run.number > 0 }}", "${{ 1 + 1 }}", "${{ nope }}", "${{ 1 < }}", "${{ 1 < 2 }} ", "${{ 1 < 2", "x",
	} {
		_, ok := expression.Constant(condition)
		require.False(t, ok, condition)
	}
}
