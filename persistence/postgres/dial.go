package postgres

import (
	"context"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Times after which a connection whose other end has vanished is given up: a
// quiet one, and one on which something was sent that nobody acknowledges.
const (
	probeIdle     = 5 * time.Second
	probeInterval = 3 * time.Second
	probeCount    = 3
	unackedMax    = 15 * time.Second
)

// dialer connects so that the system notices soon when a server, or the network
// to it, is gone without a word.
func dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout:         timeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: probeIdle, Interval: probeInterval, Count: probeCount},
		Control:         limitUnacked,
	}
}

// Times for which a connection may have been idle before its server is asked whether
// it is still there: from the first on if anything has come from it meanwhile, which
// the end of a server is, and from the second on in any case.
const (
	idleTrusted = time.Second
	idleQuiet   = 5 * time.Second
)

// shouldPing decides whether to ask before a connection of a pool is used. Each look
// of an idle process would else be two round trips.
func shouldPing(_ context.Context, conn pgxpool.ShouldPingParams) bool {
	switch {
	case conn.IdleDuration < idleTrusted:
		return false
	case conn.IdleDuration >= idleQuiet:
		return true
	default:
		return !isQuiet(conn.Conn.PgConn().Conn())
	}
}
