//go:build !linux

package postgres

import (
	"net"
	"syscall"
)

// limitUnacked does nothing: this system bounds it by its own rules.
func limitUnacked(string, string, syscall.RawConn) error { return nil }

// isQuiet reports false: here nobody looks at a connection without asking its server.
func isQuiet(net.Conn) bool { return false }
