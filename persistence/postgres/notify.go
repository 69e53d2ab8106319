package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
)

const (
	notifyChannel   = "miniairflow"
	notifyPause     = 10 * time.Millisecond // at least, between two NOTIFYs of a process
	notifyBytesMax  = 7900                  // PostgreSQL takes less than 8000
	notifyEventsMax = 1024                  // more than that become TopicAll
	notifySendMax   = 5 * time.Second
	notifyFlushMax  = time.Second // to connect and send what is left at the end
	listenPingEvery = 15 * time.Second
	reconnectFirst  = 100 * time.Millisecond
	reconnectMax    = 5 * time.Second
)

// notifier carries events between the processes that share a database. They
// are hints, so it may lose some: whoever waits for them also polls. Its two
// connections are its own, since NOTIFY takes a lock that all committing
// transactions would otherwise wait for. That which sends is made with the first event.
type notifier struct {
	config *pgx.ConnConfig
	bus    *miniairflow.Bus
	log    *slog.Logger
	self   string // marks the notifications of this store, which its bus has already
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	pending map[miniairflow.Event]struct{}
	wake    chan struct{}
}

// startNotifier starts to listen and to send. The caller must stop it.
func startNotifier(config *pgx.ConnConfig, bus *miniairflow.Bus, log *slog.Logger) *notifier {
	ctx, cancel := context.WithCancel(context.Background())
	n := &notifier{
		config: config, bus: bus, log: log, self: uuid.NewString(), cancel: cancel,
		pending: map[miniairflow.Event]struct{}{}, wake: make(chan struct{}, 1),
	}
	n.done.Go(func() { n.keep(ctx, "listen", n.listen) })
	n.done.Go(func() {
		if n.awaitFirst(ctx) {
			n.keep(ctx, "notify", n.sendAll)
		}
		n.flush()
	})
	return n
}

// awaitFirst returns when there is something to send, or false at the end. Until
// then a connection to send would be one that the server makes for nothing, at the
// start of a process, where all others are made.
func (n *notifier) awaitFirst(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-n.wake:
		n.rouse()
		return true
	}
}

// stop sends what is left, if that is quick, and returns when both goroutines have ended.
func (n *notifier) stop() {
	n.cancel()
	n.done.Wait()
}

// send passes events on to the other processes, soon and without waiting.
func (n *notifier) send(events []miniairflow.Event) {
	n.mu.Lock()
	for _, e := range events {
		if len(n.pending) >= notifyEventsMax {
			clear(n.pending)
			e = miniairflow.Event{Topic: miniairflow.TopicAll}
		}
		n.pending[e] = struct{}{}
	}
	n.mu.Unlock()
	n.rouse()
}

// rouse makes the sender look for what is pending.
func (n *notifier) rouse() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// take returns the pending events as payloads.
func (n *notifier) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	payloads := encodeEvents(n.self, n.pending)
	clear(n.pending)
	return payloads
}

// keep calls work with a connection of its own, again and again until ctx ends.
func (n *notifier) keep(ctx context.Context, what string, work func(ctx context.Context, conn *pgx.Conn) error) {
	pause, silent := reconnectFirst, false
	for ctx.Err() == nil {
		conn, err := pgx.ConnectConfig(ctx, n.config)
		if err == nil {
			began := time.Now()
			err = work(ctx, conn)
			closeConn(conn)
			// A connection that breaks at once, as a pooler's may, is not back.
			if time.Since(began) > reconnectMax {
				pause, silent = reconnectFirst, false
			}
		}
		if ctx.Err() != nil {
			return
		}
		if !silent {
			n.log.WarnContext(ctx, "Connection for wake-ups lost, polling until it is back", "purpose", what, "err", err)
			silent = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, reconnectMax)
	}
}

func closeConn(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), notifyFlushMax)
	defer cancel()
	_ = conn.Close(ctx) // it is given up either way
}

// listen publishes what other processes tell, until the connection breaks.
// What they told before it was there is unknown, hence the TopicAll.
func (n *notifier) listen(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, `LISTEN `+notifyChannel); err != nil {
		return err
	}
	n.bus.Publish(miniairflow.Event{Topic: miniairflow.TopicAll})
	for {
		received, err := n.receive(ctx, conn)
		switch {
		case err == nil:
			n.bus.Publish(decodeEvents(n.self, received)...)
		case conn.IsClosed() || ctx.Err() != nil:
			return err
		default:
			if err := ping(ctx, conn); err != nil {
				return err
			}
		}
	}
}

// receive returns the next payload, or an error after listenPingEvery.
func (n *notifier) receive(ctx context.Context, conn *pgx.Conn) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, listenPingEvery)
	defer cancel()
	notification, err := conn.WaitForNotification(ctx)
	if err != nil {
		return "", err
	}
	return notification.Payload, nil
}

// ping finds out whether the server still answers on a connection that was silent.
func ping(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return conn.Ping(ctx)
}

// sendAll sends pending events whenever there are some.
func (n *notifier) sendAll(ctx context.Context, conn *pgx.Conn) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.wake:
		}
		if err := notify(context.WithoutCancel(ctx), conn, n.take()); err != nil {
			// What was lost with the connection is not known: let all look.
			n.send([]miniairflow.Event{{Topic: miniairflow.TopicAll}})
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(notifyPause):
		}
	}
}

// flush sends what is left at the end: a command that makes a run and ends
// would otherwise leave the server to its next poll.
func (n *notifier) flush() {
	payloads := n.take()
	if len(payloads) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), notifyFlushMax)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, n.config)
	if err == nil {
		err = notify(ctx, conn, payloads)
		closeConn(conn)
	}
	if err != nil {
		n.log.DebugContext(ctx, "Last wake-ups not sent", "err", err)
	}
}

// notify sends payloads. It is bounded, so that it need not be broken off.
func notify(ctx context.Context, conn *pgx.Conn, payloads []string) error {
	ctx, cancel := context.WithTimeout(ctx, notifySendMax)
	defer cancel()
	for _, payload := range payloads {
		if _, err := conn.Exec(ctx, `SELECT pg_notify($1, $2)`, notifyChannel, payload); err != nil {
			return fmt.Errorf("notify: %w", err)
		}
	}
	return nil
}

// encodeEvents returns payloads that PostgreSQL takes: a line with the sender,
// and a line "topic" or "topic id" for each event.
func encodeEvents(sender string, events map[miniairflow.Event]struct{}) []string {
	var payloads []string
	var b strings.Builder
	for e := range events {
		line := "\n" + string(e.Topic)
		if e.ID != uuid.Nil {
			line += " " + e.ID.String()
		}
		if b.Len() > 0 && b.Len()+len(line) > notifyBytesMax {
			payloads = append(payloads, b.String())
			b.Reset()
		}
		if b.Len() == 0 {
			b.WriteString(sender)
		}
		b.WriteString(line)
	}
	if b.Len() > 0 {
		payloads = append(payloads, b.String())
	}
	return payloads
}

// decodeEvents is the inverse of encodeEvents. Of the receiver's own payloads,
// and of lines that a newer version wrote, it returns nothing.
func decodeEvents(receiver, payload string) []miniairflow.Event {
	lines := strings.Split(payload, "\n")
	if lines[0] == receiver {
		return nil
	}
	var events []miniairflow.Event
	for _, line := range lines[1:] {
		topic, text, hasID := strings.Cut(line, " ")
		e := miniairflow.Event{Topic: miniairflow.Topic(topic)}
		if hasID {
			id, err := uuid.Parse(text)
			if err != nil {
				continue
			}
			e.ID = id
		}
		events = append(events, e)
	}
	return events
}
