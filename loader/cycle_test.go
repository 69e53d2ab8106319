package loader_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A file that closes a circle of triggers and tasks with files that are loaded already
// is refused, whichever way round the circle is written.
func TestSyncRefusesCircleOfTriggers(t *testing.T) {
	f := newFixture(t)
	f.write("first.yaml", "triggers: {after: last}\ntasks: {a: {noop: true}}")
	f.write("second.yaml", "tasks: {a: {workflow: third}}")
	require.Len(t, f.sync().Created, 2)
	f.write("third.yaml", "tasks: {a: {noop: true}}")
	f.write("last.yaml", "triggers: {after: third}\ntasks: {a: {noop: true}}")
	require.Len(t, f.sync().Created, 2)
	require.Empty(t, f.importErrors(), "second → third → last → first is no circle")

	f.write("second.yaml", "triggers: {after: first}\ntasks: {a: {workflow: third}}")
	require.Empty(t, f.sync().Updated)
	require.Equal(t, []string{
		"second.yaml:2:23: workflows start each other, which would never end: second → third → last → first → second; take one of these tasks or triggers out",
	}, f.importErrors())

	f.write("last.yaml", "tasks: {a: {noop: true}}")
	updated := slices.Concat(f.sync().Updated, f.sync().Updated)
	require.ElementsMatch(t, []string{"last", "second"}, updated, "the cause went with another file, in the same look or before the next")
	require.Empty(t, f.importErrors())
}
