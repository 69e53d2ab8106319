package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/logs"
	"github.com/sauravritesh63/miniairflow/notify"
)

const (
	// HoldDefault is how long the first notices of tasks of a run wait for others that
	// become one message with them.
	HoldDefault = 5 * time.Second

	gatherBatch     = 10 // notices, of up to 10 recipients with 20 addresses each: no more than 2,000 rows are written at a time
	sendsMax        = 16 // at a time
	sendsPerServer  = 4  // so that a slow one leaves room for others
	notifyLease     = 4 * notify.SendTimeout
	notifyEndWithin = 5 * time.Second // to note how a try has ended
)

// Messenger hands a message to its receiver, see notify.Sender.
type Messenger interface {
	Send(ctx context.Context, m *notify.Message) error
}

// NotifierConfig says what a Notifier works on. Zero values stand for the defaults.
type NotifierConfig struct {
	Store     miniairflow.Store
	Evaluator miniairflow.Evaluator
	Secrets   miniairflow.SecretSource // of webhooks; nil: there are none
	Messenger Messenger
	Logger    *slog.Logger
	Poll      time.Duration
	Pulse     *Pulse
	Hold      time.Duration                 // HoldDefault
	Lease     time.Duration                 // in which a try must be over; several times notify.SendTimeout
	Retry     miniairflow.NotificationRetry // miniairflow.NotificationRetryDefault
	PublicURL string                        // of the page, for links in messages; empty: there are none
}

// Notifier empties the outbox: it makes notifications of notices, and sends each until
// its receiver has taken it. Any number of them work on one store.
type Notifier struct {
	loops
	cfg   NotifierConfig
	kick  chan struct{}
	slots chan struct{} // one for each message on its way
	sends sync.WaitGroup
	shelf shelf[int64] // of notices
}

// NewNotifier returns a notifier. It does nothing before Run.
func NewNotifier(cfg NotifierConfig) *Notifier {
	cfg.Logger = or(cfg.Logger, slog.New(slog.DiscardHandler))
	cfg.Poll, cfg.Hold, cfg.Lease = or(cfg.Poll, PollDefault), or(cfg.Hold, HoldDefault), or(cfg.Lease, notifyLease)
	cfg.Retry = or(cfg.Retry, miniairflow.NotificationRetryDefault)
	return &Notifier{
		loops: loops{bus: cfg.Store.Bus(), logger: cfg.Logger, pulse: or(cfg.Pulse, NewPulse())},
		cfg:   cfg, kick: make(chan struct{}, 1), slots: make(chan struct{}, sendsMax), shelf: shelf[int64]{},
	}
}

// Run works until ctx ends, and returns nil when every message on its way has arrived,
// or was given up for others to send.
func (n *Notifier) Run(ctx context.Context) error {
	n.run(ctx, loop{name: "send notifications", topics: []miniairflow.Topic{miniairflow.TopicNotices}, poll: n.cfg.Poll, kick: n.kick, pass: n.pass})
	n.sends.Wait()
	return nil
}

// pass gathers all notices and begins to send what is due, as far as there is room.
func (n *Notifier) pass(ctx context.Context) (time.Duration, error) {
	gathering := n.gather(ctx)
	wait, err := n.sendDue(ctx)
	return wait, errors.Join(gathering, err)
}

// How a notice is treated of which no notification can be made.
const (
	noticeShelfTime  = 5 * time.Minute
	noticesFailedMax = 3 // in a row: then it is not they, but what they are written to
)

// gather makes notifications of all notices. One of which none can be made is put aside,
// and holds up no other; it is kept, for it may be the database that is at fault.
func (n *Notifier) gather(ctx context.Context) error {
	failed := 0
	for limit := gatherBatch; ; {
		n.shelf.clear(time.Now())
		gathered, err := n.cfg.Store.GatherNotices(ctx, n.cfg.Hold, limit, slices.Collect(maps.Keys(n.shelf))...)
		var fault *miniairflow.NoticeFault
		switch {
		case errors.As(err, &fault):
			n.shelf.put(fault.ID, time.Now().Add(noticeShelfTime))
			n.logger.ErrorContext(ctx, "Notifier: Nobody can be told of an event, no message can be made of it; it is set aside for a while",
				"run_id", fault.Notice.RunID, "event", fault.Notice.Event, "task", fault.Notice.Task, "for", noticeShelfTime.String(), "error", fault.Err)
			if failed++; failed == noticesFailedMax {
				return fmt.Errorf("gather notices: %d in a row cannot be written", failed)
			}
			limit = gatherBatch
		case err != nil && !isTransient(err) && limit > 1:
			limit = 1 // which finds the one that is at fault
		case err != nil:
			return fmt.Errorf("gather notices: %w", err)
		case gathered < limit:
			return nil
		default:
			failed = 0
		}
	}
}

// sendDue begins to send what is due, as far as there is room.
func (n *Notifier) sendDue(ctx context.Context) (time.Duration, error) {
	room := sendsMax - len(n.slots)
	if room == 0 {
		return unknown, nil // whatever has arrived gives a hint
	}
	claimed, next, err := n.cfg.Store.ClaimNotifications(ctx, miniairflow.NotificationClaim{
		Token: uuid.New(), Lease: n.cfg.Lease, Limit: room, PerDestination: sendsPerServer,
	})
	if err != nil {
		return 0, fmt.Errorf("claim notifications: %w", err)
	}
	for _, one := range claimed {
		n.slots <- struct{}{}
		n.sends.Go(func() {
			n.deliver(ctx, one)
			<-n.slots
			poke(n.kick)
		})
	}
	return until(ctx, n.cfg.Store, next)
}

// deliver sends a notification and notes what became of it. If that cannot be noted, it
// is sent again when the lease is over.
func (n *Notifier) deliver(ctx context.Context, one *miniairflow.Notification) {
	err := n.send(ctx, one)
	if err != nil && ctx.Err() != nil {
		err = errStopped
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notifyEndWithin)
	defer cancel()
	logger := n.logger.With("notification", one.ID, "run", one.RunLabel(), "event", one.Event, "to", one.Recipient.Label(), "tries", one.Tries)
	end := miniairflow.NotificationEnd{ID: one.ID, Token: one.Token}
	if err != nil {
		end, err = n.again(ctx, one, err)
	}
	if err == nil {
		err = n.cfg.Store.EndNotification(ctx, end)
	}
	switch {
	case err != nil:
		logger.WarnContext(ctx, "Notifier: It cannot be noted what became of a notification, it may be sent again", "error", err)
	case end.Error == "":
		logger.InfoContext(ctx, "Notifier: Sent")
	case end.IsStuck:
		logger.ErrorContext(ctx, "Notifier: Stuck, nobody has taken it for too long: send it by hand when that is mended", "error", end.Error)
	default:
		logger.WarnContext(ctx, "Notifier: Not taken, will be sent again", "error", end.Error, "in", end.Delay.Round(time.Millisecond))
	}
}

// errStopped ends a try that says nothing of the receiver: others make the next one at once.
var errStopped = errors.New("the server was stopped while it sent the message")

// again says when a notification that was not taken is sent again.
func (n *Notifier) again(ctx context.Context, one *miniairflow.Notification, cause error) (miniairflow.NotificationEnd, error) {
	end := miniairflow.NotificationEnd{ID: one.ID, Token: one.Token, Error: cause.Error()}
	if errors.Is(cause, errStopped) {
		return end, nil
	}
	now, err := n.cfg.Store.Now(ctx)
	if err != nil {
		return end, fmt.Errorf("read the database's time: %w", err)
	}
	var refused *notify.Refused
	wish := time.Duration(0)
	if errors.As(cause, &refused) {
		wish = refused.Wish
	}
	end.Delay, end.IsStuck = n.cfg.Retry.Next(one.Round, one.Since, now, rand.Float64(), wish)
	return end, nil
}

// send computes the message of a notification and sends it once. Its error shows no
// secret. A message that the code cannot stand fails, and not the process.
func (n *Notifier) send(ctx context.Context, one *miniairflow.Notification) (err error) {
	defer func() {
		if r := recover(); r != nil {
			n.logger.ErrorContext(ctx, "Notifier: Panic", "notification", one.ID, "panic", r, "stack", string(debug.Stack()))
			err = errors.New("the message cannot be made: see the server's log")
		}
	}()
	run, err := n.cfg.Store.FindRun(ctx, one.RunID)
	if err != nil {
		return fmt.Errorf("find run: %w", err)
	}
	scope, err := n.scope(ctx, one, run)
	if err != nil {
		return err
	}
	own, err := n.text(one, scope)
	if err != nil {
		return fmt.Errorf("text: %w", err)
	}
	message := notify.Compose(one, run, own, n.cfg.PublicURL)
	if one.Recipient.Email != nil {
		message.To = one.Recipient.Email.To
		return n.cfg.Messenger.Send(ctx, &message)
	}
	hidden := make([]string, 0, len(scope.Secrets))
	for _, value := range scope.Secrets {
		hidden = append(hidden, value)
	}
	hook, err := n.hook(one.Recipient.Webhook, scope)
	if err == nil {
		message.Webhook = hook
		err = n.cfg.Messenger.Send(ctx, &message)
	}
	return withoutSecrets(err, hidden)
}

// withoutSecrets returns an error whose text shows none of the values.
func withoutSecrets(err error, values []string) error {
	if err == nil || len(values) == 0 {
		return err
	}
	text := logs.Hide(err.Error(), values)
	if refused := (*notify.Refused)(nil); errors.As(err, &refused) {
		return &notify.Refused{Reason: text, Wish: refused.Wish}
	}
	return errors.New(text)
}

// scope returns what the templates of a notification may read.
func (n *Notifier) scope(ctx context.Context, one *miniairflow.Notification, run *miniairflow.WorkflowRun) (miniairflow.Scope, error) {
	scope := miniairflow.Scope{Params: run.Params, Run: runScope(run)}
	scope.Run.Status, scope.Run.Reason = miniairflow.RunStatus(one.Status), one.Reason
	if one.OfTasks {
		scope.Task = &one.Tasks[0]
	}
	var templates []string
	for _, template := range one.Recipient.Templates() {
		templates = append(templates, template.Text)
	}
	var err error
	if names := namesRead(n.cfg.Evaluator.Vars, templates); len(names) > 0 {
		if scope.Vars, err = n.cfg.Store.ReadVars(ctx, names); err != nil {
			return scope, fmt.Errorf("read %d variables: %w", len(names), err)
		}
	}
	names := namesRead(n.cfg.Evaluator.Secrets, templates)
	if hook := one.Recipient.Webhook; hook != nil && hook.Secret != "" {
		names = append(names, hook.Secret)
	}
	switch {
	case len(names) == 0:
		return scope, nil
	case n.cfg.Secrets == nil:
		return scope, errors.New("there are no secrets here")
	}
	scope.Secrets, err = n.cfg.Secrets.Reveal(ctx, names)
	return scope, err
}

// text returns the text that the file has for a notification: about several tasks one
// for each, equal ones once; empty if it has none.
func (n *Notifier) text(one *miniairflow.Notification, scope miniairflow.Scope) (string, error) {
	template := one.Recipient.Text
	if template == "" || !one.OfTasks {
		return n.cfg.Evaluator.Text(template, scope)
	}
	var texts []string
	known := map[string]bool{}
	for i := range one.Tasks {
		scope.Task = &one.Tasks[i]
		text, err := n.cfg.Evaluator.Text(template, scope)
		if err != nil {
			return "", err
		}
		if !known[text] {
			known[text] = true
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "\n") + notify.More(one), nil
}

// hook returns a webhook with its templates computed.
func (n *Notifier) hook(w *miniairflow.Webhook, scope miniairflow.Scope) (*notify.Hook, error) {
	hook := &notify.Hook{
		Format: w.Format, Headers: make(map[string]string, len(w.Headers)), Key: scope.Secrets[w.Secret], IsMuted: len(scope.Secrets) > 0,
	}
	var err error
	if hook.URL, err = n.cfg.Evaluator.Text(w.URL, scope); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	for name, template := range w.Headers {
		if hook.Headers[name], err = n.cfg.Evaluator.Text(template, scope); err != nil {
			return nil, fmt.Errorf("header %s: %w", name, err)
		}
	}
	return hook, nil
}
