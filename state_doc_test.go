package miniairflow_test

import (
	"os"
	"reflect"
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

var (
	transactionRow = regexp.MustCompile(`(?m)^\| (T\d+) \| (.*?) \|`)
	codeName       = regexp.MustCompile("`([A-Z]\\w+)`")
	invariantRow   = regexp.MustCompile(`(?m)^\| (I\d+) \|.*\| (.*) \|$`)
	invariantKey   = regexp.MustCompile(`"(I\d+): `)
)

// TestStateMachineTables holds the page's transactions to the methods of the
// store, and its invariants to the queries that check them.
func TestStateMachineTables(t *testing.T) {
	page, err := os.ReadFile("docs/state-machine.md")
	require.NoError(t, err)
	store := reflect.TypeFor[miniairflow.Store]()
	var numbers []string
	for _, row := range transactionRow.FindAllStringSubmatch(string(page), -1) {
		numbers = append(numbers, row[1])
		names := codeName.FindAllStringSubmatch(row[2], -1)
		require.NotEmpty(t, names, row[1])
		for _, name := range names {
			_, found := store.MethodByName(name[1])
			require.True(t, found, "%s: the store has no method %s", row[1], name[1])
		}
	}
	require.Equal(t, []string{"T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9"}, numbers)

	checks, err := os.ReadFile("persistence/persistencetest/invariants_test.go")
	require.NoError(t, err)
	queried := map[string]bool{}
	for _, key := range invariantKey.FindAllStringSubmatch(string(checks), -1) {
		queried[key[1]] = true
	}
	for _, row := range invariantRow.FindAllStringSubmatch(string(page), -1) {
		require.Equal(t, queried[row[1]], strings.HasPrefix(row[2], "SQL"), "%s is said to be checked by %s", row[1], row[2])
		delete(queried, row[1])
	}
	require.Empty(t, queried, "invariants that the page does not name")
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
