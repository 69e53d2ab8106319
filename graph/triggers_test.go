package graph_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// A workflow tells what starts it beside schedules, whether that is there, and which
// others its end starts.
func TestTriggers(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		report := workflow("report", "a")
		report.Triggers = &miniairflow.Triggers{
			After: &miniairflow.AfterTrigger{Match: miniairflow.WaitSameDay, Workflows: []miniairflow.AfterWorkflow{
				{Workflow: "extract", Status: miniairflow.AfterSuccess}, {Workflow: "load", Status: miniairflow.AfterFinished},
			}},
			Webhook: &miniairflow.WebhookTrigger{Secret: "HOOK"},
			File:    &miniairflow.FileTrigger{Path: "in/*.csv", StableFor: miniairflow.Duration(time.Minute)},
		}
		tell := workflow("tell", "a")
		tell.Triggers = &miniairflow.Triggers{After: &miniairflow.AfterTrigger{
			Match: miniairflow.WaitExact, Workflows: []miniairflow.AfterWorkflow{{Workflow: "extract", Status: miniairflow.AfterFailed}},
		}}
		w.save(t, workflow("extract", "a"))
		w.save(t, report)
		w.save(t, tell)
		type after struct {
			Workflow, Status string
			IsThere          bool
		}
		type trigger struct {
			Kind, Text string
			Path       *string
			After      []after
		}
		type node struct {
			Name     string
			Triggers []trigger
			Starts   []string
		}
		var got struct{ Workflows struct{ Nodes []node } }
		w.ask(t, `{ workflows { nodes { name triggers { kind text path after { workflow status isThere } } starts } } }`, nil, &got)
		hook, files := "/hooks/report", "in/*.csv"
		require.Equal(t, []node{
			{Name: "extract", Triggers: []trigger{}, Starts: []string{"report", "tell"}},
			{Name: "report", Starts: []string{}, Triggers: []trigger{
				{
					Kind: "AFTER", Text: "once for each day in UTC, when a run of extract succeeds and a run of load is over",
					After: []after{{"extract", "SUCCESS", true}, {"load", "FINISHED", false}},
				},
				{Kind: "WEBHOOK", Text: "for requests to POST /hooks/report of who knows the secret HOOK", Path: &hook, After: []after{}},
				{Kind: "FILE", Text: "for files in/*.csv that arrive and have not changed for 1m", Path: &files, After: []after{}},
			}},
			{Name: "tell", Starts: []string{}, Triggers: []trigger{{Kind: "AFTER", Text: "each time a run of extract fails", After: []after{{"extract", "FAILED", true}}}}},
		}, got.Workflows.Nodes)
	})
}
