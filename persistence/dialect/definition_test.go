package dialect

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// Documents are read from either type, whatever the order of their keys, which
// PostgreSQL changes.
func TestDecodeDefinition(t *testing.T) {
	const document = `{"tasks": [{"name": "a", "queue": "q", "depends_on": ["b"]}, {"queue": "q", "name": "b"}],
		"params": [{"name": "p", "default": 1152921504606846977, "enum": [0.5]}], "name": "w", "later": {"x": [1]}}`
	want := &miniairflow.Definition{
		Name: "w", Params: []miniairflow.Param{{Name: "p", Default: int64(1152921504606846977), Enum: []any{0.5}}},
		Tasks: []miniairflow.Task{{Name: "a", Queue: "q", DependsOn: []string{"b"}}, {Name: "b", Queue: "q"}},
	}
	read, err := DecodeDefinition(document)
	require.NoError(t, err)
	require.Equal(t, want, read)
	read, err = DecodeDefinition([]byte(document))
	require.NoError(t, err)
	require.Equal(t, want, read)
	read, err = DecodeDefinition(`{"name":"w","tasks":null}`)
	require.NoError(t, err)
	require.Equal(t, &miniairflow.Definition{Name: "w"}, read)
	for _, bad := range []string{"", "[]", "null", `{"name":1}`, `{"tasks":{}}`, `{"tasks":[`, `{"tasks":[1]}`, `{"tasks":[]`, `{"name"`} {
		_, err := DecodeDefinition(bad)
		require.Error(t, err, bad)
	}
}

// A large document makes the collector look earlier, also than it does for a small
// one, but not later than it was told to.
func TestLargeDocumentTightensTheHeap(t *testing.T) {
	before := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	document := func(tasks int) string {
		return `{"name":"w","tasks":[` + strings.TrimSuffix(strings.Repeat(`{"name":"t"},`, tasks), ",") + `]}`
	}
	for _, c := range []struct{ tasks, percent, after int }{
		{tasks: graphTasksLarge / 2, percent: 100, after: 100},
		{tasks: graphTasksLarge, percent: 100, after: largeHeapPercent},
		{tasks: graphTasksLarge, percent: 20, after: 20},
		{tasks: graphTasksLarge, percent: -1, after: -1},
	} {
		debug.SetGCPercent(c.percent)
		_, err := DecodeDefinition(document(c.tasks))
		require.NoError(t, err)
		require.Equal(t, c.after, debug.SetGCPercent(c.percent), "%+v", c)
	}
}
