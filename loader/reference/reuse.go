package reference

import (
	"strings"

	"github.com/sauravritesh63/miniairflow"
)

// workflowParts are the keys of a workflow that bring in other files, or order its
// tasks.
func workflowParts() []Key {
	return []Key{
		{
			Name: "env_file", Absent: "none", Type: oneOrList("path, or list of paths", text()),
			Text:    "Files of `KEY=value` lines beside the workflow's file, read when it is loaded. The variables of `env` win over theirs, and a later file over an earlier one.",
			Sample:  "[.env]",
			Example: "env_file: []    # such as [.env, more.env]\ntasks:\n  load: {command: echo hello}\n",
		},
		{
			Name: "files", Absent: "none: tasks run in the folder of the workflow's file", Type: oneOrList("path or pattern, or list of these", text()),
			Text:    "Files beside the workflow's file, or in folders below it, that are stored with each version: `*` and `?` stand for what is in a name, `**` for any number of folders. Every attempt, on whatever worker, runs in a folder of its own with copies of them, as they were when the version was made. Up to 1,000 files with 10 MiB together.",
			Sample:  "[scripts/**]",
			Example: "files: []    # such as [scripts/**, sql/*.sql]\ntasks:\n  load: {command: echo hello}\n",
		},
		{
			Name: "groups", Absent: "none", Type: mapOf("map of names to [groups](#group)", miniairflow.TaskNamePattern(), either("", block("group"), nothing())),
			Text:    "Groups of tasks by name. A `depends_on` may name a group, which means its last tasks; what a group depends on its first tasks depend on.",
			Sample:  "{load: {depends_on: [extract]}}",
			Example: "groups:\n  load: {depends_on: [extract]}\ntasks:\n  extract: {command: echo extract}\n  orders: {command: echo orders, group: load}\n  items: {command: echo items, group: load}\n  report: {command: echo report, depends_on: [load]}\n",
		},
	}
}

// taskParts are the keys by which a task joins others, or takes its keys from a file.
func taskParts() []Key {
	return []Key{
		{
			Name: "group", Absent: "none", Type: orEmpty(named("name", miniairflow.TaskNamePattern())),
			Text:    "The one of the workflow's `groups` that it belongs to.",
			Sample:  "load",
			Example: "groups: {load: {description: Everything into the warehouse}}\ntasks:\n  orders: {command: echo orders, group: load}\n  items: {command: echo items, group: load}\n",
		},
		{
			Name: "template", Absent: "none", Type: orEmpty(named("name", miniairflow.NamePattern())),
			Text:    "The [template](#template-file) whose keys it takes: `templates/NAME.yaml` beside the workflow's file or in a folder above it. The task's own keys win. `inputs` are the values of the template's inputs.",
			Sample:  "load",
			Example: "# With dags/templates/load.yaml\ntasks:\n  orders: {template: load, inputs: {table: orders}}\n",
		},
	}
}

func groupMap() Map {
	return Map{
		Name: "group", Table: "groupFields",
		Intro: "An entry of the workflow's `groups`. One without any key may have nothing below it.",
		Keys: []Key{
			{
				Name: "description", Absent: "none", Type: text(),
				Text: "What its tasks do together.", Sample: "Everything into the warehouse",
				Example: "groups: {load: {description: Everything into the warehouse}}\ntasks:\n  orders: {command: echo orders, group: load}\n",
			},
			{
				Name: "depends_on", Absent: "none", Type: oneOrList("task, group, or list of these", named("name", miniairflow.TaskNamePattern())),
				Text: "What those of its tasks wait for that depend on no other task of it.", Sample: "[extract]",
				Example: "groups: {load: {depends_on: [extract]}}\ntasks:\n  extract: {command: echo extract}\n  orders: {command: echo orders, group: load}\n",
			},
		},
	}
}

const folderExample = "# dags/defaults.yaml\nowner: data-team\ntimezone: Europe/Berlin\ntimeout: 1h\nretry: {count: 2, delay: 10s}\n"

func folderMap() Map {
	m := Map{
		Name: "defaults file", Table: "folderFields", IsFile: true,
		Intro: "The root of `defaults.yaml`, for all workflows in its folder and below: the keys of [`defaults`](#defaults), and some of the workflow. `on_success`, `on_failure`, `on_retry`, `on_cancel` and `on_late` are here those of workflows, not of tasks. The nearest folder wins key by key, and a workflow's own `defaults` over all of them.",
		Keys: []Key{
			{
				Name: "owner", Absent: "none", Type: text(),
				Text: "Who answers for the workflows that do not say it.", Sample: "data-team", Example: folderExample,
			},
			{
				Name: "timezone", Absent: "UTC", Type: quoted("IANA name"),
				Text: "The zone of the schedules that name none.", Sample: "Europe/Berlin", Example: folderExample,
			},
		},
	}
	for _, key := range defaultsMap().Keys {
		key.Example = "# dags/defaults.yaml\n" + key.Name + ": " + key.Sample + "\n"
		if key.Name == "pool_slots" {
			key.Example += "pool: warehouse\n"
		}
		if strings.HasPrefix(key.Name, "on_") && key.Name != "on_lost" {
			key = folderNotice(key)
		}
		m.Keys = append(m.Keys, key)
	}
	return m
}

const templateExample = `# dags/templates/load.yaml
inputs:
  table: {type: string}
  rows: {type: integer, default: 1000}
command: echo "load $ROWS rows of $TABLE"
env: {TABLE: "${{ inputs.table }}", ROWS: "${{ inputs.rows }}"}
`

func templateMap() Map {
	m := Map{
		Name: "template file", Table: "templateFields", IsFile: true,
		Intro: "The root of `templates/NAME.yaml`: the keys of a [task](#task), with the `inputs` that it needs.",
	}
	for _, key := range taskMap().Keys {
		key.Example = templateExample
		switch key.Name {
		case "inputs":
			key.Type, key.Absent, key.Reads = mapOf("map of names to values or [maps](#param)", miniairflow.IdentifierPattern(), either("", text(), block("param"))), "none", ""
			key.Text, key.Sample = "What a task that uses it has to give, declared as `params` are.", "{table: {type: string}}"
		case "template":
			key.Text = "Not allowed: a template uses no other one."
		}
		m.Keys = append(m.Keys, key)
	}
	return m
}
