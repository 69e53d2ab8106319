package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sauravritesh63/miniairflow"
)

// codeCannotConnect is what a server answers that is starting up, shutting down
// or recovering.
const codeCannotConnect = "57P03"

// contact knows whether a refusal to connect proves that nobody can reach the
// database: the url names one server, the last heartbeat ended at that very
// server and not at a proxy or tunnel before it, and no standby was there to take over.
type contact struct {
	single bool // the url names one server
	proves atomic.Bool
}

func newContact(config *pgx.ConnConfig) *contact {
	c := &contact{single: true}
	for _, other := range config.Fallbacks {
		c.single = c.single && other.Host == config.Host && other.Port == config.Port
	}
	return c
}

// learn looks at a connection. What it cannot find out proves nothing. A standby
// that was known once has a slot, even while it is away.
func (c *contact) learn(ctx context.Context, conn *pgx.Conn) {
	if !c.single {
		return
	}
	const text = `
		SELECT coalesce(host(inet_server_addr()), ''), coalesce(inet_server_port(), current_setting('port')::int), pg_backend_pid(),
			NOT pg_is_in_recovery() AND NOT EXISTS (SELECT 1 FROM pg_stat_replication)
				AND NOT EXISTS (SELECT 1 FROM pg_replication_slots WHERE slot_type = 'physical')`
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var server endpoint
	var alone bool
	err := conn.QueryRow(ctx, text, pgx.QueryExecModeSimpleProtocol).Scan(&server.host, &server.port, &server.pid, &alone)
	c.proves.Store(err == nil && alone && isDirect(conn.PgConn().Conn().RemoteAddr(), server, isLocalPostgres))
}

// learnAgain is learn for a connection of a pool: standbys come and go.
func (c *contact) learnAgain(ctx context.Context, pool *pgxpool.Pool) {
	if !c.single {
		return
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		c.proves.Store(false)
		return
	}
	defer conn.Release()
	c.learn(ctx, conn.Conn())
}

// endpoint is where a connection ends as the server tells it; host is empty for
// one by a unix socket.
type endpoint struct {
	host string
	port int
	pid  int // of the server's process for this connection
}

// isDirect reports whether the connection to remote ends at the server without
// anything in between. A tunnel has the same loopback address on both ends, and
// a pooler a socket of the same kind, so on this machine the process must be there.
func isDirect(remote net.Addr, server endpoint, isLocal func(pid int) bool) bool {
	if remote.Network() == "unix" {
		return server.host == "" && strings.HasSuffix(remote.String(), ".s.PGSQL."+strconv.Itoa(server.port)) && isLocal(server.pid)
	}
	if remote.String() != net.JoinHostPort(server.host, strconv.Itoa(server.port)) {
		return false
	}
	ip := net.ParseIP(server.host)
	return ip != nil && (!ip.IsLoopback() || isLocal(server.pid))
}

// isLocalPostgres reports whether a process of this machine is one of PostgreSQL.
// Where there is no /proc the answer is no, which only makes a worker careful.
func isLocalPostgres(pid int) bool {
	name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	return err == nil && strings.HasPrefix(string(name), "postgres")
}

// proven adds ErrServerDown to an error that proves it.
func (c *contact) proven(err error) error {
	if _, connecting := errors.AsType[*pgconn.ConnectError](err); !connecting || !c.proves.Load() || !isRefusal(err) {
		return err
	}
	return &miniairflow.Error{
		Code: miniairflow.CodeUnavailable, Message: "nobody can reach the database", Err: fmt.Errorf("%w: %w", miniairflow.ErrServerDown, err),
	}
}

// isRefusal reports whether the machine of the server refused the connection for
// it, or the server itself did because it is starting or shutting down. A
// standby that takes no connections yet says so in other words. A name may stand
// for several addresses: each of them must have refused.
func isRefusal(err error) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all := joined.Unwrap()
		return len(all) > 0 && !slices.ContainsFunc(all, func(one error) bool { return !isRefusal(one) })
	}
	if pg, ok := err.(*pgconn.PgError); ok { //nolint:errorlint // walks the tree itself
		return pg.Code == codeCannotConnect && (strings.Contains(pg.Message, "starting up") || strings.Contains(pg.Message, "shutting down"))
	}
	if inner := errors.Unwrap(err); inner != nil {
		return isRefusal(inner)
	}
	return err == syscall.ECONNREFUSED || err == syscall.ENOENT //nolint:errorlint // a leaf; the latter: no socket file
}
