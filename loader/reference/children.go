package reference

import "github.com/sauravritesh63/miniairflow"

// callExample is a workflow that runs another one of the same file.
const callExample = `tasks:
  load:
    workflow: {name: load-orders, params: {region: eu}}
    outputs: {rows: integer}
  report:
    depends_on: [load]
    command: [echo, "${{ tasks.load.outputs.rows }} rows"]
---
name: load-orders
params: {region: {type: string, enum: [eu, us]}}
outputs: {rows: "${{ tasks.load.outputs.rows }}"}
tasks:
  load:
    command: echo "rows=3" >> "$MINIAIRFLOW_OUTPUT"
    outputs: {rows: integer}
`

// childAction is the key of a task that runs a workflow.
func childAction() Key {
	return Key{
		Name: "workflow", IsAction: true, Absent: "the task has another action", Reads: readsUpstream + ", in its params",
		Type: either("name of a workflow, or [map](#child-workflow)", named("name", miniairflow.NamePattern()), block("child workflow")),
		Text: "It runs another workflow and waits for the end of that run, its child run, without a worker and without a slot. " +
			"The child run has the latest version, the logical date and the data interval of the run that it belongs to; `max_active_runs` neither counts it nor holds it, a pause of its workflow does. " +
			"The task succeeds with it and has its `outputs`: those that it declares, with types, or all of them. Otherwise the task fails, and each retry makes a new child run. " +
			"When the task is cancelled or times out, its child run is cancelled. Workflows that run each other are refused, and so are more than 16 levels.",
		Sample: "load-orders", Example: callExample,
	}
}

// workflowOutputs is the key for what a workflow hands on.
func workflowOutputs() Key {
	return Key{
		Name: "outputs", Absent: "none", Reads: "`params`, `run` and `tasks.<name>` of all tasks",
		Type: mapOf("map of names to values or [maps](#workflow-output)", miniairflow.IdentifierPattern(), either("", text(), block("workflow output"))),
		Text: "What a run hands on when it has succeeded: shown with it, and the outputs of the task that has started it with `workflow`. " +
			"A value that is one expression keeps its type. At most 100, of 1 MiB together.",
		Sample: `{rows: "${{ tasks.load.outputs.rows }}"}`,
		Example: "outputs: {rows: \"${{ tasks.load.outputs.rows }}\"}\n" +
			"tasks:\n  load:\n    command: echo \"rows=3\" >> \"$MINIAIRFLOW_OUTPUT\"\n    outputs: {rows: integer}\n",
	}
}

func childMap() Map {
	return withExample(Map{
		Name: "child workflow", Table: "childFields", Needs: []string{"name"},
		Intro: "The workflow that a task runs. Its name alone, `workflow: load-orders`, is enough for one without params.",
		Keys: []Key{
			{Name: "name", Type: named("name", miniairflow.NamePattern()), Text: "Its name. A workflow that is not there fails the task when its turn comes; its file may come until then. Needed.", Sample: "load-orders"},
			{
				Name: "params", Absent: "its defaults", Type: mapOf("map of names to values", miniairflow.IdentifierPattern(), anything("")), Reads: readsUpstream,
				Text: "The params of the child run, checked as those of every run: a wrong one fails the task. A value that is one expression keeps its type.", Sample: "{region: eu}",
			},
		},
	}, callExample, "")
}

func workflowOutputMap() Map {
	return withExample(Map{
		Name: "workflow output", Table: "runOutputFields", Needs: []string{"value"},
		Intro: "An output of a workflow with a type. `rows: \"${{ … }}\"` is short for `rows: {value: \"${{ … }}\"}`.",
		Keys: []Key{
			{Name: "type", Absent: "that of the value", Type: orEmpty(word(miniairflow.OutputTypes)), Text: "What the value must be, written as text; another one has no output, and fails the task that has started the run.", Sample: "integer"},
			{Name: "value", Type: text(), Reads: "`params`, `run` and `tasks.<name>` of all tasks", Text: "The value. Needed.", Sample: `"${{ tasks.load.outputs.rows }}"`},
		},
	}, "outputs:\n  label: {type: string, value: \"orders of ${{ run.logical_date }}\"}\ntasks:\n  load: {noop: true}\n", "")
}
