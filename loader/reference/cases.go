package reference

import "github.com/sauravritesh63/miniairflow"

// caseExample is a test file with every key.
const caseExample = `# dags/orders.test.yaml
workflow: orders
cases:
  loads what is there:
    params: {region: us}
    vars: {bucket: orders}
    logical_date: 2026-01-31T06:00:00Z
    tasks:
      extract: {outputs: {rows: 3}}
      load: [{exit_code: 75}, {timed_out: true}, {exit_code: 0}]
    expect:
      status: success
      order: [extract, load]
      tasks:
        extract: success
        load: {status: success, attempts: 3, env: {ROWS: 3}}
  has nothing to load:
    tasks:
      extract: {outputs: {rows: 0}}
    expect:
      tasks:
        load: {status: skipped, reason: "when is false"}
        mail: {command: [mail, "0 rows"], stdin: "nothing loaded"}
`

// caseMaps describe NAME.test.yaml.
func caseMaps() []Map {
	return []Map{testFileMap(), caseMap(), mockMap(), expectMap(), expectedTaskMap()}
}

// anyMap is a map of a file that has no schema.
func anyMap(name string) Type { return Type{Name: name} }

func testFileMap() Map {
	return Map{
		Name: "test file", Table: "caseFileFields", Needs: []string{"cases"}, IsFile: true,
		Intro: "The root of `NAME.test.yaml`, which tests the workflows of `NAME.yaml` beside it: `miniairflow test dags`. The real scheduler decides, the real templates are rendered, and no task does anything.",
		Keys: []Key{
			{
				Name: "workflow", Absent: "the only one of the file", Type: named("name", miniairflow.NamePattern()),
				Text: "The workflow that is tested, where the file has several.", Sample: "orders", Example: caseExample,
			},
			{
				Name: "cases", Type: anyMap("map of names to [cases](#case)"),
				Text: "The cases by name. Each is a run of its own, in a store of its own.", Sample: "{works: {expect: {status: success}}}", Example: caseExample,
			},
		},
	}
}

func caseMap() Map {
	return Map{
		Name: "case", Table: "caseFields", Needs: []string{"expect"}, IsFile: true,
		Intro: "An entry of `cases`: what is given, and what must come of it.",
		Keys: []Key{
			{
				Name: "params", Absent: "the defaults", Type: anyMap("map of names to values"),
				Text: "Params of the run, checked as those of any run.", Sample: "{region: us}", Example: caseExample,
			},
			{
				Name: "vars", Absent: "there are none", Type: anyMap("map of names to values"),
				Text: "What `vars.<NAME>` is. Secrets need nothing: each that a task names is there, and none is the real one.", Sample: "{bucket: orders}", Example: caseExample,
			},
			{
				Name: "logical_date", Absent: "the time of the test", Type: text(),
				Text: "The run's logical date, as in RFC 3339.", Sample: "2026-01-31T06:00:00Z", Example: caseExample,
			},
			{
				Name: "tasks", Absent: "all succeed", Type: anyMap("map of tasks to [what they do](#mock), or to a list of these"),
				Text: "What tasks do, in place of their actions. With a list it is that of the first attempt, the second one and so on; the last one is also that of all later ones. Retries wait for no delay.", Sample: "{extract: {outputs: {rows: 3}}}", Example: caseExample,
			},
			{
				Name: "expect", Type: anyMap("[map](#expect)"),
				Text: "What must come of it.", Sample: "{status: success}", Example: caseExample,
			},
		},
	}
}

func mockMap() Map {
	return Map{
		Name: "mock", Table: "mockFields", IsFile: true,
		Intro: "What an attempt of a task does in a case; nothing of it: it succeeds without outputs.",
		Keys: []Key{
			{
				Name: "exit_code", Default: "0", Type: integer(0, miniairflow.ExitCodeMax),
				Text: "The exit code of its process; all but 0 are failures.", Sample: "75", Example: caseExample,
			},
			{
				Name: "timed_out", Default: "false", Type: boolean(),
				Text: "`true`: it takes longer than the task's timeout.", Sample: "true", Example: caseExample,
			},
			{
				Name: "outputs", Absent: "none", Type: anyMap("map of names to values"),
				Text: "What it writes to `$MINIAIRFLOW_OUTPUT`, checked against the task's `outputs`. A task that declares outputs and succeeds needs them.", Sample: "{rows: 3}", Example: caseExample,
			},
		},
	}
}

func expectMap() Map {
	return Map{
		Name: "expect", Table: "expectFields", IsFile: true,
		Intro: "What must come of a case. What is left out is not compared.",
		Keys: []Key{
			{
				Name: "status", Absent: "any", Type: word([]string{"success", "failed"}),
				Text: "How the run ends.", Sample: "success", Example: caseExample,
			},
			{
				Name: "tasks", Absent: "any", Type: anyMap("map of tasks to a state or a [map](#expected-task)"),
				Text: "How tasks end: `success`, `failed`, `skipped` or `upstream_failed`.", Sample: "{load: skipped}", Example: caseExample,
			},
			{
				Name: "order", Absent: "any", Type: oneOrList("list of tasks", text()),
				Text: "Tasks in the order in which they begin; others may begin between them.", Sample: "[extract, load]", Example: caseExample,
			},
		},
	}
}

func expectedTaskMap() Map {
	return Map{
		Name: "expected task", Table: "expectedTaskFields", IsFile: true,
		Intro: "An entry of `expect.tasks`, where a state alone is not enough.",
		Keys: []Key{
			{
				Name: "status", Absent: "any", Type: word([]string{"success", "failed", "skipped", "upstream_failed"}),
				Text: "How it ends.", Sample: "skipped", Example: caseExample,
			},
			{
				Name: "attempts", Absent: "any", Type: integer(0, 0),
				Text: "How many attempts it takes.", Sample: "3", Example: caseExample,
			},
			{
				Name: "env", Absent: "any", Type: environment(),
				Text: "Variables that its last attempt gets from the file, as rendered; there may be more.", Sample: "{ROWS: 3}", Example: caseExample,
			},
			{
				Name: "command", Absent: "any", Type: listOf(text(), 0),
				Text: "The program and its arguments as rendered, of a command that is a list.", Sample: "[mail, 3 rows]", Example: caseExample,
			},
			{
				Name: "stdin", Absent: "any", Type: text(),
				Text: "Its standard input as rendered.", Sample: "nothing loaded", Example: caseExample,
			},
			{
				Name: "reason", Absent: "any", Type: text(),
				Text: "Part of the reason why it ended so.", Sample: "when is false", Example: caseExample,
			},
		},
	}
}
