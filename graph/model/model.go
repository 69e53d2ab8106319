// Package model has the types of the API that the domain does not have:
// scalars, pages, payloads. models_gen.go is generated from schema.graphqls.
package model

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// Node is anything with an id that is unique over all types.
type Node any

// LogChunk is a piece of the log of an attempt. Offsets count bytes of the
// stored log; Text is valid UTF-8.
type LogChunk struct {
	Attempt    int
	Offset     int64
	Text       string
	NextOffset int64
	IsComplete bool
}

// WorkflowFilter chooses workflows.
type WorkflowFilter struct {
	Search         *string
	Tag            *string
	IsPaused       *bool
	IncludeRetired *bool
}

// WorkflowRunFilter chooses runs; Workflow is a name.
type WorkflowRunFilter struct {
	Workflow *string
	Statuses []miniairflow.RunStatus
}

// BackfillFilter chooses backfills; Workflow is a name.
type BackfillFilter struct {
	Workflow *string
	Name     *string
	Statuses []miniairflow.BackfillStatus
}

// TaskRunFilter chooses task runs.
type TaskRunFilter struct {
	WorkflowRunID *uuid.UUID
	Statuses      []miniairflow.TaskStatus
}

// SetVarInput is a variable to set. Its value is anything that JSON has.
type SetVarInput struct {
	Name        string
	Value       any
	Description *string
}

// AuditLogFilter chooses entries of the audit log; Workflow is a name.
type AuditLogFilter struct {
	WorkflowRunID *uuid.UUID
	Workflow      *string
	Action        *miniairflow.AuditAction
}

// NotificationFilter chooses notifications.
type NotificationFilter struct {
	WorkflowRunID *uuid.UUID
	State         *miniairflow.NotificationState
}

// CountMax is where counting the members of a connection stops: the count of
// many must not cost more than a page of them.
const CountMax = 1000

// Edge is a node with its cursor.
type Edge[T any] struct {
	Cursor string
	Node   T
}

// The edges of the API.
type (
	// WorkflowEdge is a workflow in a page.
	WorkflowEdge = Edge[*miniairflow.Workflow]
	// WorkflowRunEdge is a run in a page.
	WorkflowRunEdge = Edge[*miniairflow.WorkflowRun]
	// TaskRunEdge is a task run in a page.
	TaskRunEdge = Edge[*miniairflow.TaskRun]
	// BackfillEdge is a backfill in a page.
	BackfillEdge = Edge[*miniairflow.Backfill]
	// ArtifactEdge is an artifact in a page.
	ArtifactEdge = Edge[*Artifact]
	// VarEdge is a variable in a page.
	VarEdge = Edge[*miniairflow.Var]
	// MissedSlotsEdge is a range of slots without a run in a page.
	MissedSlotsEdge = Edge[*miniairflow.MissedSlots]
	// AuditEntryEdge is an entry of the audit log in a page.
	AuditEntryEdge = Edge[*miniairflow.AuditEntry]
	// NotificationEdge is a notification in a page.
	NotificationEdge = Edge[*miniairflow.Notification]
)

// Connection is a page. Encode, Count and More are called only when the client
// wants what they answer.
type Connection[T any] struct {
	Nodes    []T
	Encode   func(T) string // the cursor of a node
	PageInfo *PageInfo
	Count    func(ctx context.Context, max int) (int, error)

	once    sync.Once
	counted int
	err     error
}

// The connections of the API.
type (
	// WorkflowConnection is a page of workflows.
	WorkflowConnection = Connection[*miniairflow.Workflow]
	// WorkflowRunConnection is a page of runs.
	WorkflowRunConnection = Connection[*miniairflow.WorkflowRun]
	// TaskRunConnection is a page of task runs.
	TaskRunConnection = Connection[*miniairflow.TaskRun]
	// BackfillConnection is a page of backfills.
	BackfillConnection = Connection[*miniairflow.Backfill]
	// ArtifactConnection is a page of artifacts.
	ArtifactConnection = Connection[*Artifact]
	// VarConnection is a page of variables.
	VarConnection = Connection[*miniairflow.Var]
	// MissedSlotsConnection is a page of slots without a run.
	MissedSlotsConnection = Connection[*miniairflow.MissedSlots]
	// AuditEntryConnection is a page of the audit log.
	AuditEntryConnection = Connection[*miniairflow.AuditEntry]
	// NotificationConnection is a page of notifications.
	NotificationConnection = Connection[*miniairflow.Notification]
)

// Edges returns the nodes with their cursors.
func (c *Connection[T]) Edges() []*Edge[T] {
	edges := make([]*Edge[T], len(c.Nodes))
	for i, node := range c.Nodes {
		edges[i] = &Edge[T]{Cursor: c.Encode(node), Node: node}
	}
	return edges
}

// TotalCount returns how many there are over all pages, up to CountMax.
func (c *Connection[T]) TotalCount(ctx context.Context) (int, error) {
	n, err := c.count(ctx)
	return min(n, CountMax), err
}

// TotalCountIsExact reports whether there are no more than CountMax.
func (c *Connection[T]) TotalCountIsExact(ctx context.Context) (bool, error) {
	n, err := c.count(ctx)
	return n <= CountMax, err
}

// count counts once, for whoever asks first, up to one more than CountMax.
func (c *Connection[T]) count(ctx context.Context) (int, error) {
	c.once.Do(func() { c.counted, c.err = c.Count(ctx, CountMax+1) })
	return c.counted, c.err
}

// PageInfo is the place of a page.
type PageInfo struct {
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
	More            func(ctx context.Context) (bool, error)
}

// HasNextPage reports whether there are more after EndCursor.
func (p *PageInfo) HasNextPage(ctx context.Context) (bool, error) { return p.More(ctx) }
