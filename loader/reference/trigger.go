package reference

import "github.com/sauravritesh63/miniairflow"

func triggersMap() Map {
	return Map{
		Name: "triggers", Table: "triggerFields",
		Intro: "What else starts runs of the workflow, beside its `schedule` and people. See [triggers](triggers.md).",
		Keys: []Key{
			{
				Name: "after", Absent: "no run of another workflow starts one",
				Type:    either("name of a workflow, list of names or [maps](#after-workflow), or [map](#after)", named("", miniairflow.NamePattern()), upstreams(), block("after")),
				Text:    "Runs of other workflows whose end starts one. A list means all of them, for the same logical date.",
				Sample:  "extract",
				Example: "triggers: {after: extract}" + load,
			},
			{
				Name: "webhook", Absent: "it takes no requests", Type: block("webhook"),
				Text:    "Each request `POST /hooks/NAME` of who knows the secret starts a run.",
				Sample:  "{secret: DEPLOY_HOOK}",
				Example: "triggers: {webhook: {secret: DEPLOY_HOOK}}" + load,
			},
			{
				Name: "file", Absent: "no file starts one", Type: either("path, or [map](#file)", text(), block("file")),
				Text:    "Each file that arrives in a folder starts a run.",
				Sample:  "incoming/*.csv",
				Example: "triggers: {file: \"incoming/*.csv\"}" + load,
			},
		},
	}
}

func webhookMap() Map {
	m := Map{
		Name: "webhook", Table: "webhookFields", Needs: []string{"secret"},
		Intro: "Requests that start runs. See [triggers](triggers.md#webhooks).",
		Keys: []Key{
			{Name: "secret", Type: named("name", miniairflow.IdentifierPattern()), Text: "The name of the [secret](workflow-files.md#variables-and-secrets) that callers show, or sign with. Needed.", Sample: "DEPLOY_HOOK"},
			{
				Name: "params", Absent: "the defaults of `params`", Type: mapOf("map of params to values", miniairflow.IdentifierPattern(), anything("")),
				Reads: "`body`, `headers`, `query`, `vars`", Text: "Values of params, made of the request. One that is null is not given, so that the default holds.",
				Sample: "{branch: \"${{ body.ref }}\"}",
			},
		},
	}
	return withExample(m, "params: {branch: {type: string, default: main}}\ntriggers:\n  webhook:\n    secret: DEPLOY_HOOK\n    params: {branch: \"${{ body.ref }}\"}"+load, "")
}

func arrivalMap() Map {
	m := Map{
		Name: "file", Table: "arrivalFields", Needs: []string{"path"},
		Intro: "Files that start runs when they arrive. See [triggers](triggers.md#files).",
		Keys: []Key{
			{
				Name: "path", Type: text(), Sample: "incoming/*.csv",
				Text: "Which files: a path below the folder of the workflow's file, or an absolute one, in which `*` and `?` stand for what is in a name, and `[…]` for one of some characters. Needed.",
			},
			{Name: "stable_for", Default: "10s", Type: duration(), Text: "How long the size and the time of a file must not have changed.", Sample: "1m"},
			{
				Name: "params", Absent: "the defaults of `params`", Type: mapOf("map of params to values", miniairflow.IdentifierPattern(), anything("")),
				Reads: "`file`, `vars`", Text: "Values of params, made of the file.",
				Sample: "{file: \"${{ file.path }}\"}",
			},
		},
	}
	return withExample(m, "params: {file: {type: string}}\ntriggers:\n  file:\n    path: incoming/*.csv\n    stable_for: 1m\n    params: {file: \"${{ file.path }}\"}"+load, "")
}

func upstreams() Type {
	return listOf(either("name of a workflow or [map](#after-workflow)", named("", miniairflow.NamePattern()), block("after workflow")), 1)
}

func afterMap() Map {
	m := Map{
		Name: "after", Table: "afterFields", NeedsA: []string{"all", "any"},
		Intro: "Runs of several workflows that start one together. One of `all` and `any` is needed.",
		Keys: []Key{
			{Name: "all", Absent: "`any` names them", Type: either("name or list of names or [maps](#after-workflow)", named("", miniairflow.NamePattern()), upstreams()), Text: "A run is started when each of them has a run that ended so, for the same logical date or day.", Sample: "[extract, load]"},
			{Name: "any", Absent: "`all` names them", Type: either("name or list of names or [maps](#after-workflow)", named("", miniairflow.NamePattern()), upstreams()), Text: "A run is started by the first of them that has a run that ended so. The others start none for the same logical date or day.", Sample: "[extract, load]"},
			{Name: "match", Default: "exact", Type: word(miniairflow.AfterMatches), Text: "Which runs belong together: those of the same logical date, or of the same day in UTC.", Sample: "same_day"},
		},
	}
	m = withExample(m, "triggers:\n  after:\n    all: [orders, {workflow: invoices, status: finished}]\n    match: same_day"+load, "")
	m.Keys[1].Example = "triggers: {after: {any: [orders, invoices]}}" + load
	return m
}

func afterWorkflowMap() Map {
	m := Map{
		Name: "after workflow", Table: "afterWorkflowFields", Needs: []string{"workflow"},
		Intro: "A workflow whose runs start others. Just its name means its successful runs.",
		Keys: []Key{
			{Name: "workflow", Type: named("name", miniairflow.NamePattern()), Text: "The name of the workflow. Needed.", Sample: "extract"},
			{Name: "status", Default: "success", Type: word(miniairflow.AfterStatuses), Text: "How the run has to end; `finished` is any of the other three.", Sample: "failed"},
		},
	}
	return withExample(m, "triggers:\n  after: [{workflow: extract, status: failed}]"+load, "")
}
