package miniairflow

import (
	"slices"
	"strconv"
)

// artifacts checks what a task hands on, and what it takes from others; index has
// the places of the tasks by name. That these are upstream is checked where
// expressions are.
func (v *validator) artifacts(t *Task, known []string, index map[string]int) {
	at := sub(taskPath(t), "artifacts")
	switch {
	case len(t.Artifacts) == 0:
	case t.Command == nil:
		v.add(at, "task %q has artifacts, but no command that could write them: remove them", t.Name)
	case t.SSH != nil:
		v.add(at, "task %q has artifacts, but its command writes on another machine: fetch them in a task of the worker, with scp or the like", t.Name)
	case len(t.Artifacts) > artifactRulesMax:
		v.add(at, "task %q has %d artifacts, but may name at most %d: use patterns such as out/*.csv", t.Name, len(t.Artifacts), artifactRulesMax)
	default:
		v.artifactRules(at, t)
	}
	v.artifactInputs(t, known, index)
}

func (v *validator) artifactRules(at []string, t *Task) {
	seen := map[ArtifactRule]bool{}
	names := map[string]bool{}
	for i, rule := range t.Artifacts {
		at := sub(at, strconv.Itoa(i))
		pattern, err := ParseArtifactPath(rule.Path)
		switch {
		case err != nil:
			v.add(at, "artifact %s: %v", show(rule.Path), err)
			continue
		case t.Container != nil && pattern.Base == ArtifactsOfScratch:
			v.add(at, "artifact %s: a container has no %s: write to $%s", show(rule.Path), ArtifactsOfScratch, ArtifactsOfRunDir)
		case t.Container != nil && pattern.Base == ArtifactsOfDir && !t.Container.mountsFolder():
			v.add(at, "artifact %s: the working directory is not in the container: write to $%s, or mount it, such as with mounts: [\".:/work\"] and workdir: /work",
				show(rule.Path), ArtifactsOfRunDir)
		case seen[ArtifactRule{Path: rule.Path}]:
			v.add(at, "artifact %s is here twice: remove one", show(rule.Path))
		}
		seen[ArtifactRule{Path: rule.Path}] = true
		if rule.Name == "" {
			continue
		}
		if err := CheckArtifactName(rule.Name); err != nil {
			v.add(sub(at, "name"), "name of artifact %s: %v", show(rule.Name), err)
		}
		if !pattern.IsPlain() {
			v.add(sub(at, "name"), "name %s would be that of every file that %s matches: remove it, or name one file", show(rule.Name), show(rule.Path))
		}
		if names[rule.Name] {
			v.add(sub(at, "name"), "name %s is that of another artifact: choose another one", show(rule.Name))
		}
		names[rule.Name] = true
	}
}

func (v *validator) artifactInputs(t *Task, known []string, index map[string]int) {
	at := sub(taskPath(t), "inputs")
	switch {
	case len(t.Inputs) == 0:
		return
	case t.Command == nil:
		v.add(at, "task %q has inputs, but no command that could read them: remove them", t.Name)
	case t.SSH != nil:
		v.add(at, "task %q has inputs, but its command reads on another machine: send them there in a task of the worker, with scp or the like", t.Name)
	case len(t.Inputs) > artifactInputsMax:
		v.add(at, "task %q has inputs of %d tasks, but may have those of at most %d", t.Name, len(t.Inputs), artifactInputsMax)
		return
	}
	for i, name := range t.Inputs {
		at := sub(at, strconv.Itoa(i))
		up, ok := index[name]
		switch {
		case !ok:
			v.add(at, "task %q takes the artifacts of unknown task %s%s", t.Name, show(name), v.suggest(name, known))
		case slices.Contains(t.Inputs[:i], name):
			v.add(at, "task %q takes the artifacts of %q twice: remove one", t.Name, name)
		case name == t.Name:
			v.add(at, "task %q takes its own artifacts: it finds its files where it has left them", t.Name)
		case len(v.d.Tasks[up].Artifacts) == 0:
			v.add(at, "task %q takes the artifacts of %q, which has none: add artifacts to it", t.Name, name)
		}
	}
}
