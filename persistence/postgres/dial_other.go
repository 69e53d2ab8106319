//go:build !linux

package postgres

import "syscall"

// limitUnacked does nothing: this system bounds it by its own rules.
func limitUnacked(string, string, syscall.RawConn) error { return nil }
