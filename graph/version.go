package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/google/uuid"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// Bounds of the version cache: versions, and tasks of all of them together.
const (
	cachedVersionsMax = 1024
	cachedTasksMax    = 100_000
)

// versionCache remembers versions, which never change, so that the tasks of a
// run with many task runs are decoded once and not for each of them.
type versionCache struct {
	store   miniairflow.CatalogStore
	loading singleflight.Group // fields of one answer ask at the same time
	mu      sync.Mutex
	known   *simplelru.LRU[uuid.UUID, *miniairflow.WorkflowVersion]
	tasks   int
}

func newVersionCache(store miniairflow.CatalogStore) *versionCache {
	c := &versionCache{store: store}
	var err error
	c.known, err = simplelru.NewLRU(cachedVersionsMax, func(_ uuid.UUID, v *miniairflow.WorkflowVersion) {
		c.tasks -= weight(v)
	})
	if err != nil {
		panic(err) // only for a size below 1
	}
	return c
}

// weight is the memory that a version takes, in tasks: a file that it carries takes
// less than one.
func weight(v *miniairflow.WorkflowVersion) int {
	return len(v.Definition.Tasks) + len(v.Definition.Files)
}

// find returns the version with that id. The result is shared: read only.
func (c *versionCache) find(ctx context.Context, id uuid.UUID) (*miniairflow.WorkflowVersion, error) {
	if v, ok := c.get(id); ok {
		return v, nil
	}
	found, err, _ := c.loading.Do(id.String(), func() (any, error) {
		if v, ok := c.get(id); ok {
			return v, nil // loaded between the look and now
		}
		// Others wait for this call too: the one who made it may leave.
		ctx, done := context.WithTimeout(context.WithoutCancel(ctx), operationTimeout)
		defer done()
		v, err := c.store.FindVersion(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("find version %s: %w", id, err)
		}
		c.add(v)
		return v, nil
	})
	if err != nil {
		return nil, err
	}
	return found.(*miniairflow.WorkflowVersion), nil
}

func (c *versionCache) get(id uuid.UUID) (*miniairflow.WorkflowVersion, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known.Get(id)
}

func (c *versionCache) add(v *miniairflow.WorkflowVersion) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known.Contains(v.ID) {
		return
	}
	c.known.Add(v.ID, v)
	c.tasks += weight(v)
	for c.tasks > cachedTasksMax && c.known.Len() > 1 {
		c.known.RemoveOldest()
	}
}

// versionsOf returns the latest version of each workflow.
func (r *Resolver) versionsOf(ctx context.Context, workflows []*miniairflow.Workflow) ([]*miniairflow.WorkflowVersion, error) {
	return byKey(workflows, func(w *miniairflow.Workflow) uuid.UUID { return w.VersionID },
		func(id uuid.UUID) (*miniairflow.WorkflowVersion, error) { return r.versions.find(ctx, id) })
}

// ofVersions returns what get takes from the latest version of each workflow.
func ofVersions[V any](ctx context.Context, r *Resolver, workflows []*miniairflow.Workflow, get func(*miniairflow.WorkflowVersion) V) ([]V, error) {
	versions, err := r.versionsOf(ctx, workflows)
	if err != nil {
		return nil, err
	}
	values := make([]V, len(versions))
	for i, v := range versions {
		values[i] = get(v)
	}
	return values, nil
}

func docsOf(v *miniairflow.WorkflowVersion) string { return v.Definition.Docs }

func schedulesOf(v *miniairflow.WorkflowVersion) []*model.Schedule {
	schedules := make([]*model.Schedule, len(v.Definition.Schedules))
	for i := range schedules {
		schedules[i] = &model.Schedule{Of: &v.Definition.Schedules[i]}
	}
	return schedules
}

func triggersOf(v *miniairflow.WorkflowVersion) []*miniairflow.Trigger {
	return pointers(v.Definition.TriggerList())
}

func paramsOf(v *miniairflow.WorkflowVersion) []*miniairflow.Param {
	return pointers(v.Definition.Params)
}

func groupsOf(v *miniairflow.WorkflowVersion) []*miniairflow.Group {
	return pointers(v.Definition.Groups)
}

func filesOf(v *miniairflow.WorkflowVersion) []*miniairflow.WorkflowFile {
	return pointers(v.Definition.Files)
}

func tasksOf(v *miniairflow.WorkflowVersion) []*miniairflow.Task {
	return pointers(v.Definition.Tasks)
}

// definitionOf returns the canonical form as an object.
func definitionOf(v *miniairflow.WorkflowVersion) (map[string]any, error) {
	text, err := json.Marshal(v.Definition)
	if err != nil {
		return nil, fmt.Errorf("encode definition: %w", err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, fmt.Errorf("decode definition: %w", err)
	}
	return object, nil
}

// outputsOf returns the outputs that a task declares, by name.
func outputsOf(t *miniairflow.Task) []*model.OutputDeclaration {
	declared := make([]*model.OutputDeclaration, 0, len(t.Outputs))
	for _, name := range slices.Sorted(maps.Keys(t.Outputs)) {
		declared = append(declared, &model.OutputDeclaration{Name: name, Type: t.Outputs[name]})
	}
	return declared
}
