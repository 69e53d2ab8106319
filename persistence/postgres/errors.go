package postgres

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sauravritesh63/miniairflow"
)

// SQLSTATE codes that mean something to the store.
const (
	codeSerialization = "40001"
	codeDeadlock      = "40P01"
	codeLockTimeout   = "55P03"
	codeQueryCanceled = "57014" // by statement_timeout: a cancelled ctx is known without it
	codeAdminShutdown = "57P01"
	codeDiskFull      = "53100"
	codeReadOnly      = "25006" // a connection to what has become a standby
	codeUnique        = "23505"
	codeIdleInTx      = "25P03"
	classConnection   = "08"
	classResources    = "53"
	classIntervention = "57P"
)

// mapError gives an error of the driver its meaning: ErrNotFound for no row,
// CodeUnavailable for a database that cannot answer now. Errors of the program
// and nil are returned as they are, and so is the end of the caller's ctx.
func mapError(err error) error {
	var known *miniairflow.Error
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, pgx.ErrNoRows):
		return miniairflow.ErrNotFound
	case errors.Is(err, context.Canceled):
		return err
	case isLocked(err):
		return &miniairflow.Error{
			Code: miniairflow.CodeUnavailable, Message: "the database is busy with the same thing", Err: errors.Join(miniairflow.ErrLocked, err),
		}
	case isFull(err):
		return &miniairflow.Error{Code: miniairflow.CodeUnavailable, Message: "the database has no room left", Err: errors.Join(miniairflow.ErrFull, err)}
	case isUnavailable(err):
		return &miniairflow.Error{Code: miniairflow.CodeUnavailable, Message: "the database does not answer now", Err: err}
	default:
		return err
	}
}

func isUnavailable(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code {
		case codeSerialization, codeDeadlock, codeLockTimeout, codeQueryCanceled, codeReadOnly, codeIdleInTx:
			return true
		}
		return strings.HasPrefix(pg.Code, classConnection) || strings.HasPrefix(pg.Code, classResources) ||
			strings.HasPrefix(pg.Code, classIntervention)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return pgconn.SafeToRetry(err) || pgconn.Timeout(err) || errors.Is(err, net.ErrClosed) || isBrokenPipe(err)
}

// isLocked reports whether the wait for a lock took longer than lock_timeout.
func isLocked(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == codeLockTimeout
}

// isFull reports whether the server's disk has no room left.
func isFull(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == codeDiskFull
}

// isRetryable reports whether the transaction was rolled back by the server
// only because of others, so that the same one may well succeed now.
func isRetryable(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == codeSerialization || pg.Code == codeDeadlock)
}

// isLost reports whether the connection must not be used again: its server is
// going away or no longer takes writes.
func isLost(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == codeReadOnly || pg.Code == codeAdminShutdown)
}

// isUnique reports whether err is a violation of the named unique constraint or index.
func isUnique(err error, constraint string) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == codeUnique && pg.ConstraintName == constraint
}

func invalidURLError(err error) error {
	return &miniairflow.Error{Code: miniairflow.CodeInvalid, Message: "the database URL is wrong: want postgres://user:password@host/database", Err: err}
}
