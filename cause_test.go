package miniairflow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func TestCauseOf(t *testing.T) {
	t.Parallel()
	ann, scheduler := miniairflow.Actor{Name: "ann"}, miniairflow.Actor{Name: miniairflow.SchedulerName}
	for want, run := range map[string]miniairflow.NewRun{
		"manual":               {Type: miniairflow.RunManual},
		"webhook":              {Cause: miniairflow.Cause{Kind: miniairflow.CauseWebhook, By: "webhook"}},
		"manual by ann":        {Type: miniairflow.RunManual, By: ann},
		"schedule":             {Type: miniairflow.RunScheduled, By: scheduler},
		"schedule eu":          {Type: miniairflow.RunScheduled, ScheduleName: "eu", By: scheduler},
		"child":                {Type: miniairflow.RunChild},
		"child of b#1, task x": {Type: miniairflow.RunChild, Cause: miniairflow.Cause{Kind: miniairflow.CauseChild, Detail: "of b#1, task x", By: "scheduler"}},
	} {
		require.Equal(t, want, miniairflow.CauseOf(&run).String())
	}
}
