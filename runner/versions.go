package runner

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/sauravritesh63/miniairflow"
)

// versionsMax bounds how many definitions a process keeps; one of 10,000 tasks
// takes some megabytes.
const versionsMax = 64

// versions keeps the shapes of the versions that were used last. A version never
// changes, so what is here is right for ever. Its methods may be called from
// any goroutine.
type versions struct {
	store  miniairflow.CatalogStore
	known  *lru.Cache[uuid.UUID, *miniairflow.DAG]
	flight singleflight.Group
}

func newVersions(store miniairflow.CatalogStore) *versions {
	known, err := lru.New[uuid.UUID, *miniairflow.DAG](versionsMax)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &versions{store: store, known: known}
}

// dag returns the shape of a version. Several callers that miss it at once cost
// one read.
func (v *versions) dag(ctx context.Context, id uuid.UUID) (*miniairflow.DAG, error) {
	if g, ok := v.known.Get(id); ok {
		return g, nil
	}
	g, err, _ := v.flight.Do(id.String(), func() (any, error) {
		// The others must not fail because the first of them was cancelled.
		version, err := v.store.FindVersion(context.WithoutCancel(ctx), id)
		if err != nil {
			return nil, fmt.Errorf("read version %s: %w", id, err)
		}
		g, err := miniairflow.NewDAG(version.Definition)
		if err != nil {
			return nil, fmt.Errorf("shape of version %s: %w", id, err)
		}
		v.known.Add(id, g)
		return g, nil
	})
	if err != nil {
		return nil, err
	}
	return g.(*miniairflow.DAG), nil
}
