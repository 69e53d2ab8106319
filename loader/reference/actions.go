package reference

import "github.com/sauravritesh63/miniairflow"

// moreActions are the keys of actions, and of places for commands, that have a map
// of their own.
func moreActions() []Key {
	return []Key{
		{
			Name: "http", IsAction: true, Absent: "the task has another action", Type: block("http"), Reads: readsUpstream + ", in its values",
			Text:   "One request to a server, made by the worker itself.",
			Sample: "{url: \"https://example.org\"}", Needs: anAnswer,
			Example: "tasks:\n  ask:\n    http: {url: \"https://example.org/orders\"}\n    outputs: {rows: integer}\n    timeout: 30s\n",
		},
		{
			Name: "wait", IsAction: true, Absent: "the task has another action", Type: either("duration, or [map](#wait)", duration(), block("wait")), Reads: readsUpstream + ", in its values",
			Text:    "It waits for a time, a file, a run of another workflow, an answer of a server, or a command. Meanwhile it holds no worker and no slot.",
			Sample:  "10m",
			Example: "tasks:\n  rest: {wait: 1s}\n  load: {command: echo load, depends_on: [rest]}\n",
		},
		{
			Name: "approval", IsAction: true, Absent: "the task has another action", Type: either("text, or [map](#approval)", text(), block("approval")), Reads: readsUpstream + ", in its message",
			Text:    "It asks people and waits for an answer, which becomes its outputs `decision`, `by` and `fields`.",
			Sample:  "Load the orders?",
			Example: "tasks:\n  ok:\n    approval: {message: \"Load the orders?\", on_timeout: skip}\n    timeout: 100ms\n  load: {command: echo load, depends_on: [ok]}\n",
		},
		childAction(),
		{
			Name: "ssh", Absent: "it runs on the worker", Type: block("ssh"), Reads: readsUpstream + ", in `host` and `user`",
			Text:   "The machine on which its `command` runs.",
			Sample: "{host: db1.example.org}", Needs: aMachine,
			Example: "tasks:\n  vacuum:\n    command: vacuumdb --all\n    ssh: {host: db1.example.org, user: batch}\n",
		},
		{
			Name: "container", Absent: "it runs on the worker", Type: block("container"), Reads: readsUpstream + ", in `image`",
			Text:   "The container in which its `command` runs.",
			Sample: "{image: alpine:3}", Needs: anEngine,
			Example: "tasks:\n  inside:\n    command: [cat, /etc/os-release]\n    container: {image: \"alpine:3\"}\n",
		},
		{
			Name: "skip_on_exit_codes", Absent: "none", Type: oneOrList("exit code, 1 to 255, or list of these", integer(1, miniairflow.ExitCodeMax)),
			Text:    "Exit codes by which a command says that there was nothing to do: the task is skipped, and did not fail.",
			Sample:  "[99]",
			Example: "tasks:\n  fetch: {command: exit 99, skip_on_exit_codes: [99]}\n",
		},
	}
}

// What examples need that the program does not bring.
const (
	anAnswer  = "a server that answers"
	aMachine  = "another machine"
	anEngine  = "docker or podman"
	aWorkflow = "another workflow"
)

const httpExample = `tasks:
  report:
    http:
      url: https://example.org/report
      method: POST
      query: {day: "2026-01-31"}
      headers: {Accept: application/json}
      body: {rows: 7, final: true}
      expected_status: [200, 409]
    timeout: 30s
`

func httpMap() Map {
	m := Map{
		Name: "http", Table: "httpFields", Needs: []string{"url"},
		Intro: "The request of a task, or one that a `wait` repeats. Outputs are read from the answer: by name from JSON in its body, or with `from`.",
		Keys: []Key{
			{Name: "url", Type: text(), Reads: readsUpstream, Text: "Where it goes; begins with `https://` or `http://`. Needed.", Sample: "https://example.org/report"},
			{Name: "method", Default: "GET", Type: orEmpty(word(miniairflow.HTTPMethods)), Text: "The method of the request.", Sample: "POST"},
			{Name: "query", Absent: "none", Type: textMap("map of names to text"), Reads: readsUpstream, Text: "Parameters that are added to the URL, escaped.", Sample: "{day: \"2026-01-31\"}"},
			{Name: "headers", Absent: "none", Type: textMap("map of names to text"), Reads: readsUpstream, Text: "Headers of the request.", Sample: "{Accept: application/json}"},
			{Name: "body", Absent: "none", Type: anything("text, map or list"), Reads: readsUpstream, Text: "What is sent: text as it is, a map or a list as JSON. In JSON a text that is one `${{ … }}` keeps the type of its value.", Sample: "{rows: 7}"},
			{Name: "expected_status", Default: "2xx", Type: oneOrList("status, `2xx`, or list of these", text()), Text: "The statuses that are a success.", Sample: "[200, 409]"},
		},
	}
	return withExample(m, httpExample, anAnswer)
}

// withExample gives each key the same example.
func withExample(m Map, example, needs string) Map {
	for i := range m.Keys {
		m.Keys[i].Example, m.Keys[i].Needs = example, needs
	}
	return m
}

const sshExample = `tasks:
  vacuum:
    command: vacuumdb --all
    ssh: {host: db1.example.org, user: batch, port: 2222, key: keys/batch, known_hosts: known_hosts, dir: /srv/batch}
`

func sshMap() Map {
	m := Map{
		Name: "ssh", Table: "sshFields", Needs: []string{"host"},
		Intro: "The machine on which a `command` runs, by the program `ssh` of the worker. The host's key must be known.",
		Keys: []Key{
			{Name: "host", Type: text(), Reads: readsUpstream, Text: "Its name or address. Needed.", Sample: "db1.example.org"},
			{Name: "user", Absent: "as ssh is configured", Type: text(), Reads: readsUpstream, Text: "Who logs in.", Sample: "batch"},
			{Name: "port", Absent: "as ssh is configured", Type: integer(0, 65535), Text: "Its port.", Sample: "2222"},
			{Name: "key", Absent: "as ssh is configured", Type: text(), Text: "The file of the private key, on the worker.", Sample: "keys/batch"},
			{Name: "known_hosts", Absent: "as ssh is configured", Type: text(), Text: "The file of the keys of known hosts, on the worker.", Sample: "known_hosts"},
			{Name: "dir", Absent: "the home there", Type: text(), Text: "Where the command runs, on that machine.", Sample: "/srv/batch"},
		},
	}
	return withExample(m, sshExample, aMachine)
}

const containerExample = `tasks:
  inside:
    command: [cat, /data/orders.csv]
    container: {image: "alpine:3", engine: docker, mounts: ["./data:/data:ro"], user: "1000", workdir: /data, pull: missing}
`

func containerMap() Map {
	m := Map{
		Name: "container", Table: "containerFields", Needs: []string{"image"},
		Intro: "The container in which a `command` runs, by the command line of docker or podman on the worker.",
		Keys: []Key{
			{Name: "image", Type: text(), Reads: readsUpstream, Text: "The image. Needed.", Sample: "alpine:3"},
			{Name: "engine", Absent: "the first in PATH", Type: orEmpty(word(miniairflow.ContainerEngines)), Text: "The program that runs it.", Sample: "podman"},
			{Name: "mounts", Absent: "none", Type: oneOrList("`SOURCE:TARGET`, `SOURCE:TARGET:ro`, or list of these", text()), Text: "What it sees of the worker: paths that begin with `/`, `./` or `../` (from the folder of the file), or names of volumes.", Sample: "[\"./data:/data:ro\"]"},
			{Name: "user", Absent: "that of the image", Type: text(), Text: "Who runs the command.", Sample: "\"1000\""},
			{Name: "workdir", Absent: "that of the image", Type: text(), Text: "Where the command runs, in the container.", Sample: "/data"},
			{Name: "pull", Default: "missing", Type: orEmpty(word(miniairflow.ContainerPulls)), Text: "When the image is fetched.", Sample: "always"},
		},
	}
	return withExample(m, containerExample, anEngine)
}

func outputMap() Map {
	const example = "tasks:\n  count:\n    command: echo 3\n    outputs:\n      rows: {type: integer, from: stdout}\n"
	return Map{
		Name: "output", Table: "outputFields", Intro: "An entry of the `outputs` of a task, where a type alone is not enough.",
		Keys: []Key{
			{Name: "type", Default: "string", Type: word(miniairflow.OutputTypes), Text: "What the value is.", Sample: "integer", Example: example},
			{
				Name: "from", Absent: "`$MINIAIRFLOW_OUTPUT`, or the key of that name in the JSON of an answer", Type: text(),
				Text: "Where it comes from: `stdout` of a command; of an answer `status`, `body`, `body.PATH` or `headers.NAME`.", Sample: "stdout", Example: example,
			},
		},
	}
}
