package miniairflow

import (
	"errors"
	"fmt"
)

// Error codes. They are part of the API: GraphQL shows them in extensions.code
// and in userErrors, and the commands turn them into exit codes.
const (
	CodeConflict    = "CONFLICT"    // the state of the thing does not allow the change
	CodeForbidden   = "FORBIDDEN"   // the caller may not do this; somebody else may
	CodeInternal    = "INTERNAL"    // a fault of ours; its text is for the log, not for users
	CodeInvalid     = "INVALID"     // the input is wrong; the message says where and what to do
	CodeNotFound    = "NOT_FOUND"   // no such thing
	CodeUnavailable = "UNAVAILABLE" // the database cannot be reached now; the call may be repeated
)

// ErrNotFound matches, by errors.Is, every error with CodeNotFound.
var ErrNotFound = &Error{Code: CodeNotFound, Message: "not found"}

// ErrServerDown is wrapped by a CodeUnavailable error which proves that no
// process can reach the database: its only server is down, starting or shutting
// down, and told so itself or its machine refused the connection for it.
var ErrServerDown = errors.New("the database server is down")

// ErrLocked is wrapped by a CodeUnavailable error where something else that the
// call needs, such as a run, was held by another transaction for too long.
var ErrLocked = errors.New("locked by another transaction")

// ErrFull is wrapped by a CodeUnavailable error where the database has no room left.
var ErrFull = errors.New("the database is full")

// ErrFenced tells a worker that its session has ended: the database takes no
// more writes from it, and everything it still runs must be killed.
var ErrFenced = errors.New("worker session has ended")

// Error is an error that people may see. Code is one of the constants above,
// Message says what, where, and what to do, Field (if any) is the input it is
// about, and Err is the cause, which is logged but never shown.
type Error struct {
	Code    string
	Message string
	Field   string
	Err     error
}

// Error returns the message, followed by the cause if there is one.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an *Error of the same code, so that
// errors.Is(err, ErrNotFound) holds for every not-found error.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Errorf returns an *Error with the given code and formatted message. It wraps
// nothing: set Err for a cause.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// ErrorCode returns the code of the first *Error in err's chain, CodeInternal
// for any other error, and "" for nil.
func ErrorCode(err error) string {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// ErrorMessage returns the text that people may see: the message of the first
// *Error in err's chain, "internal error" for one with CodeInternal and for any
// other error, and "" for nil.
func ErrorMessage(err error) string {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) && e.Code != CodeInternal {
		return e.Message
	}
	return "internal error"
}
