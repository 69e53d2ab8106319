package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/sauravritesh63/miniairflow"
)

// versionsMax bounds how many definitions a process keeps; one of 10,000 tasks
// takes some megabytes.
const versionsMax = 64

// versionTimeout bounds the read of one version, so that one that is never
// answered does not hold up those that come later.
const versionTimeout = 30 * time.Second

// versions keeps the shapes of the versions that were used last. A version never
// changes, so what is here is right for ever. Its methods may be called from
// any goroutine.
type versions struct {
	store  miniairflow.CatalogStore
	known  *lru.Cache[string, *miniairflow.DAG]
	flight singleflight.Group
}

func newVersions(store miniairflow.CatalogStore) *versions {
	known, err := lru.New[string, *miniairflow.DAG](versionsMax)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &versions{store: store, known: known}
}

// panicError carries a panic to the goroutines that wait.
type panicError struct {
	fault any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("%v\n%s", p.fault, p.stack) }

// dag returns the shape of a version. Several callers that miss it at once cost
// one read. It waits no longer than ctx lasts.
func (v *versions) dag(ctx context.Context, id uuid.UUID) (*miniairflow.DAG, error) {
	return v.get(ctx, id, nil)
}

// dagOf is dag for what a run executes of its version.
func (v *versions) dagOf(ctx context.Context, run *miniairflow.WorkflowRun) (*miniairflow.DAG, error) {
	return v.get(ctx, run.VersionID, run.Selection)
}

func (v *versions) get(ctx context.Context, id uuid.UUID, selection *miniairflow.Selection) (*miniairflow.DAG, error) {
	key := id.String()
	if !selection.IsEmpty() {
		key += fmt.Sprintf(" %q", selection.Names())
	}
	if g, ok := v.known.Get(key); ok {
		return g, nil
	}
	flight := v.flight.DoChan(key, func() (any, error) { return v.read(ctx, key, id, selection) })
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("read version %s: %w", id, context.Cause(ctx))
	case result := <-flight:
		if fault := (*panicError)(nil); errors.As(result.Err, &fault) {
			panic(fault) // where somebody knows what it means
		}
		if result.Err != nil {
			return nil, result.Err
		}
		return result.Val.(*miniairflow.DAG), nil
	}
}

// read reads the shape of a version for all that wait for it: the others must not
// fail because the first of them was cancelled, so only its own time limit ends it.
func (v *versions) read(ctx context.Context, key string, id uuid.UUID, selection *miniairflow.Selection) (g *miniairflow.DAG, err error) {
	defer func() {
		if fault := recover(); fault != nil { // it would end the process, on a goroutine of nobody
			err = &panicError{fault: fault, stack: debug.Stack()}
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), versionTimeout)
	defer cancel()
	if g, err = v.store.FindSelectedDAG(ctx, id, selection); err != nil {
		return nil, fmt.Errorf("read version %s: %w", id, err)
	}
	v.known.Add(key, g)
	return g, nil
}
