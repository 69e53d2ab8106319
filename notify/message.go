// Package notify hands messages to those who are told about runs: as requests to
// webhooks, and as letters. It tries once; the outbox of the store, and the loop of
// the runner that empties it, see to it that each message arrives at least once.
package notify

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// Message is a notification that is ready to go: its templates are computed. One of
// Webhook and To is set.
type Message struct {
	ID      uuid.UUID // the same each time that the notification is sent
	Subject string    // one line
	Text    string
	At      time.Time
	IsOwn   bool // the text is that of the workflow file, not of this package
	Facts   Facts
	Webhook *Hook
	To      []string // of an email
}

// Hook is a webhook whose secrets are known.
type Hook struct {
	URL     string
	Format  miniairflow.WebhookFormat
	Headers map[string]string
	Key     string // signs the body; empty: it is not signed
	IsMuted bool   // it has secrets, of which its answers may show something: errors show nothing of them
}

// Facts are the body of a request to a generic webhook.
type Facts struct {
	ID        uuid.UUID                     `json:"id"`
	Event     miniairflow.NotificationEvent `json:"event"`
	About     string                        `json:"about"` // "run" or "tasks"
	Subject   string                        `json:"subject"`
	Text      string                        `json:"text"`
	At        time.Time                     `json:"at"`
	Run       RunFacts                      `json:"run"`
	Tasks     []miniairflow.ToldOfTask      `json:"tasks,omitempty"`
	TaskCount int                           `json:"task_count,omitempty"`
}

// RunFacts are the run that a message is about.
type RunFacts struct {
	ID          uuid.UUID           `json:"id"`
	Label       string              `json:"label"`
	Workflow    string              `json:"workflow"`
	Number      int64               `json:"number"`
	Type        miniairflow.RunType `json:"type"`
	LogicalDate time.Time           `json:"logical_date"`
	Status      string              `json:"status,omitempty"` // if the message is about the run
	Reason      string              `json:"reason,omitempty"` // likewise
	URL         string              `json:"url,omitempty"`    // of its page
}

// Compose returns the message of a notification about a run, without where it goes. own
// is the text of the workflow file; empty: the usual words. page is the address of the
// server for people; empty: there is no link.
func Compose(n *miniairflow.Notification, run *miniairflow.WorkflowRun, own, page string) Message {
	facts := Facts{
		ID: n.ID, Event: n.Event, About: "run", Subject: subject(n), At: n.At, Tasks: n.Tasks, TaskCount: n.Count,
		Run: RunFacts{
			ID: run.ID, Label: run.Label(), Workflow: run.WorkflowName, Number: run.Number, Type: run.Type, LogicalDate: run.LogicalDate,
			Status: n.Status, Reason: n.Reason,
		},
	}
	if n.OfTasks {
		facts.About = "tasks"
	}
	if page != "" {
		facts.Run.URL = fmt.Sprintf("%s/ui/workflows/%s/runs/%d", strings.TrimSuffix(page, "/"), url.PathEscape(run.WorkflowName), run.Number)
	}
	facts.Text = own
	if own == "" {
		facts.Text = words(n, facts.Run.URL)
	}
	return Message{ID: n.ID, Subject: facts.Subject, Text: facts.Text, At: n.At, IsOwn: own != "", Facts: facts}
}

// verbs say what happened.
var verbs = map[miniairflow.NotificationEvent]string{
	miniairflow.NotifySuccess: "succeeded", miniairflow.NotifyFailure: "failed", miniairflow.NotifyCancel: "was cancelled", miniairflow.NotifyRetry: "is tried again",
	miniairflow.NotifyLate: "is late",
}

// subject returns the message in one line, without the reason.
func subject(n *miniairflow.Notification) string {
	verb := verbs[n.Event]
	switch {
	case !n.OfTasks:
		return n.RunLabel() + " " + verb
	case n.Count == 1 && len(n.Tasks) == 1:
		return fmt.Sprintf("%s: task %s %s", n.RunLabel(), n.Tasks[0].Name, verb)
	case n.Event == miniairflow.NotifyRetry:
		verb = "are tried again"
	case n.Event == miniairflow.NotifyCancel:
		verb = "were cancelled"
	case n.Event == miniairflow.NotifyLate:
		verb = "are late"
	}
	return fmt.Sprintf("%s: %d tasks %s", n.RunLabel(), n.Count, verb)
}

// words returns the text of a message for which the file has none.
func words(n *miniairflow.Notification, link string) string {
	text := subject(n)
	switch {
	case !n.OfTasks && n.Reason != "":
		text += ": " + n.Reason
	case n.OfTasks && n.Count == 1 && len(n.Tasks) == 1:
		text += why(n.Tasks[0])
	case n.OfTasks:
		for _, task := range n.Tasks {
			text += "\n- " + task.Name + why(task)
		}
		text += More(n)
	}
	if link != "" {
		text += "\n" + link
	}
	return text
}

// why says of a task with which attempt and for which reason.
func why(t miniairflow.ToldOfTask) string {
	text := ""
	if t.Attempt > 1 {
		text = fmt.Sprintf(" (attempt %d)", t.Attempt)
	}
	if t.Reason != "" {
		text += ": " + t.Reason
	}
	return text
}

// More returns a line about the tasks that a notification does not name; empty if it
// names all.
func More(n *miniairflow.Notification) string {
	if left := n.Count - len(n.Tasks); left > 0 {
		return fmt.Sprintf("\n- and %d more", left)
	}
	return ""
}
