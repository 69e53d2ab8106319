package graph

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// The number of nodes in a page.
const (
	pageDefault = 50
	pageMax     = 200
)

// pageSize checks `first`.
func pageSize(first *int) (int, error) {
	n := valueOr(first, pageDefault)
	if n < 1 || n > pageMax {
		return 0, invalid("first is %d: it must be between 1 and %d", n, pageMax)
	}
	return n, nil
}

// query is a list that can be read in pages and counted. C is the type of its
// cursors.
type query[T, C any] struct {
	find   func(ctx context.Context, after *C, limit int) ([]T, error)
	count  func(ctx context.Context, max int) (int, error)
	encode func(T) string
	decode func(string) (C, error)
}

// page returns the page of at most first nodes behind the cursor after.
func (q query[T, C]) page(ctx context.Context, first *int, after *string) (*model.Connection[T], error) {
	limit, err := pageSize(first)
	if err != nil {
		return nil, err
	}
	var from *C
	if after != nil {
		place, err := q.decode(*after)
		if err != nil {
			return nil, err
		}
		from = &place
	}
	nodes, err := q.find(ctx, from, limit)
	if err != nil {
		return nil, fmt.Errorf("read page: %w", err)
	}
	return &model.Connection[T]{Nodes: nodes, Encode: q.encode, Count: q.count, PageInfo: q.place(nodes, limit, after != nil)}, nil
}

func (q query[T, C]) place(nodes []T, limit int, hasPrevious bool) *model.PageInfo {
	info := &model.PageInfo{HasPreviousPage: hasPrevious}
	if len(nodes) > 0 {
		first, last := q.encode(nodes[0]), q.encode(nodes[len(nodes)-1])
		info.StartCursor, info.EndCursor = &first, &last
	}
	info.More = func(ctx context.Context) (bool, error) {
		if len(nodes) < limit {
			return false, nil
		}
		last, err := q.decode(*info.EndCursor)
		if err != nil {
			return false, err
		}
		next, err := q.find(ctx, &last, 1)
		return len(next) > 0, err
	}
	return info
}

// Cursors are opaque to clients: the letter of the list and the place in it, as
// URL-safe base64.
const (
	workflowCursor = "w"
	runCursor      = "r"
	taskRunCursor  = "t"
	backfillCursor = "b"
	auditCursor    = "a"
	artifactCursor = "f"
	varCursor      = "v"
	missedCursor   = "m"
	noticeCursor   = "n"
)

func encodeCursor(kind, place string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + place))
}

func decodeCursor(kind, cursor string) (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	place, ok := strings.CutPrefix(string(text), kind)
	if err != nil || !ok {
		return "", badCursor(cursor)
	}
	return place, nil
}

func badCursor(cursor string) error {
	return invalid("after is %q: use a cursor that this list returned", cursor)
}

func encodeWorkflowCursor(w *miniairflow.Workflow) string {
	return encodeCursor(workflowCursor, w.Name)
}

func decodeWorkflowCursor(cursor string) (string, error) { return decodeCursor(workflowCursor, cursor) }

func encodeRunCursor(r *miniairflow.WorkflowRun) string {
	return encodeCreated(runCursor, r.CreatedAt, r.ID)
}

func decodeRunCursor(cursor string) (miniairflow.RunCursor, error) {
	return decodeCreated(runCursor, cursor)
}

func encodeBackfillCursor(b *miniairflow.Backfill) string {
	return encodeCreated(backfillCursor, b.CreatedAt, b.ID)
}

func decodeBackfillCursor(cursor string) (miniairflow.RunCursor, error) {
	return decodeCreated(backfillCursor, cursor)
}

// encodeCreated returns a cursor of a list that is in the order of creation.
func encodeCreated(kind string, createdAt time.Time, id uuid.UUID) string {
	return encodeCursor(kind, strconv.FormatInt(createdAt.UnixMicro(), 10)+" "+id.String())
}

func decodeCreated(kind, cursor string) (miniairflow.RunCursor, error) {
	place, err := decodeCursor(kind, cursor)
	if err != nil {
		return miniairflow.RunCursor{}, err
	}
	created, id, _ := strings.Cut(place, " ")
	micros, err := strconv.ParseInt(created, 10, 64)
	if err != nil {
		return miniairflow.RunCursor{}, badCursor(cursor)
	}
	parsed, err := uuid.Parse(id)
	if err != nil {
		return miniairflow.RunCursor{}, badCursor(cursor)
	}
	return miniairflow.RunCursor{CreatedAt: time.UnixMicro(micros).UTC(), ID: parsed}, nil
}

func encodeTaskRunCursor(t *miniairflow.TaskRun) string {
	return encodeCursor(taskRunCursor, t.ID().String())
}

func decodeTaskRunCursor(cursor string) (miniairflow.TaskRunKey, error) {
	place, err := decodeCursor(taskRunCursor, cursor)
	if err != nil {
		return miniairflow.TaskRunKey{}, err
	}
	id, err := uuid.Parse(place)
	if err != nil {
		return miniairflow.TaskRunKey{}, badCursor(cursor)
	}
	run, seq, ok := miniairflow.SplitMemberID(id)
	if !ok {
		return miniairflow.TaskRunKey{}, badCursor(cursor)
	}
	return miniairflow.TaskRunKey{RunID: run, Seq: seq}, nil
}

func encodeVarCursor(v *miniairflow.Var) string { return encodeCursor(varCursor, v.Name) }

func decodeVarCursor(cursor string) (string, error) { return decodeCursor(varCursor, cursor) }

func encodeAuditCursor(e *miniairflow.AuditEntry) string {
	return encodeNumberCursor(auditCursor, e.ID)
}

func decodeAuditCursor(cursor string) (int64, error) { return decodeNumberCursor(auditCursor, cursor) }

func encodeMissedCursor(m *miniairflow.MissedSlots) string {
	return encodeNumberCursor(missedCursor, m.ID)
}

func decodeMissedCursor(cursor string) (int64, error) {
	return decodeNumberCursor(missedCursor, cursor)
}

func encodeNumberCursor(kind string, place int64) string {
	return encodeCursor(kind, strconv.FormatInt(place, 10))
}

func decodeNumberCursor(kind, cursor string) (int64, error) {
	place, err := decodeCursor(kind, cursor)
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseInt(place, 10, 64)
	if err != nil || id < 1 {
		return 0, badCursor(cursor)
	}
	return id, nil
}

func encodeNotificationCursor(n *miniairflow.Notification) string {
	return encodeCursor(noticeCursor, n.ID.String())
}

func decodeNotificationCursor(cursor string) (uuid.UUID, error) {
	place, err := decodeCursor(noticeCursor, cursor)
	if err != nil {
		return uuid.Nil, err
	}
	id, err := uuid.Parse(place)
	if err != nil {
		return uuid.Nil, badCursor(cursor)
	}
	return id, nil
}
