package reference

import "github.com/sauravritesh63/miniairflow"

const artifactsExample = "tasks:\n  build:\n    command: echo \"a,b\" > \"$MINIAIRFLOW_SCRATCH/report.csv\"\n" +
	"    artifacts:\n      - $MINIAIRFLOW_SCRATCH/report.csv\n      - {path: $MINIAIRFLOW_SCRATCH/errors.txt, optional: true}\n"

// taskFiles are the keys by which tasks hand files on.
func taskFiles() []Key {
	item := either("", text(), block("artifact"))
	return []Key{
		{
			Name: "artifacts", Absent: "none", Type: either("path, [map](#artifact), or list of these", item, listOf(item, 0)),
			Text: "Files that the task hands on. When its command has ended with 0 they are kept, to be downloaded and given to later tasks (`inputs`); one that is not there fails the attempt. " +
				"A path is relative to the working directory, or begins with `$MINIAIRFLOW_SCRATCH/` (private to the attempt: the best place to write them) or `$MINIAIRFLOW_RUN_DIR/`. " +
				"It may have `*`, `?`, `[a-z]` and `**`; a folder stands for all files in it, but for those whose names begin with a dot. Files are named by their path below the folder that it starts in.",
			Sample:  "[report.csv]",
			Example: artifactsExample,
		},
		{
			Name: "inputs", Absent: "none, or the defaults of the template", Type: either("task, list of tasks, or map of names to values", named("", miniairflow.TaskNamePattern()),
				listOf(named("", miniairflow.TaskNamePattern()), 0), mapOf("", miniairflow.IdentifierPattern(), text())), Reads: readsUpstream + ", in the values of a map",
			Text: "A list: the tasks whose `artifacts` this one is given, as files `$MINIAIRFLOW_INPUTS/TASK/NAME`, on whatever worker it runs. They must be upstream. A task that has not succeeded, or kept nothing, has an empty folder there; one with `for_each` a folder for each item, called by its key. " +
				"A map: the values of the inputs of its `template`, checked by their types.",
			Sample: "[build]",
			Example: "tasks:\n  build:\n    command: echo \"a,b\" > \"$MINIAIRFLOW_SCRATCH/report.csv\"\n    artifacts: [$MINIAIRFLOW_SCRATCH/report.csv]\n" +
				"  check:\n    depends_on: [build]\n    inputs: [build]\n    command: grep a \"$MINIAIRFLOW_INPUTS/build/report.csv\"\n",
		},
	}
}

func artifactMap() Map {
	return Map{
		Name: "artifact", Table: "artifactFields", Needs: []string{"path"},
		Intro: "An entry of the `artifacts` of a task, where a path alone is not enough.",
		Keys: []Key{
			{
				Name: "path", Type: text(),
				Text: "Which files, as in [`artifacts`](#task-artifacts). Needed.", Sample: "out/*.csv", Example: artifactsExample,
			},
			{
				Name: "name", Absent: "its path", Type: text(),
				Text: "What the file is called where it is downloaded and given to others; only for the path of one file.", Sample: "report.csv",
				Example: "tasks:\n  build:\n    command: echo \"a,b\" > \"$MINIAIRFLOW_SCRATCH/out.tmp\"\n    artifacts: {path: $MINIAIRFLOW_SCRATCH/out.tmp, name: report.csv}\n",
			},
			{
				Name: "optional", Default: "false", Type: boolean(),
				Text: "`true`: it is no failure if there is no such file.", Sample: "true", Example: artifactsExample,
			},
		},
	}
}
