package action_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
	"github.com/sauravritesh63/miniairflow/runner/process"
)

// refusing starts nothing.
type refusing func(ctx context.Context) error

func (r refusing) Start(ctx context.Context, _ process.Spec) (*process.Process, error) {
	return nil, r(ctx)
}

func TestStartThatIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		start  func(ctx context.Context, cancel context.CancelCauseFunc) error
		status miniairflow.AttemptStatus
	}{
		"too late": {func(context.Context, context.CancelCauseFunc) error {
			return &process.StartError{Kind: process.TooLate, Text: "too late"}
		}, miniairflow.AttemptLost},
		"hangs, timed out": {func(ctx context.Context, cancel context.CancelCauseFunc) error {
			cancel(action.ErrTimedOut)
			return context.Cause(ctx)
		}, miniairflow.AttemptTimedOut},
		"hangs, lost": {func(ctx context.Context, cancel context.CancelCauseFunc) error {
			cancel(action.ErrLost)
			return context.Cause(ctx)
		}, miniairflow.AttemptLost},
		"impossible, though cancelled": {func(_ context.Context, cancel context.CancelCauseFunc) error {
			cancel(action.ErrCancelled)
			return errors.New("no such program")
		}, miniairflow.AttemptFailed},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			runner := action.New(nil, refusing(func(ctx context.Context) error { return c.start(ctx, cancel) }))
			result := runner.Run(ctx, script(t, "exit 0"), &started{c: make(chan struct{})})
			require.Equal(t, c.status, result.Status, result.Reason)
		})
	}
}
