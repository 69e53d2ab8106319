package postgres_test

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/persistence/postgres"
)

// connected returns both ends of a connection of this machine.
func connected(t *testing.T) (ours, theirs *net.TCPConn) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	dialed, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
	require.NoError(t, err)
	accepted, err := listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = dialed.Close()
		_ = accepted.Close()
	})
	return dialed.(*net.TCPConn), accepted.(*net.TCPConn)
}

func TestQuietConnection(t *testing.T) {
	ends := map[string]func(theirs *net.TCPConn) error{
		"goodbye": func(theirs *net.TCPConn) error { _, err := theirs.Write([]byte("E")); return err },
		"end":     func(theirs *net.TCPConn) error { return theirs.CloseWrite() },
		"reset": func(theirs *net.TCPConn) error {
			if err := theirs.SetLinger(0); err != nil {
				return err
			}
			return theirs.Close()
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			ours, theirs := connected(t)
			secured := tls.Client(ours, &tls.Config{MinVersion: tls.VersionTLS13})
			require.True(t, postgres.IsQuiet(ours))
			require.True(t, postgres.IsQuiet(secured))
			require.NoError(t, end(theirs))
			arrives := func() bool { return !postgres.IsQuiet(ours) }
			require.Eventually(t, arrives, time.Minute, time.Millisecond)
			require.False(t, postgres.IsQuiet(secured))
		})
	}
	ours, _ := connected(t)
	require.NoError(t, ours.Close())
	require.False(t, postgres.IsQuiet(ours), "what is closed is not known to be quiet")
}

func TestIdleConnectionIsAskedOnlyAfterASign(t *testing.T) {
	url := persistencetest.PostgresURL(t)
	idle, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	var pid int
	require.NoError(t, idle.QueryRow(t.Context(), `SELECT pg_backend_pid()`).Scan(&pid))
	require.False(t, postgres.ShouldPing(idle, 3*time.Second), "each look would be two round trips")
	require.True(t, postgres.ShouldPing(idle, time.Minute))

	other, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	_, err = other.Exec(t.Context(), `SELECT pg_terminate_backend($1)`, pid)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return postgres.ShouldPing(idle, 3*time.Second) }, time.Minute, time.Millisecond)
	require.Error(t, idle.Ping(t.Context()), "so the pool gives it up")
	require.NoError(t, other.Close(t.Context()))
}
