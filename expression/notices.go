package expression

import (
	"maps"
	"slices"
	"strconv"

	"github.com/expr-lang/expr/types"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// fieldReason says why something ended as it did, in notifications.
const fieldReason = "reason"

// taskRoot is the task that a notification is about.
var taskRoot = root{
	name: rootTask, what: "field of task", form: "task.<field>", since: phaseTask, keys: noticeKeys(), value: taskNoticeValue,
	fields: []field{
		{name: "name", about: "the name of the task that the notification is about; of several tasks the text is written for each"},
		{name: fieldStatus, about: "its state: `success`, `failed`, `up_for_retry`, `queued` after a lost worker, or `cancelled`"},
		{name: "attempt", about: "the number of its last attempt; 0 if it had none", kind: types.Int},
		{name: fieldReason, about: "why, in a few words; empty after a success"},
	},
}

func noticeKeys() []string {
	keys := make([]string, len(miniairflow.NotificationEvents))
	for i, event := range miniairflow.NotificationEvents {
		keys[i] = event.Key()
	}
	return keys
}

func taskNoticeValue(s *miniairflow.Scope, name string) (any, bool) {
	if s.Task == nil {
		return nil, false
	}
	switch name {
	case "name":
		return s.Task.Name, true
	case fieldStatus:
		return s.Task.Status, true
	case "attempt":
		return s.Task.Attempt, true
	case fieldReason:
		return s.Task.Reason, true
	}
	return nil, false
}

// notices checks the templates of who is told, about a task or, with -1, about the run.
// at leads to the map that has the keys.
func (c *checker) notices(at []string, task int, notices miniairflow.Notices) {
	for _, event := range miniairflow.NotificationEvents {
		for i := range notices[event] {
			recipient := &notices[event][i]
			for _, template := range recipient.Templates() {
				path := slices.Concat(at, []string{event.Key(), strconv.Itoa(i)}, template.Path)
				c.template(site{path: path, name: event.Key(), params: true, task: task, isNotice: true}, template.Text)
			}
			if recipient.Webhook != nil {
				c.forbid(slices.Concat(at, []string{event.Key(), strconv.Itoa(i), "webhook", "secret"}), "the name of a secret", recipient.Webhook.Secret)
			}
		}
	}
}

// rootsOfNotice are what a text of a notification may read.
func (s site) rootsOfNotice() []string {
	roots := []string{rootParams, rootRun, rootVars}
	if s.task >= 0 {
		roots = append(roots, rootTask)
	}
	return append(roots, rootSecrets)
}

// isOfWebhook reports whether a text of a notification goes to the server alone, and is
// shown to nobody.
func (s site) isOfWebhook() bool {
	n := len(s.path)
	return n > 2 && (s.path[n-2] == "webhook" || s.path[n-3] == "webhook" && s.path[n-2] == "headers")
}

// notices gives bound who is told of what about t, bound.
func (b *binder) notices(t, bound *miniairflow.Task) {
	if t.Notify == nil {
		return
	}
	bound.Notify = miniairflow.Notices{}
	for event, recipients := range t.Notify {
		for i, r := range recipients {
			path := []string{event.Key(), strconv.Itoa(i)}
			r.Text = b.template(r.Text, false, append(slices.Clip(path), "text")...)
			if r.Webhook != nil {
				own := *r.Webhook
				own.URL = b.template(own.URL, false, append(slices.Clip(path), "webhook", "url")...)
				own.Headers = maps.Clone(own.Headers)
				for name, value := range own.Headers {
					own.Headers[name] = b.template(value, false, append(slices.Clip(path), "webhook", "headers", name)...)
				}
				r.Webhook = &own
			}
			bound.Notify[event] = append(bound.Notify[event], r)
		}
	}
}
