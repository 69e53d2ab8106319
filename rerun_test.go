package miniairflow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// dagOf returns a graph of tasks, each with the names above it; those of finals
// are of finally.
func dagOf(t *testing.T, finals []string, tasks ...[]string) *miniairflow.DAG {
	t.Helper()
	d := &miniairflow.Definition{Name: "etl"}
	for _, names := range tasks {
		task := miniairflow.Task{Name: names[0], DependsOn: names[1:], TriggerRule: miniairflow.AllSuccess, Noop: true}
		for _, f := range finals {
			task.Finally = task.Finally || f == task.Name
		}
		d.Tasks = append(d.Tasks, task)
	}
	g, err := miniairflow.NewDAG(d)
	require.NoError(t, err)
	return g
}

// stateNames abbreviates states for tables.
var stateNames = map[rune]miniairflow.TaskStatus{
	'p': miniairflow.TaskPending, 'q': miniairflow.TaskQueued, 'r': miniairflow.TaskRunning, 'w': miniairflow.TaskUpForRetry, 's': miniairflow.TaskSuccess,
	'f': miniairflow.TaskFailed, 'c': miniairflow.TaskCancelled, 'k': miniairflow.TaskSkipped, 'u': miniairflow.TaskUpstreamFailed,
}

func statesOf(text string) (all []miniairflow.TaskStatus) {
	for _, r := range text {
		all = append(all, stateNames[r])
	}
	return all
}

func TestPlanRerun(t *testing.T) {
	retry, clear, mark := miniairflow.RerunFailed, miniairflow.RerunClear, miniairflow.RerunMark
	// a, then b and c, then d; z is of finally.
	for name, c := range map[string]struct {
		states     string
		over       bool
		kind       miniairflow.RerunKind
		seqs       []int
		downstream bool
		status     miniairflow.TaskStatus
		after      string // empty: a conflict
		reopens    bool
		conflict   string
	}{
		"retry of a success":             {states: "sssss", over: true, kind: retry, after: "sssss"},
		"retry of a failure":             {states: "sfsus", over: true, kind: retry, after: "spspp", reopens: true},
		"retry of a cancelled run":       {states: "sccss", over: true, kind: retry, after: "sppsp", reopens: true},
		"retry opens what was skipped":   {states: "sfskk", over: true, kind: retry, after: "spspp", reopens: true},
		"retry while others run":         {states: "sfrpp", kind: retry, after: "sprpp"},
		"clear of one":                   {states: "sssss", over: true, kind: clear, seqs: []int{1}, after: "spssp", reopens: true},
		"clear with all below":           {states: "sssss", over: true, kind: clear, seqs: []int{1}, downstream: true, after: "spspp", reopens: true},
		"clear of a task of finally":     {states: "sssss", over: true, kind: clear, seqs: []int{4}, after: "ssssp", reopens: true},
		"clear of what is pending":       {states: "srppp", kind: clear, seqs: []int{3}, after: "srppp"},
		"clear of what runs":             {states: "srspp", kind: clear, seqs: []int{1}, conflict: "still running: b"},
		"clear above what runs":          {states: "srspp", kind: clear, seqs: []int{0}, downstream: true, conflict: "still running: b"},
		"clear while finally runs":       {states: "ssssr", kind: clear, seqs: []int{0}, conflict: "still running: z"},
		"clear of a retry that waits":    {states: "swspp", kind: clear, seqs: []int{1}, after: "spspp"},
		"mark of a failure":              {states: "sfsus", over: true, kind: mark, seqs: []int{1}, status: miniairflow.TaskSuccess, after: "ssspp", reopens: true},
		"mark as it is":                  {states: "sfsus", over: true, kind: mark, seqs: []int{1}, status: miniairflow.TaskFailed, after: "sfsus"},
		"mark of all that is left":       {states: "sfsus", over: true, kind: mark, seqs: []int{1, 3}, status: miniairflow.TaskSuccess, after: "sssss"},
		"mark of what runs":              {states: "srspp", kind: mark, seqs: []int{1}, status: miniairflow.TaskSuccess, after: "ssspp"},
		"mark of a success as a failure": {states: "sssss", over: true, kind: mark, seqs: []int{2}, status: miniairflow.TaskFailed, after: "ssfss"},
		"mark of finally too early":      {states: "srppp", kind: mark, seqs: []int{4}, status: miniairflow.TaskSuccess, conflict: `task "z" is of finally`},
	} {
		t.Run(name, func(t *testing.T) {
			g := dagOf(t, []string{"z"}, []string{"a"}, []string{"b", "a"}, []string{"c", "a"}, []string{"d", "b", "c"}, []string{"z"})
			before := statesOf(c.states)
			plan, err := miniairflow.PlanRerun(g, before, c.over, miniairflow.Rerun{Kind: c.kind, Seqs: c.seqs, Downstream: c.downstream, Status: c.status})
			require.Equal(t, statesOf(c.states), before, "the caller's states stay")
			if c.conflict != "" {
				require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
				require.ErrorContains(t, err, c.conflict)
				return
			}
			require.NoError(t, err)
			require.Equal(t, statesOf(c.after), plan.States)
			require.Equal(t, c.reopens, plan.Reopens)
			require.Equal(t, c.states == c.after, plan.IsEmpty())
			for _, seq := range plan.Reopen {
				require.NotEqual(t, miniairflow.TaskPending, before[seq])
				require.Equal(t, miniairflow.TaskPending, plan.States[seq])
			}
		})
	}
}

func TestPlanRerunWithALaterVersion(t *testing.T) {
	old := dagOf(t, nil, []string{"a"}, []string{"b", "a"})
	for name, c := range map[string]struct {
		next *miniairflow.DAG
		text string // empty: it fits
	}{
		"the same tasks":      {next: dagOf(t, nil, []string{"a"}, []string{"b", "a"})},
		"more tasks behind":   {next: dagOf(t, nil, []string{"a"}, []string{"b", "a"}, []string{"c", "b"})},
		"other edges":         {next: dagOf(t, nil, []string{"a"}, []string{"b"})},
		"a task is gone":      {next: dagOf(t, nil, []string{"a"}), text: `has not task "b" at its place 2`},
		"a new task before":   {next: dagOf(t, nil, []string{"c"}, []string{"a"}, []string{"b"}), text: `has not task "a" at its place 1`},
		"a task has moved to": {next: dagOf(t, []string{"b"}, []string{"a"}, []string{"b"}), text: `has not task "b" at its place 2`},
	} {
		t.Run(name, func(t *testing.T) {
			err := miniairflow.FitsVersion(old, c.next)
			if c.text != "" {
				require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
				require.ErrorContains(t, err, c.text)
				return
			}
			require.NoError(t, err)
			plan, err := miniairflow.PlanRerun(c.next, statesOf("fu"), true, miniairflow.Rerun{Kind: miniairflow.RerunFailed})
			require.NoError(t, err)
			require.Len(t, plan.States, len(c.next.Upstream))
			require.Len(t, plan.Added, len(c.next.Upstream)-2)
		})
	}
}

func TestFitsVersionWithFinally(t *testing.T) {
	old := dagOf(t, []string{"z"}, []string{"a"}, []string{"z"})
	for name, c := range map[string]struct {
		next *miniairflow.DAG
		text string // empty: it fits
	}{
		"more tasks of finally": {next: dagOf(t, []string{"z", "y"}, []string{"a"}, []string{"z"}, []string{"y"})},
		"a new task before finally": {
			next: dagOf(t, []string{"z"}, []string{"a"}, []string{"b", "a"}, []string{"z"}),
			text: `has the new task "b" before "z" of finally, which would lose its place`,
		},
		"no finally any more":    {next: dagOf(t, nil, []string{"a"}, []string{"z"}), text: `has not task "z" at its place 2`},
		"the finally is gone":    {next: dagOf(t, nil, []string{"a"}), text: `has not task "z" at its place 2`},
		"another one of finally": {next: dagOf(t, []string{"y"}, []string{"a"}, []string{"y"}), text: `has not task "z" at its place 2`},
	} {
		t.Run(name, func(t *testing.T) {
			err := miniairflow.FitsVersion(old, c.next)
			if c.text == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
			require.ErrorContains(t, err, c.text)
		})
	}
}

func TestDue(t *testing.T) {
	g := dagOf(t, []string{"z"}, []string{"a"}, []string{"b", "a"}, []string{"c", "a"}, []string{"d", "b", "c"}, []string{"z"})
	for states, c := range map[string]struct{ ready, asks []int }{
		"ppppp": {ready: []int{0}},
		"sppps": {ready: []int{1, 2}},
		"sspps": {ready: []int{2}},
		"ssspp": {ready: []int{3}},
		"sfspp": {asks: []int{3}},
		"ssssp": {ready: []int{4}},
		"fuuup": {ready: []int{4}},
		"sssss": {},
	} {
		ready, asks, err := g.Due(statesOf(states))
		require.NoError(t, err)
		require.Equal(t, c.ready, ready, states)
		require.Equal(t, c.asks, asks, states)
	}
	for _, states := range []string{"", "s", "ssss", "ssssss"} {
		_, _, err := g.Due(statesOf(states))
		require.Equal(t, miniairflow.CodeInternal, miniairflow.ErrorCode(err), "states of another graph")
	}
}
