package miniairflow_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

var (
	diagram = regexp.MustCompile("(?s)```mermaid\nstateDiagram-v2\n(.*?)```")
	arrow   = regexp.MustCompile(`(?m)^\s+(\w+) --> (\w+)`)
)

// TestStateMachinePage holds the pictures of docs/state-machine.md to the tables.
func TestStateMachinePage(t *testing.T) {
	page, err := os.ReadFile("docs/state-machine.md")
	require.NoError(t, err)
	diagrams := diagram.FindAllStringSubmatch(string(page), -1)
	require.Len(t, diagrams, 4)
	drawn := make([]string, len(diagrams))
	for i, d := range diagrams {
		for _, a := range arrow.FindAllStringSubmatch(d[1], -1) {
			drawn[i] += a[1] + " → " + a[2] + "\n"
		}
	}
	expected := []string{
		transitions(miniairflow.RunStatuses, miniairflow.RunStatus.CanTransition),
		transitions(miniairflow.TaskStatuses, miniairflow.TaskStatus.CanTransition),
		transitions(miniairflow.AttemptStatuses, miniairflow.AttemptStatus.CanTransition),
		transitions(miniairflow.WorkerStatuses, miniairflow.WorkerStatus.CanTransition),
	}
	for i := range expected {
		require.ElementsMatch(t, strings.Split(expected[i], "\n"), strings.Split(drawn[i], "\n"))
	}
}

// transitions lists every allowed change, a line each.
func transitions[S ~string](states []S, can func(S, S) bool) string {
	var lines strings.Builder
	for _, from := range states {
		for _, to := range states {
			if can(from, to) {
				lines.WriteString(string(from) + " → " + string(to) + "\n")
			}
		}
	}
	return lines.String()
}
