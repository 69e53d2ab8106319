package notify_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/notify"
)

// letter is a mail as the server got it.
type letter struct {
	from string
	to   []string
	text []byte
	user string // that has given its password; empty: nobody
	safe bool   // it came encrypted
}

// postOffice is an SMTP server that takes letters.
type postOffice struct {
	mu      sync.Mutex
	letters []letter
}

// session is a conversation of a client with it.
type session struct {
	office *postOffice
	conn   *smtp.Conn
	letter letter
}

func (p *postOffice) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{office: p, conn: c}, nil
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "airflow" || password != "p@ss" {
			return errors.New("who are you")
		}
		s.letter.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.letter.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.letter.to = append(s.letter.to, to)
	return nil
}

func (s *session) Data(r io.Reader) (err error) {
	s.letter.text, err = io.ReadAll(r)
	_, s.letter.safe = s.conn.TLSConnectionState()
	s.office.mu.Lock()
	defer s.office.mu.Unlock()
	s.office.letters = append(s.office.letters, s.letter)
	return err
}

func (s *session) Reset()        { s.letter.to = nil }
func (s *session) Logout() error { return nil }

// open starts the server on the loopback address; with isTLS it speaks nothing else.
func (p *postOffice) open(t *testing.T, settings *tls.Config, isTLS bool) (address string) {
	t.Helper()
	server := smtp.NewServer(p)
	server.Domain, server.TLSConfig = "localhost", settings
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	if isTLS {
		listener = tls.NewListener(listener, settings)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		_ = server.Close()
		serving.Wait()
	})
	return listener.Addr().String()
}

// certificate returns what a server shows, and what a client must trust for it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: roots}
}

// mailer returns a sender that hands letters to a server.
func mailer(t *testing.T, address string, trust *tls.Config) *notify.Sender {
	t.Helper()
	server, err := notify.ParseSMTP(address, "Mini Airflow <airflow@example.org>")
	require.NoError(t, err)
	if trust != nil {
		server.Trust(trust)
	}
	return newSender(t, notify.Config{SMTP: server})
}

func TestEmail(t *testing.T) {
	settings, trust := certificate(t)
	for scheme, isTLS := range map[string]bool{"smtp": false, "smtps": true} {
		t.Run(scheme, func(t *testing.T) {
			office := &postOffice{}
			address := office.open(t, settings, isTLS)
			m := message(failed(), "Grüße\n.\nend", "")
			m.To = []string{"data@example.org", "ops@example.org"}
			require.NoError(t, mailer(t, scheme+"://airflow:p%40ss@"+address, trust).Send(t.Context(), m))
			require.Len(t, office.letters, 1)
			got := office.letters[0]
			require.Equal(t, [3]any{"airflow@example.org", "airflow", true}, [3]any{got.from, got.user, got.safe})
			require.Equal(t, m.To, got.to)
			read, err := mail.ReadMessage(bytes.NewReader(got.text))
			require.NoError(t, err)
			require.Equal(t, "daily-etl#142 failed", read.Header.Get("Subject"))
			require.Equal(t, "<"+m.ID.String()+"@example.org>", read.Header.Get("Message-ID"))
			require.Equal(t, m.ID.String(), read.Header.Get("X-Miniairflow-Notification-Id"))
			require.Equal(t, "auto-generated", read.Header.Get("Auto-Submitted"))
			to, err := read.Header.AddressList("To")
			require.NoError(t, err)
			require.Len(t, to, 2)
			require.Contains(t, decoded(t, read), "Grüße\r\n.\r\nend")
		})
	}
}

// decoded returns the text of a letter.
func decoded(t *testing.T, m *mail.Message) string {
	t.Helper()
	kind, _, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "text/plain", kind)
	require.Equal(t, "quoted-printable", m.Header.Get("Content-Transfer-Encoding"))
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	require.NoError(t, err)
	return string(text)
}

// A letter goes to nobody who is not who it says, and never in the clear unless that is
// what the address asks for.
func TestEmailThatCannotGo(t *testing.T) {
	settings, trust := certificate(t)
	office := &postOffice{}
	address := office.open(t, settings, false)
	plain := office.open(t, nil, false)
	m := message(failed(), "", "")
	m.To = []string{"data@example.org"}
	send := func(url string, trust *tls.Config) error { return mailer(t, url, trust).Send(t.Context(), m) }

	err := send("smtp://airflow:wr0ng@"+address, trust)
	require.ErrorContains(t, err, "mail server 127.0.0.1: ")
	require.NotContains(t, err.Error(), "wr0ng")
	require.ErrorContains(t, send("smtp://"+address, nil), "certificate")
	require.ErrorContains(t, send("smtp://"+plain, nil), "STARTTLS")
	require.Empty(t, office.letters)
	require.NoError(t, send("smtp://"+plain+"?tls=none", nil))
	require.Len(t, office.letters, 1)

	down, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, down.Close())
	require.ErrorContains(t, send("smtp://"+down.Addr().String(), nil), "connection refused")
	require.ErrorContains(t, newSender(t, notify.Config{}).Send(t.Context(), m), "start it with --smtp-url")
}

// A letter that was taken is sent, whatever becomes of the connection afterwards.
func TestEmailThatIsTakenBeforeTheServerGoes(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		answers := map[string]string{"MAIL": "250 ok", "RCPT": "250 ok", "NOOP": "250 ok", "EHLO": "250 localhost", "DATA": "354 go on", ".": "250 taken"}
		_, _ = io.WriteString(conn, "220 localhost\r\n")
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			command, _, _ := strings.Cut(lines.Text(), " ")
			if answer := answers[command]; answer != "" {
				_, _ = io.WriteString(conn, answer+"\r\n")
			}
			if command == "." {
				return
			}
		}
	})
	m := message(failed(), "", "")
	m.To = []string{"data@example.org"}
	require.NoError(t, mailer(t, "smtp://"+listener.Addr().String()+"?tls=none", nil).Send(t.Context(), m))
	require.NoError(t, listener.Close())
	serving.Wait()
}

// A server that says nothing, or stops in the middle, holds a letter no longer than its
// time.
func TestEmailToASilentServer(t *testing.T) {
	for _, says := range []string{"", "220 localhost\r\n", "220-localhost\r\n"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		conns := make(chan net.Conn, 1)
		go func() {
			defer close(conns)
			if conn, err := listener.Accept(); err == nil {
				_, _ = io.WriteString(conn, says)
				conns <- conn
			}
		}()
		m := message(failed(), "", "")
		m.To = []string{"data@example.org"}
		sender, ended := mailer(t, "smtp://"+listener.Addr().String()+"?tls=none", nil), make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			ended <- sender.Send(ctx, m)
		}()
		conn := <-conns
		select {
		case err := <-ended:
			require.ErrorContains(t, err, "mail server 127.0.0.1 did not take the letter")
			require.NoError(t, conn.Close())
		case <-time.After(smtpPatience):
			require.NoError(t, conn.Close())
			require.FailNow(t, "the letter is held by a silent server")
		}
		require.NoError(t, listener.Close())
	}
}

func TestParseSMTP(t *testing.T) {
	for _, wrong := range []string{
		"", "mail.example.org", "http://mail.example.org", "smtp://", "smtp://u:s3cret@h:0", "smtp://u:s3cret@h:70000", "smtp://u:s3cret@h?tls=none",
		"smtps://h?tls=none", "smtp://h?tls=maybe", "smtp://u:s3cret@h/x", "smtp://u:s3cret@h:x",
	} {
		_, err := notify.ParseSMTP(wrong, "airflow@example.org")
		require.Error(t, err, wrong)
		require.NotContains(t, err.Error(), "s3cret")
	}
	_, err := notify.ParseSMTP("smtp://mail.example.org", "nobody")
	require.ErrorContains(t, err, "--smtp-from")
	_, err = notify.ParseSMTP("smtp://mail.example.org", strings.Repeat("a", 10)+"@example.org")
	require.NoError(t, err)
}
