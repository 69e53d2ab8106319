package loader

import (
	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

var artifactFields = fields[miniairflow.ArtifactRule]{
	"path":     textField(func(r *miniairflow.ArtifactRule) *string { return &r.Path }),
	"name":     textField(func(r *miniairflow.ArtifactRule) *string { return &r.Name }),
	"optional": func(v value, r *miniairflow.ArtifactRule) { r.Optional = v.boolean() },
}

// artifacts reads what a task hands on: patterns, and maps with one.
func (v value) artifacts() []miniairflow.ArtifactRule {
	items := []value{v} // a map is short for a list of one
	if v.node.Kind == yaml.MappingNode {
		items[0].path = append(items[0].path[:len(items[0].path):len(items[0].path)], "0")
		v.doc.positions[joined(items[0].path)] = v.at
	} else {
		items = v.items("a file or a list of files: write [report.csv]")
	}
	var rules []miniairflow.ArtifactRule
	for _, item := range items {
		rule := miniairflow.ArtifactRule{}
		if item.node.Kind != yaml.MappingNode {
			text, ok := item.text()
			if !ok {
				continue
			}
			rule.Path = text
		} else {
			entries, _ := item.entries("")
			before := v.doc.faults
			artifactFields.read(entries, "artifacts", &rule)
			if rule.Path == "" && v.doc.faults == before {
				item.fail("the artifact has no path: write path: report.csv")
				continue
			}
		}
		rules = append(rules, rule)
	}
	return rules
}

// takesArtifacts reports whether inputs are a list of tasks, and not those of a
// template, which are a map.
func (v value) takesArtifacts() bool { return v.node.Kind != yaml.MappingNode }

// artifactInputs reads the tasks whose artifacts a task is given; none for the
// inputs of a template, which fromTemplate reads.
func (v value) artifactInputs() []string {
	if !v.takesArtifacts() {
		return nil
	}
	return v.texts("the tasks whose artifacts it takes, or the inputs of its template: write [build]")
}
