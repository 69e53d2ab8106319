package graph

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// Bounds of the feed of the catalog. Each look reads all workflows, so without
// an event it is taken seldom.
const (
	catalogGap       = 200 * time.Millisecond
	catalogPoll      = 5 * time.Second
	catalogUpdateMax = 200 // workflows in one update
)

// catalogState is all workflows and import errors. A workflow that has not
// changed is the same pointer in the next state.
type catalogState struct {
	workflows map[uuid.UUID]*miniairflow.Workflow
	errors    []*miniairflow.ImportError
}

func wantsCatalog(_ struct{}, e miniairflow.Event) bool { return e.Topic == miniairflow.TopicCatalog }

// pollCatalog reads all workflows, retired ones too, and all import errors.
func pollCatalog(store miniairflow.CatalogStore) poller[*catalogState] {
	state := &catalogState{}
	return func(ctx context.Context) (*catalogState, bool, bool, error) {
		next := &catalogState{workflows: make(map[uuid.UUID]*miniairflow.Workflow, len(state.workflows))}
		filter := miniairflow.WorkflowFilter{IncludeRetired: true, Limit: pageMax}
		for more := true; more; {
			page, err := store.FindWorkflows(ctx, filter)
			if err != nil {
				return state, false, false, fmt.Errorf("find workflows: %w", err)
			}
			for _, w := range page {
				if old := state.workflows[w.ID]; old != nil && reflect.DeepEqual(old, w) {
					w = old
				}
				next.workflows[w.ID] = w
				filter.AfterName = w.Name
			}
			more = len(page) == pageMax
		}
		problems, err := store.FindImportErrors(ctx)
		if err != nil {
			return state, false, false, fmt.Errorf("find import errors: %w", err)
		}
		next.errors = pointers(problems)
		changed := len(next.since(state)) > 0 || !reflect.DeepEqual(next.errors, state.errors)
		state = next
		return state, changed, false, nil
	}
}

// since returns the workflows that are not the same in an earlier state, by name.
func (s *catalogState) since(old *catalogState) []*miniairflow.Workflow {
	changed := []*miniairflow.Workflow{}
	for id, w := range s.workflows {
		if old.workflows[id] != w {
			changed = append(changed, w)
		}
	}
	slices.SortFunc(changed, func(a, b *miniairflow.Workflow) int { return strings.Compare(a.Name, b.Name) })
	return changed
}

// watchCatalog streams the import errors at once, and then each change.
func (r *Resolver) watchCatalog(ctx context.Context) (<-chan *model.CatalogUpdate, error) {
	return stream(ctx, r.live.tasks, func(ctx context.Context, send func(*model.CatalogUpdate) error) error {
		feed, leave := r.live.catalog.join(r.live.tasks, struct{}{})
		defer leave()
		state, version, err := feed.fresh(ctx)
		changed := []*miniairflow.Workflow{}
		for err == nil {
			if err = sendCatalog(send, state, changed); err != nil {
				return err
			}
			old := state
			state, version, err = feed.next(ctx, version)
			changed = state.since(old)
		}
		return err
	}), nil
}

// sendCatalog sends a change, in several updates if it is large.
func sendCatalog(send func(*model.CatalogUpdate) error, state *catalogState, changed []*miniairflow.Workflow) error {
	for len(changed) > catalogUpdateMax {
		part := &model.CatalogUpdate{ChangedWorkflows: changed[:catalogUpdateMax], ImportErrors: state.errors}
		if err := send(part); err != nil {
			return err
		}
		changed = changed[catalogUpdateMax:]
	}
	return send(&model.CatalogUpdate{ChangedWorkflows: changed, ImportErrors: state.errors})
}
