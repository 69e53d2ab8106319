package miniairflow

import (
	"fmt"
	"strconv"
)

// Group is a named part of a workflow: the tasks whose Task.Group is its name. It
// is for people, who see it in the graph and name it in depends_on; a run knows
// tasks only, see Definition.ExpandGroups.
type Group struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	DependsOn   []string `json:"depends_on,omitempty"` // as the file says: tasks and other groups
}

// groupDependenciesMax bounds what groups add to the dependencies of one
// definition: between two groups of thousands there would be millions.
const groupDependenciesMax = 100_000

// ExpandGroups makes plain dependencies of those on groups and of those that
// groups have. A group in the DependsOn of a task becomes its last tasks, on which
// no other task of the group depends; the DependsOn of a group is added to its
// first tasks, which depend on no other task of it. What d.Validate refuses of
// groups is left out here. A second call changes nothing.
//
// For each task that has changed, origins has the path in the file of each entry
// of its new DependsOn. The problems are those that nobody could find afterwards.
func (d *Definition) ExpandGroups() (origins map[int][][]string, problems []Problem) {
	if len(d.Groups) == 0 {
		return nil, nil
	}
	e := newGroupExpansion(d)
	origins = map[int][][]string{}
	expanded := make(map[int][]string)
	for i := range d.Tasks {
		names, paths, changed := e.dependencies(i)
		if changed {
			expanded[i], origins[i] = names, paths
		}
		if e.added > groupDependenciesMax {
			return nil, append(e.problems, Problem{
				Path:    []string{"groups"},
				Message: fmt.Sprintf("groups add more than %d dependencies between tasks: put one task with noop: true between large groups", groupDependenciesMax),
			})
		}
	}
	for i, names := range expanded {
		d.Tasks[i].DependsOn = names
	}
	return origins, e.problems
}

// groupExpansion knows the members of each group while its dependencies are
// being written out.
type groupExpansion struct {
	d        *Definition
	groups   map[string]*Group   // that have no name of a task
	tasks    map[string]int      // by name
	last     map[string][]string // by group, the tasks on which no other of it depends
	isFirst  []bool              // by task: it depends on no other of its group
	added    int                 // dependencies that groups have added
	problems []Problem
}

func newGroupExpansion(d *Definition) *groupExpansion {
	e := &groupExpansion{
		d: d, groups: make(map[string]*Group, len(d.Groups)), tasks: make(map[string]int, len(d.Tasks)),
		last: make(map[string][]string, len(d.Groups)), isFirst: make([]bool, len(d.Tasks)),
	}
	for i := range d.Tasks {
		e.tasks[d.Tasks[i].Name] = i
	}
	for i := range d.Groups {
		if _, taken := e.tasks[d.Groups[i].Name]; !taken {
			e.groups[d.Groups[i].Name] = &d.Groups[i]
		}
	}
	isLast := make([]bool, len(d.Tasks))
	for i := range d.Tasks {
		isLast[i], e.isFirst[i] = true, true
	}
	for i := range d.Tasks {
		t := &d.Tasks[i]
		for _, name := range t.DependsOn {
			if up, ok := e.tasks[name]; ok && up != i && t.Group != "" && d.Tasks[up].Group == t.Group {
				isLast[up], e.isFirst[i] = false, false
			}
		}
	}
	for i := range d.Tasks {
		if group := d.Tasks[i].Group; isLast[i] && group != "" {
			e.last[group] = append(e.last[group], d.Tasks[i].Name)
		}
	}
	return e
}

// dependencies returns what task i depends on without groups, and where the file
// says so.
func (e *groupExpansion) dependencies(i int) (names []string, paths [][]string, changed bool) {
	t := &e.d.Tasks[i]
	seen := make(map[string]bool, len(t.DependsOn))
	for _, name := range t.DependsOn {
		if e.groups[name] == nil {
			seen[name] = true // so that what is named is not added a second time by its group
		}
	}
	add := func(list []string, path []string) {
		changed = true
		for _, name := range list {
			if !seen[name] && name != t.Name {
				seen[name] = true
				e.added++
				names, paths = append(names, name), append(paths, path)
			}
		}
	}
	named := map[string]bool{}
	for place, name := range t.DependsOn {
		path := sub(taskPath(t), "depends_on", strconv.Itoa(place))
		switch {
		case e.groups[name] == nil:
			names, paths = append(names, name), append(paths, path)
		case named[name]:
			changed = true
			e.add(path, "task %q depends on %q twice: remove one", t.Name, name)
		case t.Group == name:
			changed = true
			e.add(path, "task %q is in group %q and cannot wait for all of it: name the tasks of the group that it depends on", t.Name, name)
		default:
			named[name] = true
			add(e.last[name], path)
		}
	}
	if g := e.groups[t.Group]; g != nil && e.isFirst[i] {
		for place, name := range g.DependsOn {
			if list := e.ofGroup(g, name); len(list) > 0 {
				add(list, []string{"groups", g.Name, "depends_on", strconv.Itoa(place)})
			}
		}
	}
	return names, paths, changed
}

// ofGroup returns the tasks for a name in the depends_on of g; none for a name
// that Validate refuses there.
func (e *groupExpansion) ofGroup(g *Group, name string) []string {
	if up, isTask := e.tasks[name]; isTask {
		if e.d.Tasks[up].Group == g.Name {
			return nil
		}
		return []string{name}
	}
	if name == g.Name {
		return nil
	}
	return e.last[name]
}

func (e *groupExpansion) add(path []string, format string, args ...any) {
	if len(e.problems) < suggestionsMax {
		e.problems = append(e.problems, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
}

// groupNames returns the names of the groups of d, in file order.
func (d *Definition) groupNames() []string {
	names := make([]string, len(d.Groups))
	for i := range d.Groups {
		names[i] = d.Groups[i].Name
	}
	return names
}

// groupsShown bounds the groups that a message lists.
const groupsShown = 12

// groupCheck is what the checks of groups look names up in.
type groupCheck struct {
	*validator
	names  []string // of the groups
	groups map[string]bool
	tasks  map[string]*Task
	first  map[string]*Task // by group, the first of its tasks
	known  []string         // all names that depends_on may have
}

// groups checks the groups and that each task is in one that there is.
func (v *validator) groups() {
	c := &groupCheck{validator: v, names: v.d.groupNames(), groups: map[string]bool{}, tasks: map[string]*Task{}, first: map[string]*Task{}}
	for i := range v.d.Groups {
		c.groups[v.d.Groups[i].Name] = true
	}
	for i := range v.d.Tasks {
		t := &v.d.Tasks[i]
		if t.Group != "" {
			c.membership(t)
		}
		if len(v.d.Groups) > 0 {
			c.tasks[t.Name] = t
			c.known = append(c.known, t.Name)
		}
	}
	c.known = append(c.known, c.names...)
	seen := make(map[string]bool, len(v.d.Groups))
	for i := range v.d.Groups {
		g := &v.d.Groups[i]
		if seen[g.Name] {
			v.addOfKey([]string{"groups", g.Name}, "group %q is declared twice", g.Name)
		}
		seen[g.Name] = true
		c.group(g)
		c.dependsOn(g)
	}
}

// membership checks the group that a task says it is in.
func (c *groupCheck) membership(t *Task) {
	at := sub(taskPath(t), "group")
	first := c.first[t.Group]
	switch {
	case len(c.groups) == 0:
		c.add(at, "task %q is in group %s, but the workflow has no groups: add `groups: {%s: {}}`", t.Name, show(t.Group), t.Group)
	case !c.groups[t.Group]:
		hint := ""
		if len(c.names) <= groupsShown {
			hint = ": the groups are " + joinNames(c.names)
		}
		c.add(at, "task %q is in unknown group %s%s%s", t.Name, show(t.Group), hint, c.suggest(t.Group, c.names))
	case first == nil:
		c.first[t.Group] = t
	case first.Finally != t.Finally:
		c.add(at, "task %q of finally cannot share group %q with tasks that run before: give those of finally a group of their own", t.Name, t.Group)
	}
}

func (c *groupCheck) group(g *Group) {
	at := []string{"groups", g.Name}
	switch {
	case !taskName.MatchString(g.Name):
		c.addOfKey(at, "group name %s is not valid: up to 128 letters, digits, _ and -, starting with a letter or _", show(g.Name))
	case c.tasks[g.Name] != nil:
		c.addOfKey(at, "group %q has the name of a task: rename one of them, since depends_on may name both", g.Name)
	case c.first[g.Name] == nil:
		c.addOfKey(at, "group %q has no tasks: write `group: %s` in each of its tasks, or remove it", g.Name, g.Name)
	}
}

func (c *groupCheck) dependsOn(g *Group) {
	seen := make(map[string]bool, len(g.DependsOn))
	for place, name := range g.DependsOn {
		at := []string{"groups", g.Name, "depends_on", strconv.Itoa(place)}
		up := c.tasks[name]
		switch {
		case seen[name]:
			c.add(at, "group %q depends on %q twice: remove one", g.Name, name)
		case name == g.Name:
			c.add(at, "group %q depends on itself: remove it", g.Name)
		case up != nil && up.Group == g.Name:
			c.add(at, "group %q depends on its own task %q: tasks of a group wait for each other by their own depends_on", g.Name, name)
		case up == nil && !c.groups[name]:
			c.add(at, "group %q depends on unknown task or group %s%s", g.Name, show(name), c.suggest(name, c.known))
		}
		seen[name] = true
	}
}

// label names the task in a chain of tasks, with its group, through which it may
// have come into the chain.
func (t *Task) label() string {
	if t.Group == "" {
		return t.Name
	}
	return t.Name + " (group " + t.Group + ")"
}
