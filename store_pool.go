package miniairflow

import (
	"context"
	"time"
)

// PoolSlotsMax bounds the slots of a pool, and those that a task asks for.
const PoolSlotsMax = 1_000_000

// Pool is a number of slots that task runs of all workflows share. An attempt
// holds the slots of its task from its claim to its end, so those of a dead
// worker come back when the attempt is reaped.
type Pool struct {
	Name        string
	Slots       int // 0: nothing of it starts
	Description string
	Origin      Origin // OriginFile: declared in dags/pools.yaml
	Used        int    // slots that open attempts hold
	Waiting     int    // task runs that are queued for it
	Holders     []PoolHolder
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// CheckPool reports what is wrong with the name or the slots of a pool, as
// CodeInvalid with Field "name" or "slots".
func CheckPool(p Pool) error {
	var e *Error
	switch {
	case !workflowName.MatchString(p.Name):
		e = Errorf(CodeInvalid, "pool name %s is not valid: up to 128 letters, digits, _, - and ., starting with a letter or digit", show(p.Name))
		e.Field = "name"
	case p.Slots < 0 || p.Slots > PoolSlotsMax:
		e = Errorf(CodeInvalid, "a pool of %d slots is not possible: use 0 to %d", p.Slots, PoolSlotsMax)
		e.Field = "slots"
	default:
		return nil
	}
	return e
}

// PoolHolder is an open attempt that holds slots of a pool.
type PoolHolder struct {
	TaskRunKey
	Run   string // its label
	Task  string
	Slots int
}

// PoolStore keeps pools. A task whose pool is not there waits until it is.
//
// Within a pool the order is that of all claims: the highest priority first,
// then the oldest. A task run that needs more slots than are free holds back
// those behind it, so that it is not starved; one that needs more than the pool
// has holds back nobody. Neither does one of a queue that the claiming worker does
// not serve, unless a worker that does is active and has a place free: a pool must
// not wait for task runs that nobody would start.
type PoolStore interface {
	// SyncPools writes what the loader found in the pools file: the pools of
	// OriginFile become those given, and the import errors of path those given. A
	// pool of OriginAPI with the name of a given one is taken over. With problems
	// the pools stay as they are. It reports whether anything changed.
	SyncPools(ctx context.Context, path string, pools []Pool, problems []ImportError) (changed bool, err error)
	// SetPool creates a pool of OriginAPI or changes its slots and description, and
	// writes the audit log. Fewer slots than are used end nothing. Setting what it
	// is already changes nothing. CodeConflict for a pool of OriginFile.
	SetPool(ctx context.Context, pool Pool, by Actor) (*Pool, error)
	// DeletePool deletes a pool of OriginAPI and writes the audit log: its task runs
	// that are queued wait until there is one of that name. CodeConflict for one of
	// OriginFile.
	DeletePool(ctx context.Context, name string, by Actor) error
	// FindPools returns all pools by name, each with at most holders Holders, the
	// longest-running first. Names that only task runs know are not among them.
	FindPools(ctx context.Context, holders int) ([]*Pool, error)
}
