package reference

import "github.com/sauravritesh63/miniairflow"

// What ${{ }} may read in a notification.
const readsNotice = "`params`, `run`, `vars`; of a task also `task`"

// recipients is the type of the keys that say who is told.
func recipients() Type {
	return either("list of [maps](#recipient), or one of them", block("recipient"), listOf(block("recipient"), 0))
}

// noticeText says what each event of a run, and of a task, is.
var noticeTexts = map[miniairflow.NotificationEvent]struct{ run, task string }{
	miniairflow.NotifySuccess: {"when a run has succeeded", "when the task has succeeded"},
	miniairflow.NotifyFailure: {"when a run has failed, be it by its timeout", "when the task has failed and is not tried again"},
	miniairflow.NotifyRetry:   {"when somebody has opened a run again, by a retry or a clear", "when the task is tried again, after a failure or the loss of its worker"},
	miniairflow.NotifyCancel:  {"when a run was cancelled", "when the task was cancelled"},
	miniairflow.NotifyLate:    {"when a run is not over at its `deadline`", "when the task is not over at its `deadline`"},
}

const noticeSample = "{email: {to: data@example.org}}"

func workflowNotices() []Key {
	keys := make([]Key, 0, len(miniairflow.NotificationEvents))
	for _, event := range miniairflow.NotificationEvents {
		keys = append(keys, Key{
			Name: event.Key(), Absent: "that of the [defaults file](#defaults-file), else nobody", Type: recipients(), Reads: readsNotice + ", in the texts of its maps",
			Text:    "Who is told " + noticeTexts[event].run + ". An empty list tells nobody. What has to *do* something is a task of `finally`. See [Notifications](notifications.md).",
			Sample:  noticeSample,
			Example: event.Key() + ":\n  - webhook: {url: \"https://example.org/hook\"}\n  - email: {to: [data@example.org]}\ntasks:\n  load: {command: echo hello}\n",
		})
	}
	return keys
}

func taskNotices() []Key {
	keys := make([]Key, 0, len(miniairflow.NotificationEvents))
	for _, event := range miniairflow.NotificationEvents {
		keys = append(keys, Key{
			Name: event.Key(), Absent: "nobody", Type: recipients(), InDefaults: true, Reads: readsNotice + ", in the texts of its maps",
			Text:    "Who is told " + noticeTexts[event].task + ". Tasks of one run for which the same happens within seconds are one message. See [Notifications](notifications.md).",
			Sample:  noticeSample,
			Example: "tasks:\n  load:\n    " + event.Key() + ":\n      email: {to: data@example.org}\n      text: \"${{ task.name }} of ${{ run.workflow }}: ${{ task.status }} ${{ task.reason }}\"\n    command: echo hello\n",
		})
	}
	return keys
}

// folderNotice is a key of a defaults file that says who is told about runs.
func folderNotice(key Key) Key {
	for _, own := range workflowNotices() {
		if own.Name == key.Name {
			key = own
		}
	}
	key.Absent = "nobody"
	key.Text = "Who is told of runs of the workflows that do not say it themselves. In the root of the workflow folder it is the default of the server."
	key.Example = "# dags/defaults.yaml\n" + key.Name + ": " + key.Sample + "\n"
	return key
}

func recipientMap() Map {
	return Map{
		Name: "recipient", Table: "recipientFields", NeedsA: []string{"webhook", "email"},
		Intro: "An entry of `on_success`, `on_failure`, `on_retry`, `on_cancel` or `on_late`: one that is told. It has either `webhook` or `email`.",
		Keys: []Key{
			{
				Name: "webhook", Absent: "it is an email", Type: either("URL, or [map](#recipient-webhook)", text(), block("recipient webhook")), Reads: readsNotice + ", and `secrets`",
				Text:    "A server that gets a POST request with the message in its body.",
				Sample:  "https://example.org/hook",
				Example: "on_failure: {webhook: \"https://example.org/hook\"}\ntasks:\n  load: {command: echo hello}\n",
			},
			{
				Name: "email", Absent: "it is a webhook", Type: either("address, list of addresses, or [map](#email)", text(), listOf(text(), 1), block("email")),
				Text:    "Whom a letter goes to. The server needs `--smtp-url` and `--smtp-from`.",
				Sample:  "data@example.org",
				Example: "on_failure: {email: data@example.org}\ntasks:\n  load: {command: echo hello}\n",
			},
			{
				Name: "text", Absent: "the usual words: what happened to which run and task, and why", Type: text(), Reads: readsNotice,
				Text:    "What the message says. About several tasks it is written for each, up to 20.",
				Sample:  `"${{ run.workflow }} is ${{ run.status }}"`,
				Example: "on_failure:\n  email: data@example.org\n  text: \"${{ run.workflow }} of ${{ run.logical_date }} failed: ${{ run.reason }}\"\ntasks:\n  load: {command: echo hello}\n",
			},
		},
	}
}

func recipientWebhookMap() Map {
	return Map{
		Name: "recipient webhook", Table: "recipientWebhookFields", Needs: []string{"url"},
		Intro: "The `webhook` of a [recipient](#recipient), where a URL alone is not enough.",
		Keys: []Key{
			{
				Name: "url", Type: text(), Reads: readsNotice + ", and `secrets`",
				Text:    "Where the request goes, `https://` or `http://`. Addresses of the own machine and of private networks are refused unless the server has `--allow-private-webhooks`.",
				Sample:  `"${{ secrets.SLACK_URL }}"`,
				Example: "on_failure: {webhook: {url: \"${{ secrets.SLACK_URL }}\", format: slack}}\ntasks:\n  load: {command: echo hello}\n",
			},
			{
				Name: "format", Default: "generic", Type: orEmpty(word(miniairflow.WebhookFormats)),
				Text:    "What the body is: JSON with every fact, or the message as Slack or Teams takes it.",
				Sample:  "slack",
				Example: "on_failure: {webhook: {url: \"${{ secrets.SLACK_URL }}\", format: slack}}\ntasks:\n  load: {command: echo hello}\n",
			},
			{
				Name: "secret", Absent: "the request is not signed", Type: orEmpty(named("name of a secret", miniairflow.IdentifierPattern())),
				Text:    "The secret that signs the request, so that the receiver knows who has sent it: [how to check it](notifications.md#signature).",
				Sample:  "HOOK_KEY",
				Example: "on_failure: {webhook: {url: \"https://example.org/hook\", secret: HOOK_KEY}}\ntasks:\n  load: {command: echo hello}\n",
			},
			{
				Name: "headers", Absent: "none", Type: textMap("map of names to text"), Reads: readsNotice + ", and `secrets`",
				Text:    "Further headers of the request.",
				Sample:  `{Authorization: "${{ secrets.HOOK_TOKEN }}"}`,
				Example: "on_failure:\n  webhook:\n    url: https://example.org/hook\n    headers: {Authorization: \"Bearer ${{ secrets.HOOK_TOKEN }}\"}\ntasks:\n  load: {command: echo hello}\n",
			},
		},
	}
}

func emailMap() Map {
	return Map{
		Name: "email", Table: "emailFields", Needs: []string{"to"},
		Intro: "The `email` of a [recipient](#recipient); the address or the list of addresses alone says the same.",
		Keys: []Key{{
			Name: "to", Type: oneOrList("address, or list of addresses", text()),
			Text:    "The addresses that get a letter, up to 20. Each gets one of its own, so that one that is wrong holds up no other.",
			Sample:  "[data@example.org]",
			Example: "on_failure: {email: {to: [data@example.org, ops@example.org]}}\ntasks:\n  load: {command: echo hello}\n",
		}},
	}
}
