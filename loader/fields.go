package loader

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sauravritesh63/miniairflow"
)

// fields are the keys of one kind of map and what each does with its value.
type fields[T any] map[string]func(v value, target *T)

// read hands every entry to its field.
func (table fields[T]) read(entries []entry, owner string, target *T) {
	for _, e := range entries {
		if field, ok := table[e.name]; ok {
			field(e.value, target)
			continue
		}
		unknownKey(e, owner, slices.Sorted(maps.Keys(table)))
	}
}

// synonyms are keys of other tools and of habit, by what they are called here.
// Case and separators are left out. A key that is right somewhere is only
// looked up where it is wrong.
var synonyms = map[string]string{
	"needs": "depends_on", "dependencies": "depends_on", "dependson": "depends_on", "depends": "depends_on",
	"upstream": "depends_on", "upstreams": "depends_on", "after": "depends_on", "requires": "depends_on", "dependency": "depends_on",
	"run": "command", "script": "command", "cmd": "command", "bash": "command", "sh": "command",
	"exec": "command", "bashcommand": "command", "entrypoint": "command", "args": "command",
	"if": "when", "condition": "when", "conditions": "when", "onlyif": "when", "runif": "when", "precondition": "when", "preconditions": "when",
	"cron": "schedule", "scheduleinterval": "schedule", "schedulecron": "schedule", "schedules": "schedule", "on": "triggers",
	"environment": "env", "environ": "env", "envs": "env", "vars": "env", "variables": "env",
	"retries": "retry", "retrycount": "retry", "retrypolicy": "retry", "maxretries": "retry",
	"cwd": "working_dir", "workdir": "working_dir", "dir": "working_dir", "workingdirectory": "working_dir", "workingdir": "working_dir",
	"inputs": "params", "input": "params", "parameters": "params", "arguments": "params",
	"steps": "tasks", "jobs": "tasks", "task": "tasks", "nodes": "tasks", "stages": "tasks", "dag": "tasks",
	"id": "name", "dagid": "name", "workflow": "name", "title": "name",
	"doc": "docs", "docmd": "docs", "documentation": "docs", "readme": "docs", "desc": "description", "summary": "description",
	"labels": "tags", "enabled": "is_active", "active": "is_active", "ispaused": "is_active", "paused": "is_active", "suspend": "is_active",
	"concurrency": "max_active_runs", "maxruns": "max_active_runs", "maxactiveruns": "max_active_runs",
	"parallelism": "max_active_tasks", "maxparallel": "max_active_tasks", "maxactivesteps": "max_active_tasks",
	"timeoutseconds": "timeout", "timeoutsec": "timeout", "executiontimeout": "timeout", "dagruntimeout": "timeout", "timeoutminutes": "timeout",
	"defaultargs": "defaults", "default": "defaults",
	"trigger": "trigger_rule", "continueonerror": "allow_failure", "continueon": "allow_failure", "ignoreerrors": "allow_failure",
	"output": "outputs", "produces": "outputs", "artifact": "artifacts", "artefacts": "artifacts", "artefact": "artifacts", "priorityweight": "priority", "weight": "priority",
	"tz": "timezone", "timezone": "timezone", "zone": "timezone", "expression": "cron", "expr": "cron",
	"limit": "count", "attempts": "count", "maxattempts": "count", "interval": "delay", "wait": "delay", "retrydelay": "delay",
	"maxinterval": "max_delay", "exitcodes": "on_exit_codes", "exitcode": "on_exit_codes",
	"skiponexitcode": "skip_on_exit_codes", "skipexitcodes": "skip_on_exit_codes", "skipon": "skip_on_exit_codes",
	"failonexitcodes": "never_on_exit_codes", "neverretryon": "never_on_exit_codes", "notonexitcodes": "never_on_exit_codes",
	"value": "default", "values": "enum", "options": "enum", "choices": "enum", "help": "description",
	"taskgroup": "group", "taskgroups": "groups", "stage": "group", "grouping": "group",
	"scripts": "files", "includes": "files", "bundle": "files", "namespacefiles": "files", "dotenv": "env_file", "envfrom": "env_file", "dotenvfile": "env_file", "uses": "template", "with": "inputs", "templateref": "template",
	"onfail": "on_failure", "onerror": "on_failure", "onfailurecallback": "on_failure", "onsuccesscallback": "on_success", "onretrycallback": "on_retry", "oncancelled": "on_cancel",
	"slack": "webhook", "teams": "webhook", "hook": "webhook", "mail": "email", "smtp": "email", "recipients": "to", "addresses": "to", "type": "format",
	"onexit": "finally", "exithandler": "finally", "handlers": "finally", "teardown": "finally", "cleanup": "finally", "ensure": "finally",
	"poolslot": "pool_slots", "slots": "pool_slots", "poolname": "pool", "queuewait": "queue_timeout", "waittimeout": "queue_timeout", "onloss": "on_lost",
	"min": "minimum", "max": "maximum", "gte": "minimum", "lte": "maximum", "regex": "pattern", "regexp": "pattern", "allowed": "enum", "mandatory": "required",
	"approve": "approval", "humantask": "approval", "manual": "approval", "prompt": "message", "question": "message", "form": "fields", "reviewers": "approvers", "approver": "approvers", "approvedby": "approvers", "assignees": "approvers",
	"sensor": "wait", "sleep": "wait", "waitfor": "wait", "waituntil": "wait", "poll": "interval", "pokeinterval": "interval", "every": "interval", "path": "file", "filepath": "file",
	"empty": "noop", "noop": "noop", "dummy": "noop",
	"request": "http", "webhook": "http", "httprequest": "http", "curl": "http",
	"hostname": "host", "username": "user", "login": "user", "identity": "key", "identityfile": "key", "privatekey": "key", "knownhostsfile": "known_hosts",
	"docker": "container", "podman": "container", "volumes": "mounts", "volume": "mounts", "binds": "mounts", "imagename": "image", "pullpolicy": "pull",
	"uri": "url", "endpoint": "url", "verb": "method", "header": "headers", "data": "body", "json": "body", "payload": "body",
	"params": "query", "queryparams": "query", "querystring": "query", "status": "expected_status", "expectedstatuscode": "expected_status", "okstatus": "expected_status",
}

// homes says where a key belongs that stands in the wrong map.
var homes = map[string]string{
	"timezone": "inside schedule", "catchup": "inside schedule", "catchup_window": "inside schedule", "overlap": "inside schedule",
	"count": "inside retry", "delay": "inside retry", "backoff": "inside retry", "max_delay": "inside retry",
	"artifacts":          "inside a task",
	"skip_on_exit_codes": "inside a task", "never_on_exit_codes": "inside retry",
	"jitter": "inside retry", "on_exit_codes": "inside retry", "on_timeout": "inside retry",
	"ssh": "inside a task", "host": "inside ssh of a task", "user": "inside ssh of a task", "port": "inside ssh of a task", "known_hosts": "inside ssh of a task",
	"container": "inside a task", "image": "inside container of a task", "mounts": "inside container of a task",
	"http": "inside a task", "url": "inside http of a task", "method": "inside http of a task", "headers": "inside http of a task",
	"body": "inside http of a task", "expected_status": "inside http of a task",
	"command": "inside a task", "depends_on": "inside a task", "when": "inside a task", "trigger_rule": "inside a task",
	"stdin": "inside a task", "outputs": "inside a task", "allow_failure": "inside a task", "noop": "inside a task", "wait": "inside a task", "approval": "inside a task",
	"message": "inside approval", "fields": "inside approval", "on_reject": "inside approval", "approvers": "inside approval",
	"match": "inside run of a wait", "stable_for": "inside wait", "interval": "inside wait",
	"retry": "inside a task, or in defaults for all", "shell": "inside a task, or in defaults for all",
	"queue": "inside a task, or in defaults for all", "priority": "inside a task, or in defaults for all",
	"working_dir": "inside a task, or in defaults for all",
	"pool":        "inside a task, or in defaults for all", "pool_slots": "inside a task, or in defaults for all",
	"queue_timeout": "inside a task, or in defaults for all", "on_lost": "inside a task, or in defaults for all",
	"group":    "inside a task",
	"groups":   "to the workflow",
	"env_file": "to the workflow",
	"files":    "to the workflow",
	"template": "inside a task",
	"finally":  "to the workflow",
	"after":    "inside triggers",
	"schedule": "to the workflow", "triggers": "to the workflow", "params": "to the workflow", "tags": "to the workflow", "owner": "to the workflow",
	"docs": "to the workflow", "is_active": "to the workflow", "max_active_runs": "to the workflow",
	"deadline":  "to the workflow, or inside a task",
	"fail_fast": "to the workflow", "max_active_tasks": "to the workflow", "defaults": "to the workflow", "tasks": "to the workflow",
}

// unknownKey explains a key that its map does not have: by what it is called
// here, by a near one, by where it belongs, or by the keys that there are.
func unknownKey(e entry, owner string, known []string) {
	key, what := at(e.key), fmt.Sprintf("unknown key %q in %s", e.name, owner)
	if synonym, ok := synonyms[normal(e.name)]; ok && slices.Contains(known, synonym) {
		e.failAt(key, "%s: it is called %s here", what, synonym)
		e.missing(synonym)
		return
	}
	if home, ok := homes[e.name]; ok {
		e.failAt(key, "%s: it belongs %s", what, home)
		return
	}
	if len(e.doc.problems) >= problemsMax {
		e.failAt(key, "%s", what) // a suggestion compares with every word, and nobody reads that many
		return
	}
	if near, ok := miniairflow.Nearest(e.name, known); ok {
		e.failAt(key, "%s; did you mean %q?", what, near)
		e.missing(near)
		return
	}
	if near, ok := miniairflow.Nearest(e.name, slices.Sorted(maps.Keys(homes))); ok {
		e.failAt(key, "%s; did you mean %q? It belongs %s", what, near, homes[near])
		return
	}
	e.failAt(key, "%s: it can have %s", what, strings.Join(known, ", "))
}

var separators = strings.NewReplacer("-", "", "_", "", " ", "")

func normal(word string) string { return strings.ToLower(separators.Replace(word)) }

// missing notes that a key was meant to be there, so that nobody is told that it is not.
func (e entry) missing(name string) {
	path := slices.Clone(e.path)
	path[len(path)-1] = name
	e.doc.fault(path)
}
