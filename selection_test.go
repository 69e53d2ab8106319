package miniairflow_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
)

// flow is a, then b and c, then d after both; e alone; y and, after it, z of
// finally. b and c are the group mid.
func flow(t *testing.T) *miniairflow.DAG {
	t.Helper()
	after := func(name string, up ...string) miniairflow.Task {
		return miniairflow.Task{Name: name, DependsOn: up, TriggerRule: miniairflow.AllSuccess, Noop: true}
	}
	d := &miniairflow.Definition{Name: "etl", Groups: []miniairflow.Group{{Name: "mid"}}, Tasks: []miniairflow.Task{
		after("a"), after("b", "a"), after("c", "a"), after("d", "b", "c"), after("e"), after("y"), after("z", "y"),
	}}
	d.Tasks[1].Group, d.Tasks[2].Group = "mid", "mid"
	d.Tasks[5].Finally, d.Tasks[6].Finally = true, true
	g, err := miniairflow.NewDAG(d)
	require.NoError(t, err)
	return g
}

func TestSelect(t *testing.T) {
	s := func(only, from, until string) miniairflow.Selection {
		split := func(names string) []string { return strings.FieldsFunc(names, func(r rune) bool { return r == ',' }) }
		return miniairflow.Selection{Only: split(only), From: split(from), Until: split(until)}
	}
	for _, c := range []struct {
		name      string
		selection miniairflow.Selection
		chosen    string
		roots     string // that start with the run
	}{
		{name: "nothing is named", chosen: "a b c d e y z", roots: "a e"},
		{name: "only one", selection: s("b", "", ""), chosen: "b", roots: "b"},
		{name: "only some, with a gap", selection: s("a,d", "", ""), chosen: "a d", roots: "a d"},
		{name: "only some, side by side", selection: s("a,b", "", ""), chosen: "a b", roots: "a"},
		{name: "only a group", selection: s("mid", "", ""), chosen: "b c", roots: "b c"},
		{name: "only, with one of finally", selection: s("b,z", "", ""), chosen: "b z", roots: "b"},
		{name: "from", selection: s("", "b", ""), chosen: "b d y z", roots: "b"},
		{name: "from a group and another", selection: s("", "mid,e", ""), chosen: "b c d e y z", roots: "b c e"},
		{name: "until", selection: s("", "", "b"), chosen: "a b y z", roots: "a"},
		{name: "from, until", selection: s("", "b", "d"), chosen: "b d y z", roots: "b"},
		{name: "from the first to the last", selection: s("", "a", "d"), chosen: "a b c d y z", roots: "a"},
		{name: "only what is until", selection: s("a,d,e", "", "b"), chosen: "a", roots: "a"},
		{name: "until, with one of finally", selection: s("", "", "b,y"), chosen: "a b y", roots: "a"},
		{name: "the same twice", selection: s("b,b,mid", "", ""), chosen: "b c", roots: "b c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			whole := flow(t)
			g, err := whole.Select(&c.selection)
			require.NoError(t, err)
			var chosen, roots []string
			for seq := range g.Upstream {
				if !g.IsLeftOut(seq) {
					chosen = append(chosen, g.Definition.Tasks[seq].Name)
				}
			}
			require.Equal(t, c.chosen, strings.Join(chosen, " "))
			fast, asks := g.Roots()
			require.Empty(t, asks)
			for _, seq := range fast {
				roots = append(roots, g.Definition.Tasks[seq].Name)
			}
			require.Equal(t, c.roots, strings.Join(roots, " "))
			require.Equal(t, strings.Contains(c.chosen, "y") || strings.Contains(c.chosen, "z"), g.HasFinals())
			require.Equal(t, flow(t).Upstream, whole.Upstream, "the whole shape stays as it is")
			require.Equal(t, flow(t).Downstream, whole.Downstream)
		})
	}
}

func TestSelectRefuses(t *testing.T) {
	many := make([]string, miniairflow.SelectionMax+1)
	for i := range many {
		many[i] = "a"
	}
	for _, c := range []struct {
		name           string
		selection      miniairflow.Selection
		field, message string
	}{
		{
			name: "unknown", selection: miniairflow.Selection{Until: []string{"a", "mdi"}},
			field: "until", message: `workflow "etl" has no task or group "mdi"; did you mean "mid"?`,
		},
		{
			name: "nothing in common", selection: miniairflow.Selection{From: []string{"d"}, Until: []string{"b"}},
			field: "until", message: "--from d --until b chooses no task: none is in both",
		},
		{
			name: "tasks of finally alone", selection: miniairflow.Selection{Only: []string{"y", "z"}},
			field: "only", message: "--only y,z chooses no task but those of finally, which end a run: choose a task that runs before them",
		},
		{
			name: "too many", selection: miniairflow.Selection{From: many},
			field: "only", message: "1001 names choose the tasks of the run, at most 1000 are allowed: name groups, or use from and until",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := flow(t).Select(&c.selection)
			var e *miniairflow.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, miniairflow.CodeInvalid, e.Code)
			require.Equal(t, c.field, e.Field)
			require.Equal(t, c.message, e.Message)
		})
	}
}

// What is planned of tasks that are taken to succeed.
func TestPlanTasks(t *testing.T) {
	g := flow(t)
	tasks := g.Definition.Tasks
	tasks[1].When, tasks[4].When = "known false", "unknown"
	tasks[2].TriggerRule = miniairflow.OneFailed
	plan := func(s miniairflow.Selection) string {
		selected, err := g.Select(&s)
		require.NoError(t, err)
		var lines []string
		for _, p := range miniairflow.PlanTasks(selected, func(condition string) (ok, known bool) { return false, condition != "unknown" }) {
			lines = append(lines, strings.Join([]string{string(rune('0' + p.Level)), p.Name, string(p.Verdict), p.Why}, " | "))
		}
		return strings.Join(lines, "\n")
	}
	require.Equal(t, `1 | a | runs | starts with the run
1 | e | depends | starts with the run; when is decided at run time: unknown
2 | b | skipped | when is false: known false
2 | c | depends | after a, when one of them failed, without waiting for the others
3 | d | depends | after b, c, when all of them succeeded
4 | y | runs | when all other tasks have ended
5 | z | runs | after the success of y`, plan(miniairflow.Selection{}))
	require.Equal(t, `1 | b | skipped | when is false: known false
2 | d | skipped | trigger rule all_success: 1 of 1 upstream tasks ended: 0 success, 1 skipped
0 | a | not_chosen | not chosen (--only b,d)
0 | c | not_chosen | not chosen (--only b,d)
0 | e | not_chosen | not chosen (--only b,d)
0 | y | not_chosen | not chosen (--only b,d)
0 | z | not_chosen | not chosen (--only b,d)`, plan(miniairflow.Selection{Only: []string{"b", "d"}}))
}

// What chosen tasks would take of others is told once each, and only where these are
// not chosen and the task may run.
func TestTriggerPlanWarns(t *testing.T) {
	d := flow(t).Definition
	d.Tasks[3].Inputs = []string{"a", "b"}
	d.Tasks[3].ForEach = &miniairflow.ForEach{List: json.RawMessage(`"${{ tasks.c.outputs.list }}"`), Key: "${{ item }}"}
	d.Tasks[3].When = "${{ tasks.a.outputs.n == tasks.b.outputs.n }}"
	d.Tasks[3].Env = map[string]string{"X": "${{ tasks.a.outputs.n }} ${{ tasks.a.status }}", "Y": "${{ tasks.a.outputs.m }}"}
	warnings := func(s miniairflow.Selection) string {
		plan, err := miniairflow.NewTriggerPlan(d, &s, nil, expression.New())
		require.NoError(t, err)
		for i := range plan.Warnings {
			plan.Warnings[i], _, _ = strings.Cut(plan.Warnings[i], ", which is not chosen: ")
		}
		return strings.Join(plan.Warnings, "\n")
	}
	require.Empty(t, warnings(miniairflow.Selection{}))
	require.Empty(t, warnings(miniairflow.Selection{Until: []string{"d"}}))
	require.Empty(t, warnings(miniairflow.Selection{Only: []string{"a"}}))
	require.Equal(t, `task "d" takes the artifacts of "a"
task "d" reads the output "n" of "a"
task "d" reads the output "list" of "c"
task "d" reads the output "m" of "a"`, warnings(miniairflow.Selection{Only: []string{"b", "d"}}))
	d.Tasks[3].When = "${{ false }}"
	require.Empty(t, warnings(miniairflow.Selection{Only: []string{"b", "d"}}), "it is skipped anyway")
}

// A large group that is named many times takes no more memory than once.
func TestSelectionOfOneGroupManyTimes(t *testing.T) {
	d := &miniairflow.Definition{Name: "wide", Groups: []miniairflow.Group{{Name: "g"}}}
	for i := range 10_000 {
		d.Tasks = append(d.Tasks, miniairflow.Task{Name: fmt.Sprintf("t%d", i), Group: "g", TriggerRule: miniairflow.AllSuccess, Noop: true})
	}
	g, err := miniairflow.NewDAG(d)
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = g.Select(&miniairflow.Selection{From: slices.Repeat([]string{"g"}, miniairflow.SelectionMax)})
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(32<<20))
}
