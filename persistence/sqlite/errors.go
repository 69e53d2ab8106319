package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/sauravritesh63/miniairflow"
)

// mapError gives an error of the driver its meaning: ErrNotFound for no row,
// CodeUnavailable for a database that cannot answer now. Errors of the program
// and nil are returned as they are, and so is the end of the caller's ctx.
func mapError(err error) error {
	var known *miniairflow.Error
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, sql.ErrNoRows):
		return miniairflow.ErrNotFound
	case errors.Is(err, context.Canceled):
		return err
	case isFull(err):
		return &miniairflow.Error{Code: miniairflow.CodeUnavailable, Message: "the database has no room left", Err: errors.Join(miniairflow.ErrFull, err)}
	case isUnavailable(err):
		return &miniairflow.Error{Code: miniairflow.CodeUnavailable, Message: "the database does not answer now", Err: err}
	default:
		return err
	}
}

func isUnavailable(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_CANTOPEN:
			return true
		}
		return false
	}
	return errors.Is(err, context.DeadlineExceeded)
}

// isFull reports whether the disk has no room left for the file.
func isFull(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == sqlite3.SQLITE_FULL
}

// isUnique reports whether err is a violation of a unique index or primary key.
func isUnique(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}
