package reference

import "github.com/sauravritesh63/miniairflow"

func taskMap() Map {
	keys := append(taskOrder(), taskItems()...)
	keys = append(keys, taskParts()...)
	keys = append(keys, taskActions()...)
	keys = append(keys, taskFiles()...)
	keys = append(keys, moreActions()...)
	keys = append(keys, taskLimits()...)
	keys = append(keys, taskNotices()...)
	return Map{
		Name: "task", Table: "taskFields", NeedsA: append(actionNames(keys), "template"),
		Intro: "An entry of the workflow's `tasks` or `finally`. It has exactly one action, of its own or of its `template`.",
		Keys:  append(keys, taskPlaces()...),
	}
}

func actionNames(keys []Key) []string {
	var names []string
	for _, key := range keys {
		if key.IsAction {
			names = append(names, key.Name)
		}
	}
	return names
}

// taskOrder are the keys that say when a task runs.
func taskOrder() []Key {
	return []Key{
		{
			Name: "description", Absent: "none", Type: text(),
			Text:    "One line that says what it does.",
			Sample:  "Fetches the orders",
			Example: "tasks:\n  fetch:\n    description: Fetches the orders\n    command: echo hello\n",
		},
		{
			Name: "depends_on", Absent: "none: it starts with the run", Type: oneOrList("task, or list of tasks", named("task", miniairflow.TaskNamePattern())),
			Text:    "The tasks that it waits for. Those of `finally` wait for all others anyway and name only each other.",
			Sample:  "[extract, transform]",
			Example: "tasks:\n  extract: {command: echo extract}\n  load: {command: echo load, depends_on: [extract]}\n",
		},
		{
			Name: "trigger_rule", Default: "all_success", Type: word(miniairflow.TriggerRules), InDefaults: true,
			Text:    "Which ends of the tasks in `depends_on` let it run. `upstream_failed` and `cancelled` count as failed, a failure with `allow_failure` as a success.",
			Sample:  "all_done",
			Example: "tasks:\n  load: {command: echo load}\n  report:\n    depends_on: [load]\n    trigger_rule: all_done\n    command: echo \"also after a failure\"\n",
		},
		{
			Name: "depends_on_past", Default: "false", Type: boolean(),
			Text: "`true`: in a scheduled run it also waits until the same task of the scheduled run before, by logical date, was a success or skipped. It waits as `pending`, and holds nothing but a place in " +
				"`max_active_runs`. Without such a run or task, and in runs that people start, it waits for nothing. Not for tasks of `finally`.",
			Sample:  "true",
			Example: "schedule: \"@daily\"\ntasks:\n  load: {command: echo load, depends_on_past: true}\n",
		},
		{
			Name: "when", Absent: "it runs", Type: template("one `${{ … }}` of a boolean"), Reads: readsUpstream,
			Text:    "A condition; if it is false the task is skipped. It is computed when the task's turn has come. One that reads nothing of the run is an error, but for `true` and `false` alone.",
			Sample:  `"${{ params.full }}"`,
			Example: "params: {full: false}\ntasks:\n  quick: {command: echo quick}\n  thorough:\n    when: \"${{ params.full }}\"\n    command: echo thorough\n",
		},
	}
}

// taskActions are the keys that say what a task does and with what.
func taskActions() []Key {
	return []Key{
		{
			Name: "command", IsAction: true, Absent: "the task has another action", Type: either("text, or list of texts", Type{schema: map[string]any{"type": scalarTypes, "minLength": 1}}, listOf(text(), 1)),
			Reads:   readsUpstream + ". In items of a list only, never in text for a shell",
			Text:    "A text goes to the shell; a list is a program and its arguments, executed as it is.",
			Sample:  "echo hello",
			Example: "tasks:\n  script:\n    command: |\n      echo \"one line\"\n      echo \"and another\"\n  program:\n    command: [echo, \"run ${{ run.number }}\"]\n",
		},
		{
			Name: "noop", IsAction: true, Default: "false", Type: boolean(),
			Text:    "`true`: it executes nothing and joins others, so that those after it need to name one task only.",
			Sample:  "true",
			Example: "tasks:\n  a: {command: echo a}\n  b: {command: echo b}\n  ready: {noop: true, depends_on: [a, b]}\n",
		},
		{
			Name: "shell", Default: "bash", Type: word([]string{"bash", "sh"}), InDefaults: true,
			Text:    "What runs a `command` that is text: `bash --noprofile --norc -eo pipefail -c`, or `sh -e -c`.",
			Sample:  "sh",
			Example: "tasks:\n  small: {shell: sh, command: echo hello}\n",
		},
		{
			Name: "working_dir", Absent: "the folder of the workflow's file", Type: text(), InDefaults: true,
			Text:    "Where the command starts: a path below the folder of the workflow's file.",
			Sample:  "scripts",
			Example: "tasks:\n  here: {command: pwd, working_dir: .}\n",
		},
		{
			Name: "env", Absent: "none", Type: environment(), Reads: readsUpstream, InDefaults: true,
			Text:    "Environment variables, over those of the workflow and of `defaults`. The way for values into a script: `\"$NAME\"` is always safe.",
			Sample:  `{REGION: "${{ params.region }}"}`,
			Example: "params: {region: eu}\ntasks:\n  load:\n    env: {REGION: \"${{ params.region }}\"}\n    command: echo \"$REGION\"\n",
		},
		{
			Name: "secrets", Absent: "none", Type: either("list of names, or map of variables to names", oneOrList("", text()), mapOf("", miniairflow.IdentifierPattern(), text())),
			Text:    "Secrets that its command gets as environment variables: each under its own name, or under the one that a map gives it. They are set by `miniairflow secrets set`, or given to `run` with `--secrets-file`, and hidden in logs and outputs. An `http` request has them as `${{ secrets.NAME }}` in its headers and body.",
			Sample:  "[API_TOKEN]",
			Example: "tasks:\n  fetch:\n    secrets: [API_TOKEN]\n    command: test -n \"$API_TOKEN\"\n",
		},
		{
			Name: "stdin", Absent: "empty", Type: text(), Reads: readsUpstream,
			Text:    "Text for standard input.",
			Sample:  "three lines",
			Example: "tasks:\n  sort:\n    stdin: |\n      pears\n      apples\n    command: [sort]\n",
		},
		{
			Name: "outputs", Absent: "none declared", Type: mapOf("map of names to types or [maps](#output)", miniairflow.IdentifierPattern(), either("", word(miniairflow.OutputTypes), block("output"))),
			Text:    "What the task hands on, by name, with types. It writes `name=value` lines to the file `$MINIAIRFLOW_OUTPUT`; the values are checked when it ends. Those that are not declared are text. A task that runs a workflow has the outputs of that.",
			Sample:  "{rows: integer}",
			Example: "tasks:\n  count:\n    command: echo \"rows=3\" >> \"$MINIAIRFLOW_OUTPUT\"\n    outputs: {rows: integer}\n  load:\n    depends_on: [count]\n    when: \"${{ tasks.count.outputs.rows > 0 }}\"\n    command: echo load\n",
		},
	}
}

// taskLimits are the keys that say what happens when things go wrong or last long.
func taskLimits() []Key {
	return []Key{
		{
			Name: "retry", Absent: "none", Type: either("number of tries after the first one, 0 to 100, or [map](#retry)", integer(0, miniairflow.RetryCountMax), block("retry")), InDefaults: true,
			Text:    "Whether and when a failure is tried again. Without more than a number the delays are 1 s, 2 s, 4 s … up to 30 s.",
			Sample:  "3",
			Example: "tasks:\n  fetch: {command: echo hello, retry: 3}\n",
		},
		{
			Name: "timeout", Absent: "none", Type: duration(), InDefaults: true,
			Text:    "How long each attempt may take. Then its whole process tree is ended.",
			Sample:  "10m",
			Example: "tasks:\n  fetch: {command: echo hello, timeout: 10m}\n",
		},
		{
			Name: "deadline", Absent: "none", Type: deadline(),
			Text:    "By when the task should be over, as that of the [workflow](#workflow). One that is not over then is marked as late, even if it or its run has not started; it goes on.",
			Sample:  `"+30m"`,
			Example: "tasks:\n  fetch: {command: echo hello, deadline: \"+30m\"}\n",
		},
		{
			Name: "allow_failure", Default: "false", Type: boolean(),
			Text:    "`true`: its failure counts as a success, for the run and for the tasks after it.",
			Sample:  "true",
			Example: "tasks:\n  check: {command: exit 3, allow_failure: true}\n  load: {command: echo load, depends_on: [check]}\n",
		},
		{
			Name: "on_lost", Default: "retry", Type: orEmpty(word(miniairflow.OnLosts)), InDefaults: true,
			Text:    "What happens when its worker is lost and nobody knows how far it came: it is queued again, at most twice, or fails at once.",
			Sample:  "fail",
			Example: "tasks:\n  pay: {command: echo paid, on_lost: fail}\n",
		},
	}
}

// taskPlaces are the keys that say where a task runs and in which order.
func taskPlaces() []Key {
	return []Key{
		{
			Name: "priority", Default: "normal", Type: word(miniairflow.Priorities), InDefaults: true,
			Text:    "Which of the tasks that wait for a worker goes first; within one priority, who came first.",
			Sample:  "high",
			Example: "tasks:\n  soon: {command: echo soon, priority: high}\n  later: {command: echo later, priority: low}\n",
		},
		{
			Name: "queue", Default: "default", Type: named("name", miniairflow.NamePattern()), InDefaults: true,
			Text:    "The workers that take it: those that serve this queue (`--queues`).",
			Sample:  "gpu",
			Example: "tasks:\n  train: {command: echo train, queue: gpu}\n",
		},
		{
			Name: "queue_timeout", Absent: "none", Type: duration(), InDefaults: true,
			Text:    "How long it may be ready to run without a worker or a place in its pool. Then it fails without an attempt, and `retry` does not apply.",
			Sample:  "30m",
			Example: "tasks:\n  train: {command: echo train, queue: gpu, queue_timeout: 30m}\n",
		},
		{
			Name: "pool", Absent: "none", Type: orEmpty(named("name", miniairflow.NamePattern())), InDefaults: true,
			Text:    "The pool whose slots it holds while it runs. Pools are shared by all workflows and declared in [`pools.yaml`](#pool).",
			Sample:  "warehouse",
			Example: "tasks:\n  load: {command: echo load, pool: warehouse}\n",
		},
		{
			Name: "pool_slots", Absent: "1 with a `pool`", Type: integer(1, miniairflow.PoolSlotsMax), InDefaults: true,
			Text:    "How many slots of its pool it holds.",
			Sample:  "3",
			Example: "tasks:\n  rebuild: {command: echo rebuild, pool: warehouse, pool_slots: 3}\n",
		},
	}
}

func retryMap() Map {
	return Map{
		Name: "retry", Table: "retryFields",
		Intro: "The `retry` of a task or of `defaults`, where a number alone is not enough.",
		Keys: []Key{
			{
				Name: "count", Absent: "that of `defaults`", Type: integer(0, miniairflow.RetryCountMax),
				Text:    "How many tries there are after the first one.",
				Sample:  "3",
				Example: "tasks:\n  fetch:\n    retry: {count: 3}\n    command: echo hello\n",
			},
			{
				Name: "delay", Absent: "1 s, 2 s, 4 s … up to 30 s", Type: duration(),
				Text:    "How long a try waits after the failure before it, at least `1ms`. Alone it stays the same for every try.",
				Sample:  "10s",
				Example: "tasks:\n  fetch:\n    retry: {count: 3, delay: 10s}\n    command: echo hello\n",
			},
			{
				Name: "backoff", Absent: "`constant` with a `delay`, else `exponential`", Type: orEmpty(word(miniairflow.Backoffs)),
				Text:    "How the delay grows: not at all, or twice as long each time.",
				Sample:  "exponential",
				Example: "tasks:\n  fetch:\n    retry: {count: 5, delay: 2s, backoff: exponential}\n    command: echo hello\n",
			},
			{
				Name: "max_delay", Absent: "1 h with a `delay` that grows, 30 s without a `delay`", Type: duration(),
				Text:    "What a delay that grows stops at; not less than `delay`.",
				Sample:  "5m",
				Example: "tasks:\n  fetch:\n    retry: {count: 9, delay: 2s, backoff: exponential, max_delay: 5m}\n    command: echo hello\n",
			},
			{
				Name: "jitter", Default: "false", Type: boolean(),
				Text:    "`true`: each delay is between half and all of what it would be, so that tasks that fail together do not come back together.",
				Sample:  "true",
				Example: "tasks:\n  fetch:\n    retry: {count: 3, delay: 10s, jitter: true}\n    command: echo hello\n",
			},
			{
				Name: "on_exit_codes", Absent: "any", Type: oneOrList("exit code, 1 to 255, or list of these", integer(1, miniairflow.ExitCodeMax)),
				Text:    "The only exit codes that are tried again.",
				Sample:  "[75]",
				Example: "tasks:\n  fetch:\n    retry: {count: 3, on_exit_codes: [75]}\n    command: echo hello\n",
			},
			{
				Name: "never_on_exit_codes", Absent: "none", Type: oneOrList("exit code, 1 to 255, or list of these", integer(1, miniairflow.ExitCodeMax)),
				Text:    "Exit codes that fail the task at once.",
				Sample:  "[2]",
				Example: "tasks:\n  fetch:\n    retry: {count: 3, never_on_exit_codes: [2]}\n    command: echo hello\n",
			},
			{
				Name: "on_timeout", Default: "true", Type: boolean(),
				Text:    "`false`: an attempt that took longer than the task's `timeout` is not tried again.",
				Sample:  "false",
				Example: "tasks:\n  fetch:\n    timeout: 10m\n    retry: {count: 3, on_timeout: false}\n    command: echo hello\n",
			},
		},
	}
}

func poolMap() Map {
	return Map{
		Name: "pool", Table: "poolFields", Needs: []string{"slots"}, IsFile: true,
		Intro: "An entry of `dags/pools.yaml`, a file beside the workflows: a map of pools by name, each with its number of slots or with this map.",
		Keys: []Key{
			{
				Name: "slots", Type: integer(0, miniairflow.PoolSlotsMax),
				Text:    "How many slots its tasks share. With 0 none of them starts. Needed.",
				Sample:  "4",
				Example: "# dags/pools.yaml\nwarehouse: 4\ngraphics: {slots: 2}\n",
			},
			{
				Name: "description", Absent: "none", Type: text(),
				Text:    "What it stands for.",
				Sample:  "Connections to the warehouse",
				Example: "# dags/pools.yaml\nwarehouse:\n  slots: 4\n  description: Connections to the warehouse\n",
			},
		},
	}
}
