package postgres

import (
	"net"
	"time"
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
