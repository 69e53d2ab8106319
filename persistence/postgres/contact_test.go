package postgres_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/persistence/postgres"
)

// Only a connection that ends at the server itself makes a refusal a proof.
func TestDirectConnections(t *testing.T) {
	tcp := func(text string) net.Addr {
		addr, err := net.ResolveTCPAddr("tcp", text)
		require.NoError(t, err)
		return addr
	}
	socket := func(path string) net.Addr { return &net.UnixAddr{Net: "unix", Name: path} }
	for _, c := range []struct {
		name    string
		remote  net.Addr
		host    string
		port    int
		isLocal bool // the process of the server is on this machine
		want    bool
	}{
		{"another machine", tcp("10.1.2.3:5432"), "10.1.2.3", 5432, false, true},
		{"a proxy", tcp("10.1.2.9:5432"), "10.1.2.3", 5432, false, false},
		{"a proxy on the server's machine", tcp("10.1.2.3:6432"), "10.1.2.3", 5432, false, false},
		{"this machine", tcp("127.0.0.1:5432"), "127.0.0.1", 5432, true, true},
		{"a tunnel", tcp("127.0.0.1:5432"), "127.0.0.1", 5432, false, false},
		{"a tunnel over IPv6", tcp("[::1]:5432"), "::1", 5432, false, false},
		{"a published port", tcp("127.0.0.1:5432"), "172.17.0.2", 5432, false, false},
		{"a socket", socket("/var/run/postgresql/.s.PGSQL.5432"), "", 5432, true, true},
		{"a pooler's socket", socket("/var/run/postgresql/.s.PGSQL.6432"), "", 5432, true, false},
		{"a pooler's socket, the server by TCP", socket("/tmp/.s.PGSQL.5432"), "10.1.2.3", 5432, false, false},
		{"a tunnelled socket", socket("/tmp/.s.PGSQL.5432"), "", 5432, false, false},
	} {
		require.Equal(t, c.want, postgres.IsDirect(c.remote, c.host, c.port, c.isLocal), c.name)
	}
}

// Every address of a name must have refused, and nothing else may have happened.
func TestRefusals(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	silent := &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
	starting := &pgconn.PgError{Code: "57P03", Message: "the database system is starting up"}
	standby := &pgconn.PgError{Code: "57P03", Message: "the database system is not yet accepting connections"}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"refused":                   {fmt.Errorf("connect: %w", refused), true},
		"no socket":                 {os.NewSyscallError("connect", syscall.ENOENT), true},
		"starting up":               {fmt.Errorf("connect: %w", starting), true},
		"all refused":               {errors.Join(refused, refused), true},
		"one refused, one starting": {errors.Join(refused, starting), true},
		"one refused, one silent":   {errors.Join(refused, silent), false},
		"a standby":                 {standby, false},
		"silence":                   {silent, false},
		"closed":                    {io.ErrUnexpectedEOF, false},
	} {
		require.Equal(t, c.want, postgres.IsRefusal(c.err), name)
	}
}
