package expression_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	miniairflow "github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
)

// asking is a definition in which ask depends on a, b and c, which depend on root.
func asking(rule miniairflow.TriggerRule, when string) *miniairflow.Definition {
	task := func(name string, dependsOn ...string) miniairflow.Task {
		return miniairflow.Task{Name: name, DependsOn: dependsOn, TriggerRule: miniairflow.AllSuccess, Noop: true}
	}
	d := &miniairflow.Definition{Name: "asking", Params: []miniairflow.Param{{Name: "full", Type: miniairflow.ParamBoolean}}}
	d.Tasks = []miniairflow.Task{task("root"), task("a", "root"), task("b", "root"), task("c", "root"), task("ask", "a", "b", "c")}
	ask := &d.Tasks[4]
	ask.TriggerRule, ask.When = rule, "${{ "+when+" }}"
	return d
}

func TestCheckWarnsOfConditionsWithOneAnswer(t *testing.T) {
	const always = "when is always true: "
	tests := []struct {
		rule miniairflow.TriggerRule
		when string
		want string // empty: no warning
	}{
		{miniairflow.AllSuccess, "tasks.a.status == 'failed'", `when is never true: with trigger_rule: all_success it is asked only when "a" is success; set trigger_rule: all_done, which asks it after every end`},
		{miniairflow.AllSuccess, "tasks.a.status == 'skipped'", `when is never true in a run of all tasks: with trigger_rule: all_success it is asked only when "a" is success; set trigger_rule: all_done, which asks it after every end`},
		{miniairflow.AllSuccess, "tasks.a.status in ['failed', 'upstream_failed'] || tasks.b.status == 'cancelled'", `it is asked only when "a" is success and "b" is success; set`},
		{miniairflow.AllSuccess, "!(tasks.a.status != 'failed')", "when is never true: "},
		{miniairflow.AllSuccess, "tasks.a.status != 'failed'", always + `with trigger_rule: all_success it is asked only when "a" is success: remove it`},
		{miniairflow.AllSuccess, "tasks.a.status == 'success'", ""}, // false in a run without a
		{miniairflow.AllSuccess, "tasks.a.status == 'failed' && params.full", ""},
		{miniairflow.AllSuccess, "tasks.root.status == 'failed'", ""}, // not the rule's
		{miniairflow.AllSuccess, "tasks.root.status == 'done'", "when is never true: a task ends as success, failed, cancelled, skipped or upstream_failed"},
		{miniairflow.AllDone, "tasks.a.status == 'succeeded'", "when is never true: with trigger_rule: all_done it is asked only when \"a\" is success, failed, cancelled, skipped or upstream_failed"},
		{miniairflow.AllDone, "tasks.a.status == 'failed' && tasks.b.status == 'success'", ""},
		{miniairflow.AllDone, "tasks.a.status == 'failed' && tasks.a.status == 'success'", "when is never true: "},
		{miniairflow.AllFailed, "tasks.a.status == 'success'", `it is asked only when "a" is failed, cancelled or upstream_failed; set trigger_rule: all_done`},
		{miniairflow.AllSkipped, "tasks.a.status == 'skipped'", always},
		{miniairflow.AllSkipped, "tasks.a.status == 'skipped' && tasks.b.status == 'skipped'", always},
		{miniairflow.OneFailed, "tasks.a.status == 'failed'", ""},
		{miniairflow.OneFailed, "tasks.a.status == 'running'", ""},
		{miniairflow.OneFailed, "tasks.a.status == 'success' && tasks.b.status == 'success' && tasks.c.status == 'success'", "when is never true: "},
		{miniairflow.OneFailed, "tasks.a.status == 'success' && tasks.b.status == 'success'", ""}, // c may have failed
		{miniairflow.AllDone, "tasks.a.status == 'running'", "when is never true: "},
		{miniairflow.Always, "tasks.a.status == 'running'", ""},
		{miniairflow.NoneFailed, "tasks.a.status == 'failed'", `only when "a" is success or skipped; set`},
		{miniairflow.NoneSkipped, "tasks.a.status == 'skipped'", "in a run of all tasks"},
		{miniairflow.AllDoneMinOneSuccess, "tasks.a.status != 'success' && tasks.b.status != 'success'", ""},
	}
	for _, tt := range tests {
		t.Run(string(tt.rule)+" "+tt.when, func(t *testing.T) {
			problems := expression.New().Check(asking(tt.rule, tt.when))
			if tt.want == "" {
				require.Empty(t, problems)
				return
			}
			require.Len(t, problems, 1)
			require.True(t, problems[0].IsWarning)
			require.Equal(t, "tasks ask when", strings.Join(problems[0].Path, " "))
			require.Contains(t, problems[0].Message, tt.want)
		})
	}
}

func TestCheckKnowsToleratedFailures(t *testing.T) {
	d := asking(miniairflow.AllSuccess, "tasks.a.status == 'failed'")
	d.Tasks[1].AllowFailure = true
	require.Empty(t, expression.New().Check(d), "a failure that is tolerated counts as a success")
	d.Tasks[4].When = "${{ tasks.a.status == 'upstream_failed' }}"
	require.Contains(t, expression.New().Check(d)[0].Message, `"a" is success or failed`)
}

// What is not decided within bounds is not warned of, and costs little.
func TestCheckOfConditionsIsBounded(t *testing.T) {
	d := asking(miniairflow.AllSuccess, "tasks.a.status == 'failed' && tasks.b.status == 'failed' && tasks.c.status == 'failed' && tasks.root.status == 'x' && tasks.e.status == 'x'")
	d.Tasks = append(d.Tasks, miniairflow.Task{Name: "e", Noop: true})
	d.Tasks[4].DependsOn = append(d.Tasks[4].DependsOn, "e")
	require.Empty(t, expression.New().Check(d))

	d = asking(miniairflow.AllSuccess, "tasks.a.status == 'failed'")
	for i := range 2_000 {
		d.Tasks = append(d.Tasks, miniairflow.Task{
			Name: fmt.Sprintf("t%d", i), DependsOn: []string{"a", "b", "c"}, Noop: true,
			When: fmt.Sprintf("${{ tasks.a.status == '%d' && tasks.b.status == '' && tasks.c.status == '' && tasks.root.status == '' }}", i),
		})
	}
	problems := expression.New().Check(d)
	require.NotEmpty(t, problems)
	require.Less(t, len(problems), 100, "the others are not tried any more")
}
