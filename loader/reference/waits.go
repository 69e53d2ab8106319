package reference

import "github.com/sauravritesh63/miniairflow"

func waitMap() Map {
	return Map{
		Name: "wait", Table: "waitFields", NeedsA: []string{"duration", "until", "file", "run", "http", "command"},
		Intro: "What a task waits for: exactly one of `duration`, `until`, `file`, `run`, `http` and `command`. The task's `timeout` counts from the first look.",
		Keys: []Key{
			{
				Name: "duration", Absent: "it waits for something else", Type: duration(),
				Text: "How long, from the start of the task. `wait: 10m` is short for `wait: {duration: 10m}`.", Sample: "10m",
				Example: "tasks:\n  rest: {wait: {duration: 1s}}\n",
			},
			{
				Name: "until", Absent: "it waits for something else", Type: text(), Reads: readsUpstream,
				Text: "A time as in RFC 3339.", Sample: "\"2026-01-31T06:00:00Z\"",
				Example: "tasks:\n  opened: {wait: {until: \"2026-01-31T06:00:00Z\"}}\n",
			},
			{
				Name: "file", Absent: "it waits for something else", Type: text(), Reads: readsUpstream,
				Text: "A file or folder that has to be there, below the working directory unless it is absolute, as a worker of the task's queue sees it.", Sample: "orders.csv",
				Example: "tasks:\n  folder: {wait: {file: .}}\n",
			},
			{
				Name: "stable_for", Absent: "being there is enough", Type: duration(),
				Text: "How long the size and the time of the `file` must not have changed.", Sample: "10s",
				Example: "tasks:\n  folder: {wait: {file: ., stable_for: 100ms}}\n",
			},
			{
				Name: "run", Absent: "it waits for something else", Type: either("name of a workflow, or [map](#wait-run)", named("name", miniairflow.NamePattern()), block("wait run")),
				Text: "A run of another workflow, or a task in it, that has to succeed. One that has failed is waited for on.", Sample: "ingest", Needs: aWorkflow,
				Example: "tasks:\n  ingested: {wait: {run: ingest}, timeout: 8h}\n",
			},
			{
				Name: "http", Absent: "it waits for something else", Type: block("http"), Reads: readsUpstream + ", in its values",
				Text: "A request: the wait is over with an expected answer; another one, and none, says not yet.", Sample: "{url: \"https://example.org/ready\"}", Needs: anAnswer,
				Example: "tasks:\n  up: {wait: {http: {url: \"https://example.org/ready\"}}, timeout: 10m}\n",
			},
			{
				Name: "command", Absent: "it waits for something else", Type: either("text, or list of texts", text(), listOf(text(), 1)), Reads: readsUpstream + ". In items of a list only",
				Text: "A short command: exit code 0 says that the wait is over, 1 not yet, any other that the task has failed.", Sample: "test -e ready",
				Example: "tasks:\n  ready: {wait: {command: test -d .}}\n",
			},
			{
				Name: "interval", Default: "30s", Type: duration(),
				Text: "How long to wait between two looks, at least `1s`; not for `duration` and `until`.", Sample: "5s",
				Example: "tasks:\n  folder: {wait: {file: ., interval: 5s}}\n",
			},
			{
				Name: "on_timeout", Default: "fail", Type: orEmpty(word(miniairflow.WaitOnTimeouts)),
				Text: "What the task's `timeout` does: it fails the attempt, which may be tried again, or skips the task.", Sample: "skip",
				Example: "tasks:\n  never: {wait: {file: no-such-file, on_timeout: skip}, timeout: 100ms}\n",
			},
		},
	}
}

func waitRunMap() Map {
	m := Map{
		Name: "wait run", Table: "waitRunFields", Needs: []string{"workflow"},
		Intro: "The run that a `wait` waits for.",
		Keys: []Key{
			{Name: "workflow", Type: named("name", miniairflow.NamePattern()), Text: "The name of the workflow. Needed.", Sample: "ingest"},
			{Name: "task", Absent: "the whole run", Type: orEmpty(named("name", miniairflow.TaskNamePattern())), Text: "The task in it that has to succeed.", Sample: "check"},
			{Name: "match", Default: "exact", Type: word(miniairflow.WaitMatches), Text: "Which run is meant: the one of the same logical date, any of the same day in UTC, or the latest one.", Sample: "same_day"},
		},
	}
	return withExample(m, "tasks:\n  ingested:\n    wait: {run: {workflow: ingest, task: check, match: same_day}}\n    timeout: 8h\n", aWorkflow)
}

func approvalMap() Map {
	m := Map{
		Name: "approval", Table: "approvalFields", Needs: []string{"message"},
		Intro: "What a task asks people. It is answered on the page, on the command line (`miniairflow runs approve RUN TASK`, `runs reject`) or with the mutation `answerApproval`.",
		Keys: []Key{
			{Name: "message", Type: text(), Reads: readsUpstream, Text: "The question. Needed.", Sample: "Load the orders?"},
			{Name: "fields", Absent: "none", Type: mapOf("map of names to values or [maps](#param)", miniairflow.IdentifierPattern(), either("", text(), block("param"))), Text: "What an approval has to fill in, declared as `params` are.", Sample: "{region: {type: string}}"},
			{
				Name: "approvers", Absent: "everybody may answer", Type: oneOrList("name or list of names", named("", miniairflow.TokenNamePattern())),
				Text:   "Whose tokens may answer, by name (`miniairflow tokens create NAME`). `api` is the server's own token.",
				Sample: "[ada@example.org, ops]",
			},
			{Name: "on_reject", Default: "fail", Type: orEmpty(word(miniairflow.WaitOnTimeouts)), Text: "What a rejection does: the task fails, or is skipped.", Sample: "skip"},
			{Name: "on_timeout", Default: "fail", Type: orEmpty(word(miniairflow.WaitOnTimeouts)), Text: "What the task's `timeout` does.", Sample: "skip"},
		},
	}
	return withExample(m, "tasks:\n  ok:\n    approval:\n      message: Load the orders?\n      fields: {region: {type: string, enum: [eu, us]}}\n      approvers: [ada@example.org, ops]\n      on_reject: skip\n      on_timeout: skip\n    timeout: 100ms\n", "")
}
