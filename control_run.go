package miniairflow

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// CancelRun asks for the end of a run. It is idempotent; a run that is over, or
// whose tasks of finally have begun, is returned as it is.
func (c *Control) CancelRun(ctx context.Context, runID uuid.UUID, by Actor) (*WorkflowRun, error) {
	r, err := c.Store.CancelRun(ctx, Cancel{RunID: runID, By: by})
	if err != nil {
		return nil, runError("cancel", runID, err)
	}
	return r, nil
}

// SetRunPaused pauses a run or lets it go on. It is idempotent; a run that is
// over is returned as it is.
func (c *Control) SetRunPaused(ctx context.Context, runID uuid.UUID, paused bool, by Actor) (*WorkflowRun, error) {
	r, err := c.Store.SetRunPaused(ctx, runID, paused, by)
	if err != nil {
		return nil, runError("set pause of", runID, err)
	}
	return r, nil
}

// RerunRequest asks to do parts of a run again, or to say how they ended.
type RerunRequest struct {
	ID         uuid.UUID // zero: a new one. The same again changes nothing
	RunID      uuid.UUID
	Kind       RerunKind
	Tasks      []string // names, for RerunClear and RerunMark
	Downstream bool     // RerunClear: also all tasks below
	Status     TaskStatus
	Latest     bool
	DryRun     bool
	By         Actor
}

// Rerun opens a run again or marks task runs, see Store.Rerun. Errors:
// ErrNotFound; CodeInvalid with Field "tasks" for a task that the run has not,
// and "status"; CodeConflict where the state of the run is in the way.
func (c *Control) Rerun(ctx context.Context, req RerunRequest) (RerunResult, error) {
	rerun := Rerun{
		ID: req.ID, RunID: req.RunID, Kind: req.Kind, Downstream: req.Downstream,
		Status: req.Status, Latest: req.Latest, DryRun: req.DryRun, By: req.By,
	}
	if rerun.ID == uuid.Nil {
		rerun.ID = uuid.New()
	}
	var err error
	if rerun.Seqs, err = c.taskPlaces(ctx, req); err != nil {
		return RerunResult{}, err
	}
	result, err := c.Store.Rerun(ctx, rerun)
	if err != nil {
		return RerunResult{}, runError(string(req.Kind), req.RunID, err)
	}
	return result, nil
}

// taskPlaces returns the places of the tasks that the request names. Those of a
// later version that fits are the same.
func (c *Control) taskPlaces(ctx context.Context, req RerunRequest) ([]int, error) {
	if req.Kind == RerunFailed {
		return nil, nil
	}
	r, err := c.Store.FindRun(ctx, req.RunID)
	if err != nil {
		return nil, runError("find", req.RunID, err)
	}
	v, err := c.Store.FindVersion(ctx, r.VersionID)
	if err != nil {
		return nil, fmt.Errorf("find version of run %s: %w", r.Label(), err)
	}
	index, names := make(map[string]int, len(v.Definition.Tasks)), make([]string, len(v.Definition.Tasks))
	for seq := range v.Definition.Tasks {
		names[seq] = v.Definition.Tasks[seq].Name
		index[names[seq]] = seq
	}
	seqs := make([]int, len(req.Tasks))
	for i, name := range req.Tasks {
		seq, found := index[name]
		if !found {
			e := Errorf(CodeInvalid, "run %s has no task %s%s", r.Label(), show(name), DidYouMean(name, names))
			e.Field = "tasks"
			return nil, e
		}
		seqs[i] = seq
	}
	return seqs, nil
}

// runError names the run in an error; one that is not there in words for people.
func runError(what string, runID uuid.UUID, err error) error {
	if errors.Is(err, ErrNotFound) {
		return Errorf(CodeNotFound, "no run has the id %s", runID)
	}
	return fmt.Errorf("%s run %s: %w", what, runID, err)
}

// DrainWorker makes a worker finish what it runs, take nothing new, and end.
func (c *Control) DrainWorker(ctx context.Context, name string, by Actor) (*Worker, error) {
	w, err := c.Store.DrainWorker(ctx, name, by)
	if errors.Is(err, ErrNotFound) {
		return nil, Errorf(CodeNotFound, "no worker called %s is running", show(name))
	}
	if err != nil {
		return nil, fmt.Errorf("drain worker %s: %w", show(name), err)
	}
	return w, nil
}

// SetPool creates a pool or changes its slots and description. Errors:
// CodeInvalid with Field "name" or "slots"; CodeConflict for a pool that
// dags/pools.yaml declares.
func (c *Control) SetPool(ctx context.Context, pool Pool, by Actor) (*Pool, error) {
	if err := CheckPool(pool); err != nil {
		return nil, err
	}
	p, err := c.Store.SetPool(ctx, pool, by)
	if err != nil {
		return nil, fmt.Errorf("set pool %s: %w", show(pool.Name), err)
	}
	return p, nil
}

// DeletePool deletes a pool that no file declares. The task runs that are queued
// for it wait until there is one of that name again.
func (c *Control) DeletePool(ctx context.Context, name string, by Actor) error {
	err := c.Store.DeletePool(ctx, name, by)
	if errors.Is(err, ErrNotFound) {
		return Errorf(CodeNotFound, "no pool is called %s", show(name))
	}
	if err != nil {
		return fmt.Errorf("delete pool %s: %w", show(name), err)
	}
	return nil
}
