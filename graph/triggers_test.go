package graph_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
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

// Who starts after the workflows of a page is asked once, and no more of each than are shown.
func TestStartsOfManyWorkflows(t *testing.T) {
	store := &countingStore{Store: persistencetest.SQLite(t), calls: map[string]int{}}
	w := newWorld(t, store)
	const many = 201
	file := miniairflow.FileSync{Path: "many.yaml"}
	for i := range many {
		d := workflow(fmt.Sprintf("w%03d", i), "a")
		d.Triggers = &miniairflow.Triggers{After: &miniairflow.AfterTrigger{
			Match: miniairflow.WaitExact, Workflows: []miniairflow.AfterWorkflow{{Workflow: "extract", Status: miniairflow.AfterSuccess}},
		}}
		file.Definitions = append(file.Definitions, miniairflow.DefinitionAt{Definition: d, Line: i + 1, Column: 1})
	}
	w.sync(t, file)
	w.save(t, workflow("extract", "a"))
	store.take()
	var got struct {
		Workflows struct{ Nodes []struct{ Starts []string } }
	}
	w.ask(t, `{ workflows(first: 200) { nodes { starts } } }`, nil, &got)
	require.Equal(t, 1, store.take()["Followers"])
	require.Len(t, got.Workflows.Nodes, 200)
	require.Len(t, got.Workflows.Nodes[0].Starts, 200)
	require.IsIncreasing(t, got.Workflows.Nodes[0].Starts)
	require.Equal(t, []string{}, got.Workflows.Nodes[199].Starts)
}
