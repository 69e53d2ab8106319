package postgres

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sauravritesh63/miniairflow"
)

// codeCannotConnect is what a server answers that is starting up, shutting down
// or recovering.
const codeCannotConnect = "57P03"

// contact knows whether a refusal to connect proves that nobody can reach the
// database: the url names one server, the last connection ended at that very
// server and not at a proxy in between, and no standby was there to take over.
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

// learn looks at a new connection. What it cannot find out proves nothing.
func (c *contact) learn(ctx context.Context, conn *pgx.Conn) {
	if !c.single {
		return
	}
	const text = `
		SELECT coalesce(host(inet_server_addr()), ''), coalesce(inet_server_port(), 0),
			NOT pg_is_in_recovery() AND NOT EXISTS (SELECT 1 FROM pg_stat_replication)`
	var address string
	var port int
	var alone bool
	err := conn.QueryRow(ctx, text, pgx.QueryExecModeSimpleProtocol).Scan(&address, &port, &alone)
	remote := conn.PgConn().Conn().RemoteAddr()
	direct := remote.Network() == "unix" || remote.String() == net.JoinHostPort(address, strconv.Itoa(port))
	c.proves.Store(err == nil && alone && direct)
}

// proven adds ErrServerDown to an error that proves it.
func (c *contact) proven(err error) error {
	if err == nil || !c.proves.Load() || !isRefusal(err) {
		return err
	}
	return &miniairflow.Error{
		Code: miniairflow.CodeUnavailable, Message: "the database server is down", Err: errors.Join(miniairflow.ErrServerDown, err),
	}
}

// isRefusal reports whether the machine of the server refused the connection for
// it, or the server itself did because it is starting or shutting down. A
// standby that takes no connections yet says so in other words.
func isRefusal(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == codeCannotConnect && (strings.Contains(pg.Message, "starting up") || strings.Contains(pg.Message, "shutting down"))
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); !ok {
		return false
	}
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) // no socket file
}
