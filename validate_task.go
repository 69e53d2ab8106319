package miniairflow

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	retryCountMax = 100
	exitCodeMax   = 255
)

// shells are the shells that a script can ask for.
var shells = []string{"bash", "sh"}

// taskPath returns the path of t in the file.
func taskPath(t *Task) []string {
	if t.Finally {
		return []string{"finally", t.Name}
	}
	return []string{"tasks", t.Name}
}

func (v *validator) tasks() {
	mains := slices.IndexFunc(v.d.Tasks, func(t Task) bool { return t.Finally })
	switch count := len(v.d.Tasks); {
	case count == 0 || mains == 0:
		v.add([]string{"tasks"}, "the workflow has no tasks: it needs at least one")
	case count > TasksMax:
		v.add([]string{"tasks"}, "the workflow has %d tasks, but may have at most %d", count, TasksMax)
	}
	names := make([]string, len(v.d.Tasks))
	index := make(map[string]int, len(v.d.Tasks))
	for i := range v.d.Tasks {
		t := &v.d.Tasks[i]
		at := taskPath(t)
		if !taskName.MatchString(t.Name) {
			v.addOfKey(at, "task name %s is not valid: up to 128 letters, digits, _ and -, starting with a letter or _", show(t.Name))
		}
		if _, repeated := index[t.Name]; repeated {
			v.add(at, "task %q is declared twice: rename one, also where one of them is of finally", t.Name)
		}
		names[i], index[t.Name] = t.Name, i
	}
	g := &DAG{Definition: v.d, Upstream: make([][]int, len(names)), Downstream: make([][]int, len(names))}
	known := slices.Concat(names, v.d.groupNames())
	for i := range v.d.Tasks {
		v.task(&v.d.Tasks[i])
		v.dependsOn(g, i, known, index)
		v.artifacts(&v.d.Tasks[i], names, index)
	}
	v.cycles(g)
}

func (v *validator) task(t *Task) {
	at := taskPath(t)
	v.action(at, t)
	v.ssh(sub(at, "ssh"), t)
	v.container(sub(at, "container"), t)
	oneOf(v, sub(at, "trigger_rule"), t.TriggerRule, TriggerRules)
	if t.DependsOnPast && t.Finally {
		v.add(sub(at, "depends_on_past"), "task %q is of finally, which ends every run: it cannot wait for the run before", t.Name)
	}
	v.forEach(at, t)
	v.env(sub(at, "env"), t.Env)
	v.secrets(sub(at, "secrets"), t)
	v.outputs(sub(at, "outputs"), t.Outputs)
	v.retry(sub(at, "retry"), t.RetryPolicy())
	v.exitCodes(at, t)
	v.duration(sub(at, "timeout"), t.Timeout)
	v.deadline(sub(at, "deadline"), t.Deadline)
	v.duration(sub(at, "queue_timeout"), t.QueueTimeout)
	v.pool(at, t)
	v.notices(at, t.Notify)
	if t.OnLost != "" {
		oneOf(v, sub(at, "on_lost"), t.OnLost, OnLosts)
	}
	if t.WorkingDir != "" && !filepath.IsLocal(t.WorkingDir) {
		v.add(sub(at, "working_dir"), "working_dir %s leaves the folder of the workflow's file: write a relative path below it", show(t.WorkingDir))
	}
	if t.Priority < 0 || int(t.Priority) >= len(Priorities) {
		v.add(sub(at, "priority"), "priority %d is unknown: use %s", int(t.Priority), strings.Join(Priorities, ", "))
	}
	if !workflowName.MatchString(t.Queue) {
		v.add(sub(at, "queue"), "queue name %s is not valid: up to 128 letters, digits, _, - and ., starting with a letter or digit", show(t.Queue))
	}
}

func (v *validator) pool(at []string, t *Task) {
	switch {
	case t.Pool == "" && t.PoolSlots != 0:
		v.add(sub(at, "pool_slots"), "task %q has pool_slots, but no pool: name the pool", t.Name)
	case t.Pool == "":
	case !workflowName.MatchString(t.Pool):
		v.add(sub(at, "pool"), "pool name %s is not valid: up to 128 letters, digits, _, - and ., starting with a letter or digit", show(t.Pool))
	case t.PoolSlots < 1 || t.PoolSlots > PoolSlotsMax:
		v.add(sub(at, "pool_slots"), "pool_slots is %d, but must be between 1 and %d", t.PoolSlots, PoolSlotsMax)
	}
}

// action checks that t has exactly one action, and that one.
func (v *validator) action(at []string, t *Task) {
	switch actions := t.Actions(); len(actions) {
	case 0:
		v.add(at, "task %q has no action: give it a command, an http request, a wait, an approval, a workflow, or noop: true", t.Name)
	case 1:
		actions[0].validate(v, sub(at, string(actions[0].Kind())), t)
	default:
		first, second := actions[0].Kind(), actions[1].Kind()
		v.add(sub(at, string(second)), "task %q has two actions, %s and %s: keep one", t.Name, first, second)
	}
}

func (v *validator) outputs(at []string, outputs map[string]OutputType) {
	for _, key := range sortedKeys(outputs) {
		if !identifier.MatchString(key) {
			v.addOfKey(sub(at, key), "output name %s is not valid: letters, digits and _, not starting with a digit", show(key))
		}
		if !slices.Contains(OutputTypes, outputs[key]) {
			v.add(sub(at, key), "type %s of output %q is unknown: use %s%s", show(string(outputs[key])), key,
				joinNames(OutputTypes), v.suggest(string(outputs[key]), asText(OutputTypes)))
		}
	}
}

func (v *validator) retry(at []string, r RetryPolicy) {
	if r.Count < 0 || r.Count > retryCountMax {
		v.add(sub(at, "count"), "retry count is %d, but must be 0 to %d", r.Count, retryCountMax)
	}
	v.duration(sub(at, "delay"), r.Delay)
	v.duration(sub(at, "max_delay"), r.MaxDelay)
	if r.MaxDelay > 0 && r.MaxDelay < r.Delay {
		v.add(sub(at, "max_delay"), "max_delay %s is less than delay %s: raise it, or lower delay", r.MaxDelay, r.Delay)
	}
	if r.Backoff != "" {
		oneOf(v, sub(at, "backoff"), r.Backoff, Backoffs)
	}
}

// dependsOn checks the dependencies of task i and adds the good ones to g.
func (v *validator) dependsOn(g *DAG, i int, names []string, index map[string]int) {
	t := &v.d.Tasks[i]
	seen := make(map[string]bool, len(t.DependsOn))
	for place, name := range t.DependsOn {
		at := sub(taskPath(t), "depends_on", strconv.Itoa(place))
		up, known := index[name]
		switch {
		case seen[name]:
			v.add(at, "task %q depends on %q twice: remove one", t.Name, name)
		case name == t.Name:
			v.add(at, "task %q depends on itself: remove it", t.Name)
		case !known:
			v.add(at, "task %q depends on unknown task %s%s", t.Name, show(name), v.suggest(name, names))
		case t.Finally && !v.d.Tasks[up].Finally:
			v.add(at, "task %q of finally depends on %q, but runs after all tasks anyway: leave it out", t.Name, name)
		case !t.Finally && v.d.Tasks[up].Finally:
			v.add(at, "task %q depends on %q of finally, which runs after all tasks: move one of them", t.Name, name)
		default:
			g.Upstream[i] = append(g.Upstream[i], up)
			g.Downstream[up] = append(g.Downstream[up], i)
		}
		seen[name] = true
	}
}

// cycles reports the cycles of g one by one, without their edges the next time.
func (v *validator) cycles(g *DAG) {
	for range cyclesMax {
		g.Order = g.topologicalOrder()
		cycle := g.cycle()
		if cycle == nil {
			return
		}
		v.add(sub(taskPath(&v.d.Tasks[slices.Min(cycle)]), "depends_on"), "tasks wait for each other: %s; take one of these dependencies out", g.CycleText())
		for i, task := range cycle {
			up := cycle[(i+1)%len(cycle)]
			g.Upstream[task] = slices.DeleteFunc(g.Upstream[task], func(other int) bool { return other == up })
			g.Downstream[up] = slices.DeleteFunc(g.Downstream[up], func(other int) bool { return other == task })
		}
	}
}
