package miniairflow

import (
	"fmt"

	"github.com/google/uuid"
)

// seqBits is how many low bits of a parent's id are kept zero, so that its
// members can be named by the parent's id plus their place in it. 24 bits leave
// 50 random bits beside the millisecond of a version 7 UUID.
const (
	seqBits = 24
	// MaxSeq is the highest place of a task in its version, or of a task run in its run.
	MaxSeq = 1<<seqBits - 2
)

// NewParentID returns a new time-ordered UUID whose lowest 24 bits are zero: an
// id for a WorkflowRun or a WorkflowVersion.
func NewParentID() (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, fmt.Errorf("new id: %w", err)
	}
	id[13], id[14], id[15] = 0, 0, 0
	return id, nil
}

// MemberID returns the id of the member at place seq (0 to MaxSeq) of parent:
// a task of a version, or a task run of a run. No table is needed to find it.
func MemberID(parent uuid.UUID, seq int) uuid.UUID {
	n := seq + 1 // zero is the parent itself
	parent[13], parent[14], parent[15] = byte(n>>16), byte(n>>8), byte(n)
	return parent
}

// SplitMemberID is the inverse of MemberID. ok is false for the id of a parent.
func SplitMemberID(id uuid.UUID) (parent uuid.UUID, seq int, ok bool) {
	n := int(id[13])<<16 | int(id[14])<<8 | int(id[15])
	id[13], id[14], id[15] = 0, 0, 0
	return id, n - 1, n > 0
}
