package miniairflow

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// NotificationEvent is something about a run or a task that people can be told.
type NotificationEvent string

// The events.
const (
	NotifySuccess NotificationEvent = "success"
	NotifyFailure NotificationEvent = "failure"
	NotifyRetry   NotificationEvent = "retry" // of a task: it is tried again; of a run: somebody has opened it again
	NotifyCancel  NotificationEvent = "cancel"
	NotifyLate    NotificationEvent = "late" // it is not over at its deadline
)

// NotificationEvents lists all events.
var NotificationEvents = []NotificationEvent{NotifySuccess, NotifyFailure, NotifyRetry, NotifyCancel, NotifyLate}

// Key returns the key of workflow files that says who is told: on_failure.
func (e NotificationEvent) Key() string { return "on_" + string(e) }

// EventOfRun returns the event of a run that is now in that state; empty: nobody is
// ever told.
func EventOfRun(s RunStatus) NotificationEvent {
	switch s {
	case RunSuccess:
		return NotifySuccess
	case RunFailed:
		return NotifyFailure
	case RunCancelled:
		return NotifyCancel
	default:
		return ""
	}
}

// EventOfTask returns the event of a task run that is now in that state; empty: nobody
// is ever told.
func EventOfTask(s TaskStatus) NotificationEvent {
	switch s {
	case TaskSuccess:
		return NotifySuccess
	case TaskFailed:
		return NotifyFailure
	case TaskCancelled:
		return NotifyCancel
	default:
		return ""
	}
}

// Notices are who is told of what.
type Notices map[NotificationEvent][]Recipient

// Recipient is somebody who is told, and how. One of Webhook and Email is set.
type Recipient struct {
	Webhook *Webhook `json:"webhook,omitempty"`
	Email   *Email   `json:"email,omitempty"`
	Text    string   `json:"text,omitempty"` // a template; empty: the usual words
}

// Webhook is a server that takes notifications. URL and the values of Headers are
// templates, which may read secrets.
type Webhook struct {
	URL     string            `json:"url"`
	Format  WebhookFormat     `json:"format,omitempty"` // empty: FormatGeneric
	Secret  string            `json:"secret,omitempty"` // the name of the secret that signs the body; empty: none
	Headers map[string]string `json:"headers,omitempty"`
}

// WebhookFormat says what the body of a notification looks like.
type WebhookFormat string

// The formats.
const (
	FormatGeneric WebhookFormat = "generic"
	FormatSlack   WebhookFormat = "slack"
	FormatTeams   WebhookFormat = "teams"
)

// WebhookFormats lists all formats, the default first.
var WebhookFormats = []WebhookFormat{FormatGeneric, FormatSlack, FormatTeams}

// Email is who gets a notification as a letter, each one of their own.
type Email struct {
	To []string `json:"to"`
}

// Label returns what people see of a recipient. The URL of a webhook is often as good
// as a password, so only its host is shown.
func (r *Recipient) Label() string {
	if r.Email != nil {
		return "email " + strings.Join(r.Email.To, ", ")
	}
	return "webhook " + r.Webhook.host()
}

// Destination names the server that a message goes to: one that is slow must not hold
// up what goes to others. Of computed hosts each template counts as one, and so does each
// URL of one that is no host of a network. It is short.
func (r *Recipient) Destination() string {
	if r.Email != nil {
		return "email"
	}
	host := r.Webhook.host()
	if host == hostComputed || len(host) > destinationMax {
		host = cut(host, len(hostComputed))
		sum := sha256.Sum256([]byte(r.Webhook.URL))
		return host + " " + hex.EncodeToString(sum[:8])
	}
	return host
}

// destinationMax is a host and its port.
const destinationMax = hostMax + len(":65535")

// hostComputed stands for the host of a URL of which it is not in the file: what computes
// it may have a token beside it.
const hostComputed = "a computed host"

// host returns the host of the URL, without what may be secret; hostComputed if it is
// computed.
func (w *Webhook) host() string {
	literal, _, isComputed := strings.Cut(w.URL, "${{")
	if !isComputed {
		u, err := ParseURL(w.URL)
		if err != nil {
			return "?"
		}
		return u.Host
	}
	// A slash must follow: else what is computed goes on with the host.
	_, rest, _ := strings.Cut(literal, "://")
	authority := strings.IndexAny(rest, "/?#\\")
	if authority < 0 || rest[authority] != '/' {
		return hostComputed
	}
	u, err := ParseURL(literal[:len(literal)-len(rest)+authority])
	if err != nil {
		return hostComputed
	}
	return u.Host
}

// Templates returns the texts of a recipient in which ${{ }} may stand.
func (r *Recipient) Templates() []Template {
	var all []Template
	if r.Webhook != nil {
		all = append(all, Template{Path: []string{"webhook", "url"}, Text: r.Webhook.URL})
		for _, name := range sortedKeys(r.Webhook.Headers) {
			all = append(all, Template{Path: []string{"webhook", "headers", name}, Text: r.Webhook.Headers[name]})
		}
	}
	if r.Text != "" {
		all = append(all, Template{Path: []string{"text"}, Text: r.Text})
	}
	return all
}

// RunSeq is the place of the run itself among its task runs, in a Notice.
const RunSeq = -1

// Notice says that something happened of which somebody wants to be told. It is
// written in the transaction in which it happens.
type Notice struct {
	RunID     uuid.UUID
	VersionID uuid.UUID // whose definition says who is told
	Seq       int       // of the task run; RunSeq: the run itself
	Event     NotificationEvent
	Task      string // the name of the task run; empty for the run
	Status    string // of the task run, or of the run
	Attempt   int
	Reason    string
	At        time.Time
}

// NotificationState says how far a notification has come.
type NotificationState string

// The states.
const (
	NotificationPending NotificationState = "pending" // it is sent when it is due
	NotificationSent    NotificationState = "sent"    // its receiver has taken it
	NotificationStuck   NotificationState = "stuck"   // it was tried for long enough: somebody has to look
)

// NotificationStates lists all states.
var NotificationStates = []NotificationState{NotificationPending, NotificationSent, NotificationStuck}

// Notification is a message to one recipient. It is sent until the receiver has taken
// it, so perhaps more than once, always with the same ID, and with the same content as long
// as the variables that it reads stay as they are.
type Notification struct {
	ID           uuid.UUID
	RunID        uuid.UUID
	WorkflowName string
	RunNumber    int64
	Event        NotificationEvent
	OfTasks      bool // it is about tasks of the run, not about the run itself
	Recipient    Recipient
	NotificationFacts
	Count     int // how many tasks it is about
	State     NotificationState
	Tries     int
	Round     int       // the tries since it was last sent by hand, or made
	LastError string    // of the last try; empty: none, or the last one went well
	At        time.Time // when the first thing happened that it tells
	DueAt     time.Time // when it is tried next; of no meaning unless pending
	Since     time.Time // when the first try of the round was, see NotificationRetry
	SentAt    *time.Time
	Token     uuid.UUID // of the claim that has it in its hands
}

// RunLabel returns the name that people use for the run: "daily-etl#142".
func (n *Notification) RunLabel() string { return fmt.Sprintf("%s#%d", n.WorkflowName, n.RunNumber) }

// NotificationFacts are what a notification tells, as it was when it happened.
type NotificationFacts struct {
	Status string       `json:"status,omitempty"` // of the run, if it is about the run
	Reason string       `json:"reason,omitempty"` // likewise
	Tasks  []ToldOfTask `json:"tasks,omitempty"`  // the first ones, at most NotificationTasksMax
}

// ToldOfTask is a task run as a notification tells it.
type ToldOfTask struct {
	Name    string `json:"name"`
	Status  string `json:"status"`
	Attempt int    `json:"attempt,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// Limits of one notification.
const (
	NotificationTasksMax  = 20
	notificationReasonMax = 500 // characters
)

// NotificationDraft is what notices come to for one recipient.
type NotificationDraft struct {
	RunID     uuid.UUID
	Event     NotificationEvent
	OfTasks   bool
	Recipient Recipient
	NotificationFacts
	Count int
	At    time.Time
}

// FoldKey is the same for drafts of a run that may become one message: what happens
// again goes to the same recipient for the same reason.
func (d *NotificationDraft) FoldKey() (string, error) {
	recipient, err := json.Marshal(d.Recipient)
	if err != nil {
		return "", fmt.Errorf("encode recipient: %w", err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%t\x00%s", d.Event, d.OfTasks, recipient))
	return hex.EncodeToString(sum[:16]), nil
}

// Fold adds what a later draft of the same key tells.
func (d *NotificationDraft) Fold(later NotificationDraft) {
	d.Count += later.Count
	room := NotificationTasksMax - len(d.Tasks)
	d.Tasks = append(d.Tasks, later.Tasks[:max(0, min(room, len(later.Tasks)))]...)
}

// DraftNotifications returns what notices come to, in their order: notices of tasks of
// one run with the same event and recipient are one draft, and each notice of a run is
// one of its own. graph returns the shape of a version.
func DraftNotifications(notices []Notice, graph func(versionID uuid.UUID) (*DAG, error)) ([]NotificationDraft, error) {
	type key struct {
		run  uuid.UUID
		fold string
	}
	var drafts []NotificationDraft
	places := map[key]int{}
	for i := range notices {
		n := &notices[i]
		g, err := graph(n.VersionID)
		if err != nil {
			return nil, err
		}
		told := map[string]bool{} // each recipient once
		for _, recipient := range apart(n.recipients(g)) {
			if n.Seq != RunSeq && n.Task == "" { // the run has not started, so the task has no row
				n.Task = g.TaskAt(n.Seq).Name
			}
			draft := n.draft(recipient)
			fold, err := draft.FoldKey()
			if err != nil {
				return nil, err
			}
			if told[fold] {
				continue
			}
			told[fold] = true
			at, known := places[key{n.RunID, fold}]
			if known && draft.OfTasks {
				drafts[at].Fold(draft)
				continue
			}
			places[key{n.RunID, fold}] = len(drafts)
			drafts = append(drafts, draft)
		}
	}
	return drafts, nil
}

// apart returns recipients that can each take a message or refuse it: of an email each
// address gets a letter of its own, so that one that is wrong holds up no other.
func apart(recipients []Recipient) []Recipient {
	var each []Recipient
	for _, r := range recipients {
		if r.Email == nil {
			each = append(each, r)
			continue
		}
		for _, address := range r.Email.To {
			each = append(each, Recipient{Email: &Email{To: []string{address}}, Text: r.Text})
		}
	}
	return each
}

// recipients returns who is told of a notice.
func (n *Notice) recipients(g *DAG) []Recipient {
	if n.Seq == RunSeq {
		return g.Definition.Notify[n.Event]
	}
	if !IsItem(n.Seq) && n.Seq >= len(g.Definition.Tasks) {
		return nil
	}
	return g.TaskAt(n.Seq).Notify[n.Event]
}

func (n *Notice) draft(recipient Recipient) NotificationDraft {
	draft := NotificationDraft{RunID: n.RunID, Event: n.Event, Recipient: recipient, At: n.At}
	reason := cut(n.Reason, notificationReasonMax)
	if n.Seq == RunSeq {
		draft.Status, draft.Reason = n.Status, reason
		return draft
	}
	draft.OfTasks, draft.Count = true, 1
	draft.Tasks = []ToldOfTask{{Name: n.Task, Status: n.Status, Attempt: n.Attempt, Reason: reason}}
	return draft
}

// cut returns the first characters of a text.
func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
