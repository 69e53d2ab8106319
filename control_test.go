package miniairflow_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

func TestMain(m *testing.M) { persistencetest.Main(m) }

var tester = miniairflow.Actor{Name: "test", Reason: "because"}

// eachControl runs a test with a Control over both stores, which have the
// workflow "orders" with the params region (eu or us, default eu) and at (the
// logical date by default).
func eachControl(t *testing.T, test func(t *testing.T, c *miniairflow.Control)) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		d := persistencetest.Define("orders", persistencetest.Chain(2)...)
		d.Params = []miniairflow.Param{
			{Name: "region", Type: miniairflow.ParamString, Enum: []any{"eu", "us"}, Default: "eu"},
			{Name: "at", Type: miniairflow.ParamDatetime, Default: "${{ run.logical_date }}"},
		}
		persistencetest.MustSync(t, store, d)
		test(t, &miniairflow.Control{Store: store, Evaluator: expression.New()})
	})
}

func TestControl_TriggerWorkflow(t *testing.T) {
	eachControl(t, func(t *testing.T, c *miniairflow.Control) {
		logical := time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)
		run, err := c.TriggerWorkflow(t.Context(), miniairflow.TriggerRequest{
			Workflow: "orders", Params: map[string]any{"region": "us"}, LogicalDate: logical, IdempotencyKey: "k", By: tester,
		})
		require.NoError(t, err)
		require.Equal(t, "orders#1", run.Label())
		require.Equal(t, miniairflow.RunPending, run.Status)
		require.Equal(t, miniairflow.RunManual, run.Type)
		require.Equal(t, logical, run.LogicalDate)
		require.Equal(t, map[string]any{"region": "us", "at": "2026-01-31T06:00:00Z"}, run.Params)

		again, err := c.TriggerWorkflow(t.Context(), miniairflow.TriggerRequest{Workflow: "orders", IdempotencyKey: "k", By: tester})
		require.NoError(t, err)
		require.Equal(t, run.ID, again.ID)
		require.Equal(t, run.Params, again.Params, "the first run as it is")

		before, err := c.Store.Now(t.Context())
		require.NoError(t, err)
		now, err := c.TriggerWorkflow(t.Context(), miniairflow.TriggerRequest{Workflow: "orders", By: tester})
		require.NoError(t, err)
		require.Equal(t, "orders#2", now.Label())
		require.False(t, now.LogicalDate.Before(before), "without a logical date it is the database's time")
	})
}

func TestControl_TriggerWorkflowRefuses(t *testing.T) {
	eachControl(t, func(t *testing.T, c *miniairflow.Control) {
		persistencetest.MustSync(t, c.Store, persistencetest.Define("gone", persistencetest.Chain(1)...))
		require.NoError(t, c.Store.RetireFile(t.Context(), "gone.yaml"))
		tests := []struct {
			request           miniairflow.TriggerRequest
			code, field, text string
		}{
			{miniairflow.TriggerRequest{Workflow: "order"}, miniairflow.CodeNotFound, "", `no workflow is called "order"`},
			{miniairflow.TriggerRequest{Workflow: "gone"}, miniairflow.CodeConflict, "", "gone.yaml is gone"},
			{miniairflow.TriggerRequest{Workflow: "orders", Params: map[string]any{"region": "asia"}}, miniairflow.CodeInvalid, "params.region", "asia is not one of eu, us"},
			{miniairflow.TriggerRequest{Workflow: "orders", Params: map[string]any{"regoin": "eu"}}, miniairflow.CodeInvalid, "params.regoin", `did you mean "region"?`},
			{miniairflow.TriggerRequest{Workflow: "orders", IdempotencyKey: strings.Repeat("k", 256)}, miniairflow.CodeInvalid, "idempotencyKey", "up to 255 bytes"},
			{miniairflow.TriggerRequest{Workflow: "orders", IdempotencyKey: "a\x00"}, miniairflow.CodeInvalid, "idempotencyKey", "without NUL"},
			{miniairflow.TriggerRequest{Workflow: "orders", IdempotencyKey: "\xff"}, miniairflow.CodeInvalid, "idempotencyKey", "must be text"},
		}
		for _, tt := range tests {
			_, err := c.TriggerWorkflow(t.Context(), tt.request)
			var e *miniairflow.Error
			require.ErrorAs(t, err, &e, tt.text)
			require.Equal(t, tt.code, e.Code, tt.text)
			require.Equal(t, tt.field, e.Field, tt.text)
			require.Contains(t, e.Message, tt.text)
		}
		runs, err := c.Store.FindRuns(t.Context(), miniairflow.RunFilter{})
		require.NoError(t, err)
		require.Empty(t, runs, "nothing half-written")
	})
}

func TestControl_PausedWorkflowWaits(t *testing.T) {
	eachControl(t, func(t *testing.T, c *miniairflow.Control) {
		for range 2 {
			w, err := c.SetPaused(t.Context(), "orders", true, tester)
			require.NoError(t, err)
			require.True(t, w.IsPaused())
		}
		run, err := c.TriggerWorkflow(t.Context(), miniairflow.TriggerRequest{Workflow: "orders", By: tester})
		require.NoError(t, err)
		started, err := c.Store.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, started)
		w, err := c.SetPaused(t.Context(), "orders", false, tester)
		require.NoError(t, err)
		require.False(t, w.IsPaused())
		started, err = c.Store.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, []uuid.UUID{run.ID}, started)

		_, err = c.SetPaused(t.Context(), "order", true, tester)
		require.ErrorIs(t, err, miniairflow.ErrNotFound)
	})
}

func TestControl_CancelRun(t *testing.T) {
	eachControl(t, func(t *testing.T, c *miniairflow.Control) {
		run, err := c.TriggerWorkflow(t.Context(), miniairflow.TriggerRequest{Workflow: "orders", By: tester})
		require.NoError(t, err)
		for range 2 {
			cancelled, err := c.CancelRun(t.Context(), run.ID, tester)
			require.NoError(t, err)
			require.Equal(t, miniairflow.RunCancelled, cancelled.Status)
		}
		_, err = c.CancelRun(t.Context(), uuid.Max, tester)
		require.ErrorIs(t, err, miniairflow.ErrNotFound)
		require.ErrorContains(t, err, "no run has the id")
	})
}
