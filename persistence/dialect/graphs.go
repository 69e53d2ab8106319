package dialect

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// graphsTasksMax bounds the tasks of the DAGs that a Graphs keeps: it is the
// memory that counts, not the number of versions.
const graphsTasksMax = 200_000

// graphTasksLarge is from how many tasks on what the reading of a document leaves
// behind is given back at once. It is as much again as the DAG, and the collector
// would let the heap grow to twice of both before it looks.
const graphTasksLarge = 20_000

// largeHeapPercent is how much garbage, of what is kept, may gather in a process
// that has read a large DAG. That keeps tens of megabytes in which nothing ever
// becomes garbage; with as much again for what does, most of it would be idle.
const largeHeapPercent = 50

// tightenHeap lets the collector look earlier from now on, for as long as the
// process lives: a DAG that was used once is kept. What was set to less stays.
func tightenHeap() {
	if before := debug.SetGCPercent(largeHeapPercent); before < largeHeapPercent {
		debug.SetGCPercent(before)
	}
}

// Graphs keeps the DAGs of the versions that were used last. A version never
// changes, so an entry is never stale. It may be used from any goroutine.
type Graphs struct {
	mu    sync.Mutex
	clock int64
	tasks int
	kept  map[graphKey]*graphEntry
}

// graphKey names a DAG: the version's own, or what a selection leaves of it.
type graphKey struct {
	versionID uuid.UUID
	selection string // see EncodeSelection
}

type graphEntry struct {
	graph *miniairflow.DAG
	used  int64
}

// NewGraphs returns an empty Graphs.
func NewGraphs() *Graphs { return &Graphs{kept: map[graphKey]*graphEntry{}} }

// Get returns the DAG of a version. load reads the version's definition if the
// DAG is not kept; it is called without a lock, so two callers may both load.
func (g *Graphs) Get(
	ctx context.Context, versionID uuid.UUID, load func(context.Context, uuid.UUID) (*miniairflow.Definition, error),
) (*miniairflow.DAG, error) {
	key := graphKey{versionID: versionID}
	if graph := g.lookup(key); graph != nil {
		return graph, nil
	}
	definition, err := load(ctx, versionID)
	if err != nil {
		return nil, fmt.Errorf("read document of version %s: %w", versionID, err)
	}
	graph, err := miniairflow.NewDAG(definition)
	if err != nil {
		return nil, fmt.Errorf("read document of version %s: %w", versionID, err)
	}
	shareNames(graph)
	g.keep(key, graph)
	if len(definition.Tasks) >= graphTasksLarge {
		debug.FreeOSMemory()
	}
	return graph, nil
}

// Select returns what a selection leaves of the DAG of a version.
func (g *Graphs) Select(versionID uuid.UUID, selection string, whole *miniairflow.DAG) (*miniairflow.DAG, error) {
	if selection == "" {
		return whole, nil
	}
	key := graphKey{versionID: versionID, selection: selection}
	if graph := g.lookup(key); graph != nil {
		return graph, nil
	}
	chosen, err := DecodeSelection(selection)
	if err != nil {
		return nil, err
	}
	graph, err := whole.Select(chosen)
	if err != nil {
		return nil, fmt.Errorf("choose tasks of version %s: %w", versionID, err)
	}
	g.keep(key, graph)
	return graph, nil
}

func (g *Graphs) lookup(key graphKey) *miniairflow.DAG {
	g.mu.Lock()
	defer g.mu.Unlock()
	entry := g.kept[key]
	if entry == nil {
		return nil
	}
	g.clock++
	entry.used = g.clock
	return entry.graph
}

// weight is the memory that a DAG takes, in tasks: a file that it carries takes less
// than one.
func weight(graph *miniairflow.DAG) int {
	return len(graph.Definition.Tasks) + len(graph.Definition.Files)
}

// keep adds a DAG and drops those that were used longest ago, but never the new one.
func (g *Graphs) keep(key graphKey, graph *miniairflow.DAG) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.kept[key] != nil {
		return
	}
	g.clock++
	g.kept[key] = &graphEntry{graph: graph, used: g.clock}
	g.tasks += weight(graph)
	for g.tasks > graphsTasksMax && len(g.kept) > 1 {
		var oldest graphKey
		used := g.clock
		for kept, entry := range g.kept {
			if entry.used < used {
				oldest, used = kept, entry.used
			}
		}
		g.tasks -= weight(g.kept[oldest].graph)
		delete(g.kept, oldest)
	}
}
