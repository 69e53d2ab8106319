package loader

import "gopkg.in/yaml.v3"

// secrets reads what a task is handed: [NAME], each in the variable of its name, or
// {VARIABLE: NAME}.
func (v value) secrets() map[string]string {
	names := map[string]string{}
	if v.node.Kind == yaml.MappingNode {
		entries, _ := v.entries("VARIABLE: NAME")
		for _, e := range entries {
			if name, ok := e.text(); ok {
				names[e.name] = name
			}
		}
		return names
	}
	for _, item := range v.items("a list of names, or a map of variables to names: write [API_TOKEN]") {
		name, ok := item.text()
		if !ok {
			continue
		}
		if _, isTwice := names[name]; isTwice {
			item.fail("secrets names %s twice", quoted(name))
		}
		v.doc.positions[joined(append(v.path, name))] = item.at
		names[name] = name
	}
	return names
}
