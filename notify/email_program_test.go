package notify_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/notify"
)

// smtpPatience is how long a program may take to start.
const smtpPatience = 30 * time.Second

// startSMTP starts aiosmtpd, a mail server that shares no code with the client, until the
// test ends. It keeps letters in the folder that is returned, as a mailbox of files.
func startSMTP(t *testing.T, options ...string) (address, mailbox string) {
	t.Helper()
	program, err := exec.LookPath("aiosmtpd")
	require.NoError(t, err, "there is no mail server for tests here: run make setup")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address = free.Addr().String()
	require.NoError(t, free.Close())
	mailbox = filepath.Join(t.TempDir(), "mailbox")
	args := append([]string{"--nosetuid", "--listen", address, "--class", "aiosmtpd.handlers.Mailbox"}, options...)
	server := exec.Command(program, append(args, mailbox)...)
	var said bytes.Buffer
	server.Stdout, server.Stderr = &said, &said
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Logf("the mail server says: %s", said.Bytes())
		}
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	}, smtpPatience, 10*time.Millisecond, "the mail server does not answer")
	return address, mailbox
}

// files writes the certificate of a server and its key as programs read them.
func files(t *testing.T, settings *tls.Config) (certificate, key string) {
	t.Helper()
	pair := settings.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	return certificate, key
}

// Letters arrive at a mail server that is a program of its own, in each way of encryption.
func TestEmailToAProgram(t *testing.T) {
	settings, trust := certificate(t)
	cert, key := files(t, settings)
	for _, c := range []struct {
		name, url string
		options   []string
	}{
		{"STARTTLS", "smtp://%", []string{"--tlscert", cert, "--tlskey", key}},
		{"TLS", "smtps://%", []string{"--smtpscert", cert, "--smtpskey", key}},
		{"no encryption", "smtp://%?tls=none", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			address, mailbox := startSMTP(t, c.options...)
			m := message(failed(), "Grüße\n.\nend", "")
			m.To = []string{"data@example.org"}
			url := strings.ReplaceAll(c.url, "%", address)
			require.NoError(t, mailer(t, url, trust).Send(t.Context(), m))
			letters, err := filepath.Glob(filepath.Join(mailbox, "new", "*"))
			require.NoError(t, err)
			require.Len(t, letters, 1)
			text, err := os.ReadFile(letters[0])
			require.NoError(t, err)
			read, err := mail.ReadMessage(bytes.NewReader(text))
			require.NoError(t, err)
			require.Equal(t, "daily-etl#142 failed", read.Header.Get("Subject"))
			require.Equal(t, "data@example.org", read.Header.Get("X-RcptTo"), "to whom it was handed over")
			require.Equal(t, m.ID.String(), read.Header.Get(notify.HeaderID))
			require.Contains(t, decoded(t, read), "Grüße\n.\nend")
		})
	}
}
