package loader

import (
	"maps"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

var groupFields = fields[miniairflow.Group]{
	"description": textField(func(g *miniairflow.Group) *string { return &g.Description }),
	"depends_on": func(v value, g *miniairflow.Group) {
		g.DependsOn = v.texts("a task, a group or a list of them: write [extract]")
	},
}

// groups reads the groups in file order. One that waits for nothing and has no
// description may have nothing below it.
func (v value) groups() []miniairflow.Group {
	entries, _ := v.entries("a name and below it what its tasks wait for, such as `load: {depends_on: [extract]}`")
	if len(entries) > v.doc.limits.Tasks {
		v.doc.halt(v.at, "the workflow has %d groups, more than the limit of %d", len(entries), v.doc.limits.Tasks)
		return nil
	}
	groups := make([]miniairflow.Group, 0, len(entries))
	for _, e := range entries {
		group := miniairflow.Group{Name: e.name}
		if e.node.Kind != yaml.ScalarNode || !e.isNull() {
			keys, _ := e.entries("what its tasks wait for, such as {depends_on: [extract]}")
			groupFields.read(keys, "a group", &group)
		}
		groups = append(groups, group)
	}
	return groups
}

// expandGroups makes plain dependencies of those on groups, and keeps the place of
// each where the file has it. ok is false if the definition is not to be looked at
// further.
func (d *document) expandGroups(definition *miniairflow.Definition) (ok bool) {
	origins, problems := definition.ExpandGroups()
	ok = true
	for _, problem := range problems {
		ok = ok && len(problem.Path) > 1 // else nothing was expanded
		if !d.follows(problem.Path) {
			d.fail(d.placeOf(problem), "%s", problem.Message)
		}
	}
	moved := map[string]position{}
	for i, paths := range origins {
		t := &definition.Tasks[i]
		home := "tasks"
		if t.Finally {
			home = "finally"
		}
		for place, path := range paths {
			moved[joined([]string{home, t.Name, "depends_on", strconv.Itoa(place)})] = d.find(path)
		}
	}
	maps.Copy(d.positions, moved)
	return ok
}
