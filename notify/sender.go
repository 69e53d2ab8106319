package notify

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// SendTimeout bounds one try to send a message.
const SendTimeout = 15 * time.Second

// Config says how messages leave. The zero value sends no letters, and nothing into
// private networks.
type Config struct {
	SMTP         *SMTP // nil: letters cannot be sent
	AllowPrivate bool  // webhooks may be on the own machine and in private networks
}

// Sender sends messages. Its methods may be called from any goroutine.
type Sender struct {
	smtp   *SMTP
	client *http.Client
	now    func() time.Time
}

// NewSender returns a sender. The caller must Close it.
func NewSender(cfg Config) *Sender {
	return &Sender{smtp: cfg.SMTP, client: newClient(cfg.AllowPrivate), now: time.Now}
}

// Send sends a message once. Without an error its receiver has taken it; with one it may
// have. The error shows no secret of its own; a *Refused says when to come again.
func (s *Sender) Send(ctx context.Context, m *Message) error {
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	switch {
	case m.Webhook != nil:
		return s.post(ctx, m)
	case s.smtp == nil:
		return errors.New("the server has no mail server: start it with --smtp-url and --smtp-from")
	default:
		return s.smtp.send(ctx, m)
	}
}

// Close closes connections that are open for later messages.
func (s *Sender) Close() { s.client.CloseIdleConnections() }
