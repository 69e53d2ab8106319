package chaos

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// stepScript is what every task does: it tells the witness when it starts, that
// it still lives, and when it ends, and prints numbered lines after each of these
// signs. Its argument is how many twentieths of a second it takes.
var stepScript = fmt.Sprintf(`task="$MINIAIRFLOW_TASK${MINIAIRFLOW_ITEM_INDEX:+[$MINIAIRFLOW_ITEM_INDEX]}"
say() {
  echo "$MINIAIRFLOW_RUN_ID $task $MINIAIRFLOW_ATTEMPT $1" >>"$WITNESS"
  more=%d
  while [ "$more" -gt 0 ]; do
    n=$((n + 1)) more=$((more - 1))
    echo "line $n of $MINIAIRFLOW_ATTEMPT_ID"
  done
}
n=0
say start
i=0
while [ "$i" -lt "$1" ]; do
  sleep 0.05
  say alive
  i=$((i + 1))
done
say end
`, linesPerSign)

// Names by which the judge knows tasks with rules of their own.
const (
	retryTask   = "again"  // its first attempt fails, no other does
	paymentTask = "pay"    // is never done twice: on_lost is fail
	finalTask   = "report" // of finally: once per generation of the run
	waitTask    = "wait_"  // begins the names of tasks that look at a clock or a file, and execute nothing
	askTask     = waitTask + "for_approval"

	approvalShape = "approval" // the name of the workflows that ask

	childTask  = waitTask + "for_run" // runs the workflow called
	called     = "called"
	itemsTask  = "items" // has itemsCount items, which execute what it does itself not
	itemsCount = 6
	poolName   = "narrow"
	poolTask   = "narrow_" // begins the names of tasks in the pool
	poolSlots  = 3
)

// workload is the folder of workflow files of an episode.
type workload struct {
	dir   string
	names []string
}

// writeWorkload writes n workflows of mixed shapes.
func writeWorkload(t testing.TB, r *rand.Rand, n int) *workload {
	t.Helper()
	w := newWorkload(t)
	w.write(t, "pools.yaml", fmt.Sprintf("%s: {slots: %d}\n", poolName, poolSlots))
	w.add(t, called, "max_active_runs: 1\noutputs: {done: yes}\ntasks:\n  a: {"+step(r, 1, 6)+"}\n  b: {depends_on: a, "+step(r, 0, 2)+"}\n")
	for i := range n {
		shape := shapes[i%len(shapes)]
		w.add(t, fmt.Sprintf("%s_%02d", shape.name, i), "max_active_runs: 3\ntasks:\n"+shape.tasks(r))
	}
	return w
}

// writeWide writes n workflows of so many short tasks each, without edges.
func writeWide(t testing.TB, n, tasks int) *workload {
	t.Helper()
	w := newWorkload(t)
	for i := range n {
		var text strings.Builder
		text.WriteString("tasks:\n")
		for j := range tasks {
			fmt.Fprintf(&text, "  t%d: {command: [sh, step.sh, '0']}\n", j)
		}
		w.add(t, fmt.Sprintf("wide_%03d", i), text.String())
	}
	return w
}

func newWorkload(t testing.TB) *workload {
	t.Helper()
	w := &workload{dir: t.TempDir()}
	w.write(t, "step.sh", stepScript)
	return w
}

func (w *workload) write(t testing.TB, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o600))
}

func (w *workload) add(t testing.TB, name, content string) {
	t.Helper()
	w.write(t, name+".yaml", content)
	w.names = append(w.names, name)
}

// step returns the command of a task that takes between a and b twentieths of a second.
func step(r *rand.Rand, a, b int) string {
	return fmt.Sprintf("command: [sh, step.sh, '%d']", a+r.IntN(b-a+1))
}

// shapes are the kinds of workflows. The keys below tasks are indented by two.
var shapes = []struct {
	name  string
	tasks func(r *rand.Rand) string
}{
	{name: "chain", tasks: func(r *rand.Rand) string {
		text := "  t0: {" + step(r, 1, 6) + "}\n"
		for i := 1; i < 6; i++ {
			text += fmt.Sprintf("  t%d: {depends_on: t%d, %s}\n", i, i-1, step(r, 1, 6))
		}
		return text
	}},
	{name: "diamond", tasks: func(r *rand.Rand) string {
		return "  top: {" + step(r, 1, 4) + "}\n  left: {depends_on: top, " + step(r, 1, 8) + "}\n" +
			"  right: {depends_on: top, " + step(r, 1, 8) + "}\n  bottom: {depends_on: [left, right], " + step(r, 1, 4) + "}\n"
	}},
	{name: "fan", tasks: func(r *rand.Rand) string {
		text, names := "", []string{}
		for i := range 10 {
			text += fmt.Sprintf("  f%d: {%s}\n", i, step(r, 0, 6))
			names = append(names, fmt.Sprintf("f%d", i))
		}
		return text + "  join: {depends_on: [" + strings.Join(names, ", ") + "], " + step(r, 0, 2) + "}\n"
	}},
	{name: "retry", tasks: func(r *rand.Rand) string {
		return "  " + retryTask + ": {retry: {count: 3, delay: 100ms}, command: '[ \"$MINIAIRFLOW_ATTEMPT\" -gt 1 ] || exit 1; exec sh step.sh 2'}\n" +
			"  after: {depends_on: " + retryTask + ", trigger_rule: all_done, " + step(r, 1, 3) + "}\n"
	}},
	{name: "stubborn", tasks: func(*rand.Rand) string { // ends by SIGKILL only
		return "  deaf: {command: \"trap '' TERM; set -- 8; . ./step.sh\"}\n"
	}},
	{name: "final", tasks: func(r *rand.Rand) string {
		return "  a: {" + step(r, 1, 6) + "}\n  b: {depends_on: a, " + step(r, 1, 6) + "}\nfinally:\n  " + finalTask + ": {" + step(r, 0, 2) + "}\n"
	}},
	{name: "payment", tasks: func(r *rand.Rand) string {
		return "  prepare: {" + step(r, 0, 3) + "}\n  " + paymentTask + ": {depends_on: prepare, on_lost: fail, " + step(r, 1, 4) + "}\n"
	}},
	{name: "waits", tasks: func(r *rand.Rand) string {
		return fmt.Sprintf("  %sclock: {wait: %dms}\n  %sfile: {wait: {file: step.sh, stable_for: 1s, interval: 1s}}\n", waitTask, 300+r.IntN(1500), waitTask) +
			"  after: {depends_on: [" + waitTask + "clock, " + waitTask + "file], " + step(r, 1, 4) + "}\n"
	}},
	{name: approvalShape, tasks: func(r *rand.Rand) string {
		return "  before: {" + step(r, 0, 2) + "}\n  " + askTask + ": {depends_on: before, approval: {message: go on}}\n" +
			"  after: {depends_on: " + askTask + ", when: \"${{ tasks." + askTask + ".outputs.decision == 'approved' }}\", " + step(r, 1, 4) + "}\n"
	}},
	{name: "caller", tasks: func(r *rand.Rand) string {
		return "  before: {" + step(r, 0, 2) + "}\n  " + childTask + ": {depends_on: before, workflow: " + called + ", outputs: {done: string}}\n" +
			"  after: {depends_on: " + childTask + ", when: \"${{ tasks." + childTask + ".outputs.done == 'yes' }}\", " + step(r, 1, 4) + "}\n"
	}},
	{name: "items", tasks: func(r *rand.Rand) string {
		return "  list: {command: 'echo \"l=[0,1,2,3,4,5]\" >> \"$MINIAIRFLOW_OUTPUT\"; exec sh step.sh 1', outputs: {l: list}}\n" +
			fmt.Sprintf("  %s: {depends_on: list, for_each: '${{ tasks.list.outputs.l }}', max_parallel: %d, %s}\n", itemsTask, 1+r.IntN(itemsCount), step(r, 0, 4)) +
			"  after: {depends_on: " + itemsTask + ", " + step(r, 0, 2) + "}\n"
	}},
	{name: "pooled", tasks: func(r *rand.Rand) string {
		text := ""
		for i := range 5 {
			text += fmt.Sprintf("  %s%d: {pool: %s, %s}\n", poolTask, i, poolName, step(r, 1, 5))
		}
		return text
	}},
}
