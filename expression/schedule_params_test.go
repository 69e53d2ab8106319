package expression_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
)

// What the values of schedules read is known before they fire, and each fault in them
// is told once, however many schedules share it.
func TestScheduleParams(t *testing.T) {
	value := func(text string) map[string]any { return map[string]any{"region": text, "unknown": text} }
	d := &miniairflow.Definition{
		Name: "w", Params: []miniairflow.Param{{Name: "region", Type: miniairflow.ParamString, Default: "eu"}},
		Schedules: []miniairflow.Schedule{
			{Name: "a", Cron: "@daily", Params: value("${{ vars.region }}")},
			{Name: "b", Cron: "@daily", Params: value("${{ run.nothing }}")},
			{Name: "c", Cron: "@daily", Params: value("${{ run.nothing }}")},
		},
	}
	engine := expression.New()
	require.Equal(t, []string{"region"}, d.VarNames(engine))
	problems := engine.Check(d)
	require.Len(t, problems, 1)
	require.Equal(t, []string{"schedule", "1", "params", "region"}, problems[0].Path)
	require.Contains(t, problems[0].Message, `unknown field of run "nothing"`)
}
