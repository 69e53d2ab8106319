package miniairflow_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// shapeOf makes a DAG of lines such as "c: a b"; names that begin with f are of
// finally, those that begin with z have the trigger rule always.
func shapeOf(t *testing.T, text string) *miniairflow.DAG {
	t.Helper()
	d := &miniairflow.Definition{Name: "shape"}
	for line := range strings.Lines(text) {
		name, upstream, _ := strings.Cut(strings.TrimSpace(line), ":")
		task := miniairflow.Task{Name: name, DependsOn: strings.Fields(upstream), TriggerRule: miniairflow.AllSuccess, Finally: strings.HasPrefix(name, "f")}
		if strings.HasPrefix(name, "z") {
			task.TriggerRule = miniairflow.Always
		}
		d.Tasks = append(d.Tasks, task)
	}
	g, err := miniairflow.NewDAG(d)
	require.NoError(t, err)
	return g
}

// namesAt returns the names of tasks, joined.
func namesAt(g *miniairflow.DAG, tasks []int) string {
	list := make([]string, len(tasks))
	for i, task := range tasks {
		list[i] = g.Definition.Tasks[task].Name
	}
	return strings.Join(list, " ")
}

func TestLevels(t *testing.T) {
	for text, want := range map[string][]string{
		"a:":                       {"a"},
		"b: a\na:":                 {"a", "b"},
		"a:\nb: a\nc: a\nd: b c":   {"a", "b c", "d"},
		"a:\nb: a\nc: a b":         {"a", "b", "c"},
		"a:\nb: a\nf1:\nf2: f1":    {"a", "b", "f1", "f2"},
		"a:\nb:\nf1:\nf2:":         {"a b", "f1 f2"},
		"a:\nb: a\nz: b\nc: z":     {"a z", "b c"},
		"c: b\nb: a\na:\nx:\ny: x": {"a x", "b y", "c"},
	} {
		g := shapeOf(t, text)
		var got []string
		for _, level := range g.Levels() {
			got = append(got, namesAt(g, level))
		}
		require.Equal(t, want, got, text)
	}
}

func TestCriticalPath(t *testing.T) {
	one := func(*miniairflow.Task) int64 { return 1 }
	heavyB := func(t *miniairflow.Task) int64 {
		if t.Name == "b" {
			return 10
		}
		return 1
	}
	for _, test := range []struct {
		text   string
		weight func(*miniairflow.Task) int64
		want   string
	}{
		{"a:", one, "a"},
		{"a:\nb: a\nc: a\nd: c\ne: b d", one, "a c d e"},
		{"a:\nb: a\nc: a\nd: c\ne: b d", heavyB, "a b e"},
		{"a:\nb:\nc: a\nd: b", one, "a c"},
		{"a:\nb: a\nf1:\nf2: f1\nf3:", one, "a b f1 f2"},
		{"a:\nb: a\nz: b\nc: z", one, "a b"},
	} {
		g := shapeOf(t, test.text)
		require.Equal(t, test.want, namesAt(g, g.CriticalPath(test.weight)), test.text)
	}
}

// What a rule means in words is told for each, and differs.
func TestTriggerRuleMeaning(t *testing.T) {
	seen := map[string]miniairflow.TriggerRule{}
	for _, rule := range miniairflow.TriggerRules {
		require.NotContains(t, seen, rule.Meaning(), rule)
		seen[rule.Meaning()] = rule
	}
}
