package dialect

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// Note is a notice to be written: what it says of the task run, or of the run, is what
// the rows say by then.
type Note struct {
	RunID     uuid.UUID
	VersionID uuid.UUID
	Seq       int // RunSeq: the run itself
	Event     miniairflow.NotificationEvent
	Reason    string // empty: that of the row
}

// Note plans the notices of task runs that have ended, or are tried again, and of the
// run if it is over now. Who is told of nothing costs nothing. Items count for their
// task, but for their retries.
func (p *Plan) Note(r *Run, ended []miniairflow.Ended, retried []int) {
	for _, e := range ended {
		if !miniairflow.IsItem(e.Seq) {
			p.noteTask(r, e.Seq, miniairflow.EventOfTask(e.Status))
		}
	}
	for _, seq := range retried {
		p.noteTask(r, seq, miniairflow.NotifyRetry)
	}
	if r.isOver() {
		p.NoteRun(r, miniairflow.EventOfRun(r.Result()), "")
	}
}

func (p *Plan) noteTask(r *Run, seq int, event miniairflow.NotificationEvent) {
	if len(r.Graph.TaskAt(seq).Notify[event]) > 0 {
		p.Notes = append(p.Notes, Note{RunID: r.ID, VersionID: r.VersionID, Seq: seq, Event: event})
	}
}

// NoteRun plans the notice of an event of the run itself.
func (p *Plan) NoteRun(r *Run, event miniairflow.NotificationEvent, reason string) {
	if len(r.Graph.Definition.Notify[event]) > 0 {
		p.Notes = append(p.Notes, Note{RunID: r.ID, VersionID: r.VersionID, Seq: miniairflow.RunSeq, Event: event, Reason: Text(reason)})
	}
}

// NotesOfRerun returns the notices of a rerun that changes a run, with the graph and the
// version to go on with: those of what was marked, that it is opened again, or that it
// is over with another result than before.
func NotesOfRerun(r *Run, versionID uuid.UUID, plan miniairflow.RerunPlan, req miniairflow.Rerun) []Note {
	var p Plan
	for _, m := range plan.Mark {
		p.noteTask(r, m.Seq, miniairflow.EventOfTask(m.Status))
	}
	switch result := r.Result(); {
	case plan.Reopens:
		p.NoteRun(r, miniairflow.NotifyRetry, reopenReason(req.By))
	case r.Status.IsTerminal() && result != r.Status:
		p.NoteRun(r, miniairflow.EventOfRun(result), "")
	}
	for i := range p.Notes {
		p.Notes[i].VersionID = versionID
	}
	return p.Notes
}

// Draft is miniairflow.DraftNotifications of which a panic is an error: of one notice that
// the code cannot stand it must not hold up all others.
func Draft(notices []miniairflow.Notice, graph func(versionID uuid.UUID) (*miniairflow.DAG, error)) (drafts []miniairflow.NotificationDraft, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return miniairflow.DraftNotifications(notices, graph)
}

// FaultOfNotice returns what a gathering of a single notice has failed with, as a fault of
// the notice unless it is one of the moment.
func FaultOfNotice(ctx context.Context, fault miniairflow.NoticeFault, err error) error {
	if err == nil || fault.ID == 0 || ctx.Err() != nil || miniairflow.ErrorCode(err) == miniairflow.CodeUnavailable {
		return err
	}
	fault.Err = err
	return &fault
}

// NotesOfCancel returns a plan with the notices of a run that is cancelled before it has
// begun, or begun again, with the ends of its task runs.
func NotesOfCancel(r *Run, ended []miniairflow.Ended) *Plan {
	p := &Plan{}
	p.Note(r, ended, nil)
	p.NoteRun(r, miniairflow.NotifyCancel, "")
	return p
}

// reopenReason says who has opened a run again.
func reopenReason(by miniairflow.Actor) string {
	reason := "opened again"
	if by.Name != "" {
		reason += " by " + by.Name
	}
	if by.Reason != "" {
		reason += ": " + by.Reason
	}
	return reason
}

// Outgoing is a draft as it is written.
type Outgoing struct {
	*miniairflow.NotificationDraft
	ID          uuid.UUID // of a new notification
	FoldKey     string
	Destination string
	Recipient   string // JSON
}

// NewOutgoing prepares a draft for being written.
func NewOutgoing(draft *miniairflow.NotificationDraft) (Outgoing, error) {
	key, err := draft.FoldKey()
	if err != nil {
		return Outgoing{}, err
	}
	recipient, err := json.Marshal(draft.Recipient)
	if err != nil {
		return Outgoing{}, fmt.Errorf("encode recipient: %w", err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Outgoing{}, fmt.Errorf("new id: %w", err)
	}
	return Outgoing{
		NotificationDraft: draft, ID: id, FoldKey: key, Destination: Text(draft.Recipient.Destination()), Recipient: Text(string(recipient)),
	}, nil
}

// Earlier is what there is of notifications like a draft.
type Earlier struct {
	Count  int        // of those before
	OpenID *uuid.UUID // one that was not tried yet; nil: none
	Facts  string     // of the open one
	Tasks  int        // that the open one is about
}

// FoldInto adds the draft to what an earlier notification says, and returns what that
// says from now on.
func (o Outgoing) FoldInto(e Earlier) (facts string, tasks int, err error) {
	whole := miniairflow.NotificationDraft{Count: e.Tasks}
	if err := json.Unmarshal([]byte(e.Facts), &whole.NotificationFacts); err != nil {
		return "", 0, fmt.Errorf("decode facts of a notification: %w", err)
	}
	whole.Fold(*o.NotificationDraft)
	facts, err = EncodeFacts(whole.NotificationFacts)
	return facts, whole.Count, err
}

// EncodeFacts returns facts as they are stored.
func EncodeFacts(facts miniairflow.NotificationFacts) (string, error) {
	data, err := json.Marshal(facts)
	if err != nil {
		return "", fmt.Errorf("encode facts of a notification: %w", err)
	}
	return string(data), nil
}

// DecodeNotification sets what is stored as JSON.
func DecodeNotification(n *miniairflow.Notification, recipient, facts string) error {
	if err := json.Unmarshal([]byte(recipient), &n.Recipient); err != nil {
		return fmt.Errorf("decode recipient of notification %s: %w", n.ID, err)
	}
	if err := json.Unmarshal([]byte(facts), &n.NotificationFacts); err != nil {
		return fmt.Errorf("decode facts of notification %s: %w", n.ID, err)
	}
	return nil
}

// lastErrorMax bounds what is kept of the error of a try, in characters.
const lastErrorMax = 1000

// LastError returns the error of a try as it is stored.
func LastError(text string) string {
	if runes := []rune(text); len(runes) > lastErrorMax {
		text = string(runes[:lastErrorMax]) + "…"
	}
	return Text(text)
}
