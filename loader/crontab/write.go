package crontab

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// entry is a line that becomes a workflow.
type entry struct {
	line        int
	source      string
	name        string
	description string
	cron        string // empty: none
	zone        string
	env         map[string]string
	shell       string
	script      string
	stdin       string
}

// cutPercent splits a command at the first % that has no backslash: what follows
// is its standard input, with a line end for each further one.
func cutPercent(command string) (script, stdin string) {
	var parts []string
	var part strings.Builder
	for i := 0; i < len(command); i++ {
		switch {
		case command[i] == '\\' && i+1 < len(command) && command[i+1] == '%':
			part.WriteByte('%')
			i++
		case command[i] == '%':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(command[i])
		}
	}
	parts = append(parts, part.String())
	if len(parts) == 1 {
		return parts[0], ""
	}
	stdin = strings.Join(parts[1:], "\n")
	if stdin != "" && !strings.HasSuffix(stdin, "\n") {
		stdin += "\n"
	}
	return parts[0], stdin
}

// write returns the workflow file of the entry.
func (e *entry) write() ([]byte, error) {
	root := newMap()
	root.add("name", text(e.name))
	if e.description != "" {
		root.add("description", text(e.description))
	}
	if e.cron != "" {
		schedule := newMap()
		schedule.Style = yaml.FlowStyle
		schedule.add("cron", quoted(e.cron))
		if e.zone != "" {
			schedule.add("timezone", text(e.zone))
		}
		schedule.add("catchup", text("none")) // cron makes up for nothing
		root.add("schedule", schedule.Node)
	}
	if len(e.env) > 0 {
		env := newMap()
		for _, name := range slices.Sorted(maps.Keys(e.env)) {
			env.add(name, quoted(escaped(e.env[name])))
		}
		root.add("env", env.Node)
	}
	task := newMap()
	task.add("shell", text(e.shell))
	task.add("command", literal(e.commands()))
	if e.stdin != "" {
		task.add("stdin", literal(escaped(e.stdin)))
	}
	tasks := newMap()
	tasks.add("run", task.Node)
	root.add("tasks", tasks.Node)

	var out bytes.Buffer
	fmt.Fprintf(&out, "# Line %d of a crontab: %s\n\n", e.line, e.source)
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(root.Node); err != nil {
		return nil, fmt.Errorf("write workflow: %w", err)
	}
	return out.Bytes(), encoder.Close()
}

var (
	redirection = regexp.MustCompile(`[0-9]*>&[0-9-]+|&>>?|<&[0-9-]+`)
	compound    = regexp.MustCompile("[;|&\n`]|\\$\\(")
)

// commands returns the script: in the home directory, where cron starts it, and to
// its end as with cron where it has several commands.
func (e *entry) commands() string {
	script := "cd \"$HOME\"\n"
	if compound.MatchString(redirection.ReplaceAllString(e.script, "")) {
		switch e.shell {
		case "bash":
			script += "set +e +o pipefail   # as with cron, which goes on after a failure\n"
		default:
			script += "set +e   # as with cron, which goes on after a failure\n"
		}
	}
	return script + strings.TrimRight(e.script, " \t") + "\n"
}

// escaped returns text that is no template.
func escaped(text string) string { return strings.ReplaceAll(text, "${{", "$${{") }

// mapNode is a YAML map that is being written.
type mapNode struct{ *yaml.Node }

func newMap() mapNode { return mapNode{&yaml.Node{Kind: yaml.MappingNode}} }

func (m mapNode) add(key string, value *yaml.Node) { m.Content = append(m.Content, text(key), value) }

func text(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

func quoted(value string) *yaml.Node {
	n := text(value)
	n.Style = yaml.DoubleQuotedStyle
	return n
}

func literal(value string) *yaml.Node {
	n := text(value)
	n.Style = yaml.LiteralStyle
	return n
}
