package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// What follows makes the store complete for its callers until each method is
// written in its own file: then its line here goes, and at last this file.

var errNotYet = miniairflow.Errorf(miniairflow.CodeUnavailable, "the store cannot do this yet")

func (s *Store) SetRunPaused(context.Context, uuid.UUID, bool, miniairflow.Actor) (*miniairflow.WorkflowRun, error) {
	return nil, errNotYet
}

func (s *Store) Rerun(context.Context, miniairflow.Rerun) (miniairflow.RerunResult, error) {
	return miniairflow.RerunResult{}, errNotYet
}

func (s *Store) FailExpired(context.Context, int) (int, *time.Time, error) { return 0, nil, nil }

func (s *Store) DrainWorker(context.Context, string, miniairflow.Actor) (*miniairflow.Worker, error) {
	return nil, errNotYet
}

func (s *Store) SyncPools(context.Context, string, []miniairflow.Pool, []miniairflow.ImportError) (bool, error) {
	return false, nil
}

func (s *Store) SetPool(context.Context, miniairflow.Pool, miniairflow.Actor) (*miniairflow.Pool, error) {
	return nil, errNotYet
}

func (s *Store) DeletePool(context.Context, string, miniairflow.Actor) error { return errNotYet }

func (s *Store) FindPools(context.Context, int) ([]*miniairflow.Pool, error) { return nil, nil }
