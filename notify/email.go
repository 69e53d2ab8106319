package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// SMTP is the server that letters are handed to.
type SMTP struct {
	host     string
	port     int
	isTLS    bool // from the first byte on; else STARTTLS
	isPlain  bool // without any encryption
	user     string
	password string
	from     mail.Address
	tls      *tls.Config // nil: the usual one
}

// ParseSMTP reads the address of a server, smtp://user:password@host:587 (STARTTLS),
// smtps://user:password@host:465 (TLS), or smtp://host:25?tls=none for one that has
// neither, and the address that letters come from. Its errors show no password.
func ParseSMTP(address, from string) (*SMTP, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" {
		return nil, errors.New("write smtp://user:password@host:587 or smtps://user:password@host:465, with %40 for an @ in the password")
	}
	s := &SMTP{host: u.Hostname(), port: 587, user: u.User.Username()}
	s.password, _ = u.User.Password()
	switch mode := u.Query().Get("tls"); {
	case u.Scheme == "smtps" && mode == "":
		s.isTLS, s.port = true, 465
	case u.Scheme == "smtp" && mode == "":
	case u.Scheme == "smtp" && mode == "none":
		s.isPlain, s.port = true, 25
	default:
		return nil, errors.New("it begins with smtp:// or smtps://, and may end with ?tls=none after smtp:// for a server without encryption")
	}
	if text := u.Port(); text != "" {
		if s.port, err = strconv.Atoi(text); err != nil || s.port < 1 || s.port > 65535 {
			return nil, fmt.Errorf("port %s is none", text)
		}
	}
	if s.isPlain && s.password != "" {
		return nil, errors.New("a password is never sent without encryption: remove ?tls=none, or the password")
	}
	parsed, err := mail.ParseAddress(from)
	if err != nil {
		return nil, errors.New("the address that letters come from is missing or wrong: write --smtp-from \"Mini Airflow <airflow@example.org>\"")
	}
	s.from = *parsed
	return s, nil
}

// Trust lets the client use these settings for TLS in place of the usual ones.
func (s *SMTP) Trust(settings *tls.Config) { s.tls = settings }

// client returns a client for one letter, which ctx ends.
func (s *SMTP) client(ctx context.Context) (*gomail.Client, error) {
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.tls != nil {
		settings = s.tls.Clone()
	}
	settings.ServerName = s.host
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(SendTimeout), gomail.WithTLSConfig(settings), gomail.WithDialContextFunc(s.dial(ctx, settings)),
	}
	switch {
	case s.isTLS:
		options = append(options, gomail.WithSSL())
	case s.isPlain:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	return gomail.NewClient(s.host, options...)
}

// dial returns how the client connects. The library asks its context while it connects
// only: a server that takes a connection and then says nothing would hold it for ever, so
// the connection is closed when ctx ends.
func (s *SMTP) dial(ctx context.Context, settings *tls.Config) gomail.DialContextFunc {
	return func(dialing context.Context, network, address string) (net.Conn, error) {
		dial := (&net.Dialer{}).DialContext
		if s.isTLS {
			dial = (&tls.Dialer{Config: settings}).DialContext
		}
		conn, err := dial(dialing, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.Close() }) // it may be closed already
		}
		return conn, err
	}
}

// introduce tells the server who sends, in the first way that both know. A password goes
// over encrypted connections only, see ParseSMTP.
func (s *SMTP) introduce(conn *smtp.Client) error {
	if s.user == "" {
		return nil
	}
	_, offered := conn.Extension("AUTH")
	for _, way := range []struct {
		name string
		auth smtp.Auth
	}{
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(s.user, s.password)},
		{"PLAIN", smtp.PlainAuth("", s.user, s.password, s.host, false)},
		{"LOGIN", smtp.LoginAuth(s.user, s.password, s.host, false)},
		{"CRAM-MD5", smtp.CRAMMD5Auth(s.user, s.password)},
	} {
		if slices.Contains(strings.Fields(offered), way.name) {
			return conn.Auth(way.auth)
		}
	}
	return fmt.Errorf("it knows none of the ways to give a password, SCRAM-SHA-256, PLAIN, LOGIN and CRAM-MD5; it offers %q", offered)
}

// send hands a message to the server.
func (s *SMTP) send(ctx context.Context, m *Message) error {
	letter := gomail.NewMsg()
	letter.FromMailAddress(&s.from)
	if err := letter.To(m.To...); err != nil {
		return fmt.Errorf("read addresses: %w", err)
	}
	letter.Subject(m.Subject)
	letter.SetDateWithValue(m.At)
	_, domain, _ := strings.Cut(s.from.Address, "@")
	letter.SetMessageIDWithValue(m.ID.String() + "@" + domain)
	letter.SetGenHeader(gomail.Header(HeaderID), m.ID.String())
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // no out-of-office replies, please
	letter.SetBodyString(gomail.TypeTextPlain, m.Text)
	client, err := s.client(ctx)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	err = s.deliver(ctx, client, letter)
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("mail server %s did not take the letter within %s", s.host, SendTimeout)
	case err != nil:
		return fmt.Errorf("mail server %s: %s", s.host, s.hide(err.Error()))
	}
	return nil
}

// deliver hands over a letter. Once the server has taken it nothing that the server says
// afterwards is an error: the letter would go a second time.
func (s *SMTP) deliver(ctx context.Context, client *gomail.Client, letter *gomail.Msg) error {
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	if err := s.introduce(conn); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	err = client.SendWithSMTPClient(conn, letter)
	_ = client.CloseWithSMTPClient(conn) // what has become of the letter is known
	if letter.IsDelivered() {
		return nil
	}
	return err
}

// hide returns a text without the password.
func (s *SMTP) hide(text string) string {
	if s.password == "" {
		return text
	}
	return strings.ReplaceAll(text, s.password, "***")
}
