package expression

import (
	"slices"
	"strconv"
	"strings"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

func (c *checker) task(i int) {
	t := &c.d.Tasks[i]
	path := func(keys ...string) []string { return append(pathOf(t), keys...) }
	c.forbid(path(), "a name", t.Name)
	for place, name := range t.DependsOn {
		c.forbid(path("depends_on", strconv.Itoa(place)), "depends_on", name)
	}
	c.forbid(path("trigger_rule"), "trigger_rule", string(t.TriggerRule))
	c.forbid(path("queue"), "queue", t.Queue)
	c.forbid(path("pool"), "pool", t.Pool)
	c.forbid(path("working_dir"), "working_dir", t.WorkingDir)
	if t.SSH != nil {
		c.forbid(path("ssh", "key"), "ssh.key", t.SSH.Key)
		c.forbid(path("ssh", "known_hosts"), "ssh.known_hosts", t.SSH.KnownHosts)
		c.forbid(path("ssh", "dir"), "ssh.dir", t.SSH.Dir)
	}
	if t.Container != nil {
		for place, mount := range t.Container.Mounts {
			c.forbid(path("container", "mounts", strconv.Itoa(place)), "container.mounts", mount)
		}
		c.forbid(path("container", "workdir"), "container.workdir", t.Container.Workdir)
	}
	if t.Wait != nil && t.Wait.Run != nil {
		c.forbid(path("wait", "run", "workflow"), "wait.run.workflow", t.Wait.Run.Workflow)
		c.forbid(path("wait", "run", "task"), "wait.run.task", t.Wait.Run.Task)
	}
	if t.Workflow != nil {
		c.forbid(path("workflow", "name"), "the name of a workflow", t.Workflow.Name)
	}
	if t.Approval != nil {
		for _, p := range t.Approval.Fields {
			if text, ok := p.Default.(string); ok {
				c.forbid(path("approval", "fields", p.Name, "default"), "a field of an approval", text)
			}
		}
	}
	c.notices(path(), i, t.Notify)
	c.forEach(i)
	c.inputs(i)
	if t.When != "" {
		before := len(c.problems)
		c.condition(site{path: path("when"), name: "when", params: true, task: i}, t.When)
		if len(c.problems) == before {
			c.answers(i, path("when"))
		}
	}
	script := c.scripts(t)
	for _, template := range t.Templates() {
		if !strings.Contains(template.Text, opening) || slices.Equal(template.Path, script) {
			continue
		}
		c.template(site{path: path(template.Path...), name: template.Path[0], params: true, task: i}, template.Text)
	}
}

// forEach checks the lists of a task with for_each, and its key.
func (c *checker) forEach(i int) {
	t := &c.d.Tasks[i]
	if t.ForEach == nil {
		return
	}
	path := func(keys ...string) []string { return append(pathOf(t), keys...) }
	for _, template := range t.ForEach.Templates() {
		c.template(site{path: path(template.Path...), name: "for_each", params: true, task: i}, template.Text)
	}
	c.template(site{path: path("key"), name: "key", params: true, task: i}, t.ForEach.Key)
}

// pathOf returns the path of a task in the file.
func pathOf(t *miniairflow.Task) []string {
	if t.Finally {
		return []string{"finally", t.Name}
	}
	return []string{"tasks", t.Name}
}

// scripts checks the shell text of a task. It returns the path of the argument
// that is such text, below the task; nil if none is.
func (c *checker) scripts(t *miniairflow.Task) []string {
	command, key := t.Runs(), []string{"command"}
	if command == nil {
		return nil
	}
	if t.Wait != nil {
		key = []string{"wait", "command"}
	}
	at := append(pathOf(t), key...)
	c.script(at, command.Script)
	place := scriptWord(command.Argv)
	if place < 0 {
		return nil
	}
	word := strconv.Itoa(place)
	c.script(append(at, word), command.Argv[place])
	return append(key, word)
}
