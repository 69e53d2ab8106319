package graph

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/sauravritesh63/miniairflow/graph/generated"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// What one operation may ask for.
const (
	bodyMax          = 1 << 20
	queryTextMax     = 64 << 10
	tokensMax        = 5000
	depthMax         = 12 // introspection not counted: it has a rule of its own
	fieldsMax        = 2000
	aliasesMax       = 30
	rootFieldsMax    = 20
	complexityMax    = 20_000 // objects in the answer, or as much work
	operationTimeout = 10 * time.Second
)

// Subscriptions that may be open.
const (
	streamsMax         = 2000 // in this process
	streamsOfSocketMax = 50
	logBytesPerObject  = 4096 // of a log cost as much as one object
	listCost           = 20   // objects that a list is taken for whose length nobody chooses
	outputsCost        = 500  // of a run: they are computed from those of all its tasks
)

// shape refuses operations by their text alone, before complexity is computed,
// which follows each use of a fragment anew.
type shape struct{}

func (shape) ExtensionName() string                   { return "Shape" }
func (shape) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters implements graphql.OperationParameterMutator.
func (shape) MutateOperationParameters(_ context.Context, request *graphql.RawParams) *gqlerror.Error {
	if len(request.Query) > queryTextMax {
		return codedError(codeLimit, "the query has %d bytes: %d are allowed", len(request.Query), queryTextMax)
	}
	return nil
}

// MutateOperationContext implements graphql.OperationContextMutator.
func (shape) MutateOperationContext(_ context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	m := measurer{fragments: map[string]measure{}}
	got := m.selections(operation.Operation.SelectionSet)
	for _, limit := range []struct {
		what     string
		got, max int
	}{
		{"root fields", got.width, rootFieldsMax},
		{"levels", got.depth, depthMax},
		{"aliases", got.aliases, aliasesMax},
		{"fields", got.fields, fieldsMax},
	} {
		if limit.got > limit.max {
			return codedError(codeLimit, "the operation has more than %d %s", limit.max, limit.what)
		}
	}
	return nil
}

// measure is the size of a part of an operation, with its fragments written out.
// width is its number of fields on the first level.
type measure struct{ depth, width, aliases, fields int }

func (m measure) with(other measure) measure {
	const enough = fieldsMax + 1 // no sum overflows
	return measure{
		depth: max(m.depth, other.depth), width: min(m.width+other.width, enough),
		aliases: min(m.aliases+other.aliases, enough), fields: min(m.fields+other.fields, enough),
	}
}

// measurer measures each fragment once. Validation has refused cycles.
type measurer struct{ fragments map[string]measure }

func (m measurer) selections(set ast.SelectionSet) measure {
	var total measure
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			part := m.selections(s.SelectionSet)
			part.depth++
			part.fields++
			part.width = 1
			if s.Alias != s.Name {
				part.aliases++
			}
			if s.Name == "__schema" || s.Name == "__type" {
				part.depth = 1
			}
			total = total.with(part)
		case *ast.InlineFragment:
			total = total.with(m.selections(s.SelectionSet))
		case *ast.FragmentSpread:
			part, known := m.fragments[s.Name]
			if !known {
				part = m.selections(s.Definition.SelectionSet)
				m.fragments[s.Name] = part
			}
			total = total.with(part)
		}
	}
	return total
}

// withTimeout bounds queries and mutations; subscriptions last.
func withTimeout(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	responses := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		defer cancel()
		return responses(ctx)
	}
}

// gate counts open subscriptions.
type gate struct{ open atomic.Int64 }

type socketGateKey struct{}

// enter takes a place, which is given back when ctx ends.
func (g *gate) enter(ctx context.Context, limit int64) bool {
	if g.open.Add(1) > limit {
		g.open.Add(-1)
		return false
	}
	context.AfterFunc(ctx, func() { g.open.Add(-1) })
	return true
}

// admit refuses a subscription where too many are open.
func (g *gate) admit(ctx context.Context) *gqlerror.Error {
	if socket, ok := ctx.Value(socketGateKey{}).(*gate); ok && !socket.enter(ctx, streamsOfSocketMax) {
		return codedError(codeLimit, "the connection has %d subscriptions: end one first", streamsOfSocketMax)
	}
	if !g.enter(ctx, streamsMax) {
		return codedError(codeLimit, "the server has %d subscriptions: try again later", streamsMax)
	}
	return nil
}

// complexity says what fields cost that return more than one object. Arguments
// that are out of range are refused later and only must not overflow here.
func complexity() generated.ComplexityRoot {
	var c generated.ComplexityRoot
	page := func(child int, first *int) int { return 1 + child*min(max(valueOr(first, pageDefault), 1), pageMax) }
	runs := func(child int, first *int, _ *string, _ *model.WorkflowRunFilter) int { return page(child, first) }
	taskRuns := func(child int, first *int, _ *string, _ *model.TaskRunFilter) int { return page(child, first) }
	list := func(child int) int { return 1 + child*listCost }
	c.Query.Workflows = func(child int, first *int, _ *string, _ *model.WorkflowFilter) int { return page(child, first) }
	c.Query.WorkflowRuns, c.Workflow.Runs = runs, runs
	c.Query.Backfills = func(child int, first *int, _ *string, _ *model.BackfillFilter) int { return page(child, first) }
	c.Backfill.Runs = func(child int, first *int, _ *string) int { return page(child, first) }
	c.Query.TaskRuns, c.WorkflowRun.TaskRuns = taskRuns, taskRuns
	c.Query.Vars = func(child int, first *int, _, _ *string) int { return page(child, first) }
	c.Query.AuditLog = func(child int, first *int, _ *string, _ *model.AuditLogFilter) int { return page(child, first) }
	c.Query.Notifications = func(child int, first *int, _ *string, _ *model.NotificationFilter) int { return page(child, first) }
	c.Workflow.Versions = page
	c.Workflow.MissedSlots = func(child int, first *int, _ *string) int { return page(child, first) }
	c.TaskRun.Artifacts = func(child int, first *int, _ *string) int { return page(child, first) }
	c.Workflow.Tasks, c.WorkflowVersion.Tasks, c.CatalogUpdate.ChangedWorkflows = list, list, list
	c.Trigger.After = list
	c.WorkflowVersion.Files, c.Workflow.Vars, c.Workflow.Secrets, c.Workflow.DueSlots = list, list, list, list
	c.Query.NextSlots = func(child int, _ *string, _ *model.ScheduleInput, _ *time.Time, first *int) int {
		return page(child, first)
	}
	outputs := func(child int) int { return child + outputsCost }
	c.WorkflowRun.Outputs, c.WorkflowRun.OutputsError = outputs, outputs
	c.TaskRun.Logs = func(child int, _ *int, _ *int64, limit *int) int {
		return 1 + child + min(max(valueOr(limit, logChunkDefault), 0), logChunkMax)/logBytesPerObject
	}
	return c
}
