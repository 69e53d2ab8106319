package dialect

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// Audited is a change for the audit log. It is of a run, of a backfill, of a workflow,
// or of what has a name.
type Audited struct {
	Action     miniairflow.AuditAction
	RunID      *uuid.UUID
	BackfillID *uuid.UUID // with the WorkflowID of its workflow
	WorkflowID *uuid.UUID
	Name       string     // of the worker or the pool
	Details    string     // see EncodeDetails
	RequestID  *uuid.UUID // of a request that must not be done twice
}

// Subject returns what the change was done to, as it is stored.
func (a Audited) Subject() string {
	switch {
	case a.RunID != nil:
		return a.RunID.String()
	case a.BackfillID != nil:
		return a.BackfillID.String()
	case a.WorkflowID != nil:
		return a.WorkflowID.String()
	default:
		return Text(a.Name)
	}
}

// IsNoted reports whether the change gets an entry. One that nobody asked for
// does not, unless the entry is what a repeated request is known by.
func (a Audited) IsNoted(by miniairflow.Actor) bool { return by.Name != "" || a.RequestID != nil }

// EncodeDetails returns details as they are stored; nil is the empty text.
func EncodeDetails(details *miniairflow.AuditDetails) (string, error) {
	if details == nil {
		return "", nil
	}
	data, err := json.Marshal(details)
	if err != nil {
		return "", fmt.Errorf("encode details of the audit log: %w", err)
	}
	return string(data), nil
}

// CreatedDetails returns the details of a new run; nil where it executes all tasks.
func CreatedDetails(s *miniairflow.Selection) *miniairflow.AuditDetails {
	if s.IsEmpty() {
		return nil
	}
	return &miniairflow.AuditDetails{Selection: s}
}

// DecodeDetails is the inverse of EncodeDetails.
func DecodeDetails(stored string) (*miniairflow.AuditDetails, error) {
	if stored == "" {
		return nil, nil
	}
	details := &miniairflow.AuditDetails{}
	if err := json.Unmarshal([]byte(stored), details); err != nil {
		return nil, fmt.Errorf("decode details of the audit log: %w", err)
	}
	return details, nil
}
