package reference

import "github.com/sauravritesh63/miniairflow"

// What ${{ }} may read in the places that take it.
const (
	readsRun      = "`run`"
	readsParams   = "`params`, `run`"
	readsUpstream = "`params`, `run`, `env` (but in `when`), `tasks.<name>` of tasks upstream; in `finally` of all tasks"
)

func workflowMap() Map {
	return Map{
		Name: "workflow", Table: "workflowFields", Needs: []string{"tasks"},
		Intro: "The root of a workflow file. Several documents of one file, separated by `---`, are several workflows.",
		Keys: append(append(append(workflowFacts(), workflowParts()...), workflowNotices()...),
			Key{
				Name: "schedule", Absent: "none: runs start by hand", Type: schedules(),
				Text:    "When runs start by themselves: a cron expression of five fields, a map, or a list of both.",
				Sample:  `"0 2 * * *"`,
				Example: "schedule:\n  - \"0 6 * * 1-5\"\n  - {cron: \"0 9 * * sat\", timezone: Europe/Berlin}\ntasks:\n  report: {command: echo hello}\n",
			},
			Key{
				Name: "triggers", Absent: "nothing else starts runs", Type: block("triggers"),
				Text:    "What else starts runs: the end of runs of other workflows, requests, and files that arrive.",
				Sample:  "{after: extract}",
				Example: "triggers: {after: extract}\ntasks:\n  report: {command: echo hello}\n",
			},
			Key{
				Name: "max_active_runs", Default: "1", Type: integer(1, 0),
				Text:    "How many runs of this workflow run at a time; others wait. Runs that tasks of other workflows start (`workflow`) are not counted.",
				Sample:  "4",
				Example: "max_active_runs: 4\ntasks:\n  load: {command: echo hello}\n",
			},
			Key{
				Name: "max_active_tasks", Default: "16", Type: integer(1, 0),
				Text:    "How many tasks of one run are queued or running at a time.",
				Sample:  "2",
				Example: "max_active_tasks: 2\ntasks:\n  a: {command: echo a}\n  b: {command: echo b}\n  c: {command: echo c}\n",
			},
			Key{
				Name: "timeout", Absent: "none", Type: duration(),
				Text:    "How long a run may take from its start. Then its tasks are ended, those of `finally` run, and the run fails.",
				Sample:  "2h",
				Example: "timeout: 2h\ntasks:\n  load: {command: echo hello}\n",
			},
			Key{
				Name: "deadline", Absent: "none", Type: deadline(),
				Text: "By when a run should be over: at a time of day on or after its logical date, by the clocks of its schedule (runs of schedules only), or so long after it may start; `usual`: when it takes twice as long as the latest successful runs. " +
					"A run that is not over then is marked as late, even if it has not started; it goes on.",
				Sample:  `"06:00"`,
				Example: "schedule: {cron: \"0 2 * * *\", timezone: Europe/Berlin}\ndeadline: \"06:00\"\ntasks:\n  load: {command: echo hello}\n",
			},
			Key{
				Name: "fail_fast", Default: "false", Type: boolean(),
				Text: "`true`: the first task that fails for good ends the run, which fails. What has not started is cancelled, what runs is ended, and the tasks of `finally` run. " +
					"So does a task that somebody marks as failed, an approval that is rejected, and an item of `for_each`. A task with `allow_failure` ends nothing.",
				Sample:  "true",
				Example: "fail_fast: true\ntasks:\n  orders: {command: echo orders}\n  items: {command: echo items}\n",
			},
			Key{
				Name: "params", Absent: "none", Type: mapOf("map of names to values or [maps](#param)", miniairflow.IdentifierPattern(), either("", text(), block("param"))),
				Reads:   readsRun + ", in defaults",
				Text:    "Typed inputs of a run, checked before it exists. A default alone is enough where it shows its type.",
				Sample:  "{region: eu}",
				Example: "params:\n  region: {type: string, enum: [eu, us], default: eu}\n  limit: 100\ntasks:\n  load:\n    env: {REGION: \"${{ params.region }}\", LIMIT: \"${{ params.limit }}\"}\n    command: echo \"$REGION $LIMIT\"\n",
			},
			Key{
				Name: "env", Absent: "none", Type: environment(), Reads: readsParams,
				Text:    "Environment of every task. A value keeps the text that the file has: `0755` stays `0755`.",
				Sample:  "{STAGE: production}",
				Example: "env: {STAGE: production, MODE: 0755}\ntasks:\n  show: {command: 'echo \"$STAGE $MODE\"'}\n",
			},
			Key{
				Name: "defaults", Absent: "none", Type: block("defaults"),
				Text:    "What all tasks start from; a task's own keys win one by one.",
				Sample:  "{timeout: 30m}",
				Example: "defaults: {timeout: 30m, retry: 2}\ntasks:\n  load: {command: echo hello}\n",
			},
			workflowOutputs(),
			Key{
				Name: "tasks", Type: notEmpty(tasks()),
				Text:    "The tasks by name, in the order in which pages show them; `depends_on` alone says which comes first. Needed: at least one.",
				Sample:  "{hello: {command: echo hello}}",
				Example: "tasks:\n  hello:\n    command: echo hello\n  goodbye:\n    depends_on: [hello]\n    command: echo goodbye\n",
			},
			Key{
				Name: "finally", Absent: "none", Type: tasks(),
				Text:    "Tasks that run after all others, however these ended: after success, failure, the run's timeout and a cancellation alike. They depend on each other only.",
				Sample:  "{clean_up: {command: rm -f lock}}",
				Example: "tasks:\n  load: {command: echo hello}\nfinally:\n  tell:\n    when: \"${{ run.status == 'failed' }}\"\n    command: echo \"it failed\"\n",
			},
		),
	}
}

func workflowFacts() []Key {
	return []Key{
		{
			Name: "name", Absent: "the file's name; needed in further documents of a file", Type: named("name", miniairflow.NamePattern()),
			Text:    "Its name, unique over all files: up to 128 letters, digits, `_`, `.` and `-`, the first one a letter or a digit.",
			Sample:  "daily-orders",
			Example: "name: daily-orders\ntasks:\n  load: {command: echo hello}\n",
		},
		{
			Name: "description", Absent: "none", Type: text(),
			Text:    "One line that says what it is for, shown beside it.",
			Sample:  "Loads yesterday's orders",
			Example: "description: Loads yesterday's orders\ntasks:\n  load: {command: echo hello}\n",
		},
		{
			Name: "owner", Absent: "none", Type: text(),
			Text:    "Who answers for it, shown beside it.",
			Sample:  "data-team",
			Example: "owner: data-team\ntasks:\n  load: {command: echo hello}\n",
		},
		{
			Name: "tags", Absent: "none", Type: oneOrList("text, or list of texts", text()),
			Text:    "Words by which people find it.",
			Sample:  "[etl, orders]",
			Example: "tags: [etl, orders]\ntasks:\n  load: {command: echo hello}\n",
		},
		{
			Name: "docs", Absent: "none", Type: text(),
			Text:    "Markdown, shown beside the graph.",
			Sample:  "Ask **the data team**.",
			Example: "docs: |\n  # Orders\n\n  Ask **the data team** before you change it.\ntasks:\n  load: {command: echo hello}\n",
		},
		{
			Name: "is_active", Default: "true", Type: boolean(),
			Text:    "`false`: none of its runs starts, and [what makes them](triggers.md#workflows-that-stand-still) makes none, or such that wait. An operator's pause is a second fact, which no change of the file touches.",
			Sample:  "false",
			Example: "is_active: false\ntasks:\n  load: {command: echo hello}\n",
		},
	}
}

func schedules() Type {
	one := either("", quoted("cron expression"), block("schedule"))
	return oneOrList("cron expression, [map](#schedule), or list of these", one)
}

func tasks() Type {
	return mapOf("map of names to [tasks](#task)", miniairflow.TaskNamePattern(), block("task"))
}

func paramMap() Map {
	return Map{
		Name: "param", Table: "paramFields", NeedsA: []string{"type", "default", "enum"},
		Intro: "An entry of the workflow's `params`. One without a default must be given for each run; a workflow with a schedule needs a default for each.",
		Keys: []Key{
			{
				Name: "type", Absent: "what the default shows", Type: word(miniairflow.ParamTypes),
				Text:    "What values it takes. A `date` is written `2026-01-31`, a `datetime` as in RFC 3339, a `duration` as `1h30m`; an `enum` is one of the values of the key `enum`, and a `list` or an `object` is one of YAML, or JSON on a command line.",
				Sample:  "integer",
				Example: "params:\n  limit: {type: integer}\ntasks:\n  load:\n    env: {LIMIT: \"${{ params.limit }}\"}\n    command: echo \"$LIMIT\"\n",
			},
			{
				Name: "description", Absent: "none", Type: text(),
				Text:    "What it is for, shown beside its field in the form of a run.",
				Sample:  "Where to look",
				Example: "params:\n  region: {type: string, default: eu, description: Where to look}\ntasks:\n  load: {command: echo hello}\n",
			},
			{
				Name: "default", Absent: "none: it must be given, but with `required: false`", Type: anything("value of its type"), Reads: readsRun,
				Text:    "The value of runs that are given none.",
				Sample:  "eu",
				Example: "params:\n  region: {type: string, default: eu}\n  label: {type: string, default: \"run ${{ run.number }}\"}\ntasks:\n  load: {command: echo hello}\n",
			},
			{
				Name: "enum", Absent: "any value", Type: oneOrList("value, or list of values", text()),
				Text:    "The only values that are allowed, each of the param's type.",
				Sample:  "[eu, us]",
				Example: "params:\n  region: {type: string, enum: [eu, us], default: eu}\ntasks:\n  load: {command: echo hello}\n",
			},
			{
				Name: "required", Absent: "`true` without a default", Type: boolean(),
				Text:    "`false`: a run needs no value; without a default it is null then.",
				Sample:  "false",
				Example: "params:\n  limit: {type: integer, required: false}\ntasks:\n  load: {command: [echo, \"${{ params.limit ?? 100 }}\"]}\n",
			},
			{
				Name: "pattern", Absent: "any text", Type: text(),
				Text:    "A regular expression (RE2) that the whole text has to match; for a `string` only.",
				Sample:  "'[a-z_]+'",
				Example: "params:\n  table: {type: string, pattern: '[a-z_]+', default: orders}\ntasks:\n  load: {command: [echo, \"${{ params.table }}\"]}\n",
			},
			{
				Name: "minimum", Absent: "none", Type: text(),
				Text:    "The least value, of the param's type: for numbers, dates, datetimes and durations.",
				Sample:  "1",
				Example: "params:\n  rows: {type: integer, minimum: 1, default: 10}\ntasks:\n  load: {command: [echo, \"${{ params.rows }}\"]}\n",
			},
			{
				Name: "maximum", Absent: "none", Type: text(),
				Text:    "The greatest value, of the param's type.",
				Sample:  "100",
				Example: "params:\n  window: {type: duration, maximum: 7d, default: 1d}\ntasks:\n  load: {command: [echo, \"${{ params.window }}\"]}\n",
			},
		},
	}
}
