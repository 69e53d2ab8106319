package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A part of a workflow is planned, run and shown through the API.
func TestPartialRuns(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.save(t, workflow("etl", "a", "b", "c"))
		const query = `mutation($in: TriggerWorkflowInput!) { triggerWorkflow(input: $in) {
			workflowRun { selection { only from until } } plan { params selection { only from until } tasks { name level finally verdict why } warnings } userErrors { field message code } } }`
		type selection struct{ Only, From, Until []string }
		type answer struct {
			TriggerWorkflow struct {
				WorkflowRun *struct{ Selection *selection }
				Plan        *struct {
					Warnings  []string
					Params    map[string]any
					Selection *selection
					Tasks     []struct {
						Name, Verdict, Why string
						Level              int
						Finally            bool
					}
				}
				UserErrors []struct {
					Field         []string
					Message, Code string
				}
			}
		}
		trigger := func(input vars) (got answer) {
			w.ask(t, query, vars{"in": input}, &got)
			return got
		}
		chosen := &selection{Only: []string{"a", "c"}, From: []string{}, Until: []string{}}

		dry := trigger(vars{"workflow": "etl", "only": []string{"a", "c"}, "dryRun": true}).TriggerWorkflow
		require.Empty(t, dry.UserErrors)
		require.Nil(t, dry.WorkflowRun)
		require.Equal(t, chosen, dry.Plan.Selection)
		require.Len(t, dry.Plan.Tasks, 3)
		require.Empty(t, dry.Plan.Warnings)
		require.Equal(t, "RUNS", dry.Plan.Tasks[0].Verdict)
		require.Equal(t, "NOT_CHOSEN", dry.Plan.Tasks[2].Verdict)
		var count struct{ WorkflowRuns struct{ TotalCount int } }
		w.ask(t, `{ workflowRuns { totalCount } }`, nil, &count)
		require.Zero(t, count.WorkflowRuns.TotalCount, "a dry run makes no run")

		made := trigger(vars{"workflow": "etl", "only": []string{"a", "c"}}).TriggerWorkflow
		require.Empty(t, made.UserErrors)
		require.Nil(t, made.Plan)
		require.Equal(t, chosen, made.WorkflowRun.Selection)
		require.Nil(t, trigger(vars{"workflow": "etl"}).TriggerWorkflow.WorkflowRun.Selection)

		for _, isDry := range []bool{false, true} {
			wrong := trigger(vars{"workflow": "etl", "from": []string{"a", "cc"}, "dryRun": isDry}).TriggerWorkflow
			require.Nil(t, wrong.WorkflowRun)
			require.Nil(t, wrong.Plan)
			require.Equal(t, []string{"from"}, wrong.UserErrors[0].Field)
			require.Equal(t, `workflow "etl" has no task or group "cc"; did you mean "c"?`, wrong.UserErrors[0].Message)
		}
	})
}
