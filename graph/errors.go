package graph

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/sauravritesh63/miniairflow"
)

// Codes of errors that the domain does not have.
const (
	codeSlowClient = "SLOW_CLIENT"    // a subscription fell too far behind: connect again
	codeLimit      = "LIMIT_EXCEEDED" // the operation asks for more than one may
	codeCancelled  = "CANCELLED"      // the client went away
)

// errorsMax is how many errors one answer shows.
const errorsMax = 10

var errSlowClient = codedError(codeSlowClient, "the client reads too slowly: connect again")

func codedError(code, format string, args ...any) *gqlerror.Error {
	return &gqlerror.Error{Message: fmt.Sprintf(format, args...), Extensions: map[string]any{"code": code}}
}

// presenter turns errors into what clients see. Domain errors show their
// message and code, errors of the protocol are shown as they are, and all others
// become an id under which the log has the cause.
type presenter struct{ logger *slog.Logger }

func (p presenter) present(ctx context.Context, err error) *gqlerror.Error {
	var shown *gqlerror.Error
	if errors.As(err, &shown) && (shown.Extensions["code"] != nil || !inOperation(ctx)) {
		return shown
	}
	if shown == nil {
		shown = gqlerror.WrapPath(graphql.GetPath(ctx), err)
	}
	masked := &gqlerror.Error{Path: shown.Path, Locations: shown.Locations}
	code := miniairflow.ErrorCode(err)
	switch {
	case code != miniairflow.CodeInternal:
		masked.Message = miniairflow.ErrorMessage(err)
	case errors.Is(err, context.DeadlineExceeded):
		code, masked.Message = miniairflow.CodeUnavailable, fmt.Sprintf("the operation took longer than %s", operationTimeout)
	case errors.Is(err, context.Canceled):
		code, masked.Message = codeCancelled, "the operation was cancelled"
	default:
		id := rand.Text()
		p.logger.ErrorContext(ctx, "GraphQL operation failed", "error_id", id, "path", shown.Path.String(), "err", err)
		masked.Message = "internal error; the server's log has it under " + id
	}
	masked.Extensions = map[string]any{"code": code}
	return masked
}

// inOperation reports whether ctx belongs to an operation that has passed
// parsing and validation, whose own errors are for the client.
func inOperation(ctx context.Context) bool {
	return graphql.HasOperationContext(ctx) && graphql.GetOperationContext(ctx).Operation != nil
}

// recover turns a panic into an error, which present logs and hides.
func (p presenter) recover(_ context.Context, cause any) error {
	return fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
}

// streamFailure carries the error that ended a subscription to its last answer.
type streamFailure struct {
	mu  sync.Mutex
	err error
}

type streamFailureKey struct{}

// failStream lets the subscription of ctx end with err.
func failStream(ctx context.Context, err error) {
	if failure, ok := ctx.Value(streamFailureKey{}).(*streamFailure); ok {
		failure.mu.Lock()
		defer failure.mu.Unlock()
		failure.err = err
	}
}

func (f *streamFailure) take() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.err
	f.err = nil
	return err
}

// reportFailures answers with the error that ended a subscription, once, before
// its end: neither transport has another way that both have.
func (p presenter) reportFailures(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	failure := &streamFailure{}
	responses := next(context.WithValue(ctx, streamFailureKey{}, failure))
	return func(ctx context.Context) *graphql.Response {
		if response := responses(ctx); response != nil {
			return response
		}
		if err := failure.take(); err != nil {
			return &graphql.Response{Errors: gqlerror.List{p.present(ctx, err)}}
		}
		return nil
	}
}
