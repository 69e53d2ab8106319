package runner

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// Sizes of one step of the advancer.
const (
	undecidedBatch = 100   // runs
	decisionBatch  = 500   // task runs of one run
	cascadeMax     = 2_000 // task runs that may fall in one write
)

// AdvancerConfig says what an Advancer works on. Zero values stand for the defaults.
type AdvancerConfig struct {
	Store     miniairflow.Store
	Evaluator miniairflow.Evaluator
	Logger    *slog.Logger  // nil: discards
	Poll      time.Duration // at most this long between two looks; PollDefault
	Pulse     *Pulse        // of the process; nil: one of its own
}

// Advancer takes the decisions that the store's fast path leaves open: trigger
// rules other than all_success, `when`, and everything that follows a failure
// or a skip. Decisions are taken outside all locks and written by
// compare-and-set, so any number of advancers may run at once; each process
// that has a scheduler or a worker runs one, which makes decisions local and quick.
type Advancer struct {
	loops
	store    miniairflow.Store
	eval     miniairflow.Evaluator
	versions *versions
	poll     time.Duration
	shelf    shelf[uuid.UUID]
}

// NewAdvancer returns an advancer. It does nothing before Run.
func NewAdvancer(cfg AdvancerConfig) *Advancer {
	return &Advancer{
		loops: loops{bus: cfg.Store.Bus(), logger: or(cfg.Logger, slog.New(slog.DiscardHandler)), pulse: or(cfg.Pulse, NewPulse())},
		store: cfg.Store, eval: cfg.Evaluator, versions: newVersions(cfg.Store), poll: or(cfg.Poll, PollDefault),
		shelf: shelf[uuid.UUID]{},
	}
}

// Run works until ctx ends and returns nil.
func (a *Advancer) Run(ctx context.Context) error {
	a.run(ctx, loop{name: "decide", topics: []miniairflow.Topic{miniairflow.TopicDecide}, poll: a.poll, pass: a.pass})
	return nil
}

// How long a run that cannot be advanced is left alone: for a reason of its own,
// or because the database refused a call that it may take the next time.
const (
	runShelfTime  = 30 * time.Second
	runRetryDelay = 500 * time.Millisecond
)

// pass decides whatever waits for a decision. A run that cannot be advanced goes
// on the shelf, and the others are not delayed by it.
func (a *Advancer) pass(ctx context.Context) (time.Duration, error) {
	var refused refusals
	for {
		a.shelf.clear(time.Now())
		// What lies on the shelf stays undecided: ask for so many more, lest it hide the others.
		ids, err := a.store.Undecided(ctx, undecidedBatch+len(a.shelf))
		if err != nil {
			return 0, fmt.Errorf("find undecided runs: %w", err)
		}
		ids = slices.DeleteFunc(ids, a.shelf.has)
		// Advancers that look at the same time seldom pick the same run first.
		rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		moved := false
		for _, id := range ids {
			written, err := a.advance(ctx, id)
			switch isAway := refused.isAway(err); {
			case err == nil:
				moved = moved || written
			case isAway || ctx.Err() != nil:
				return 0, fmt.Errorf("advance run %s: %w", id, err)
			default:
				moved = true // out of the way of those behind it
				a.setAside(ctx, id, err)
			}
		}
		if !moved || len(ids) < undecidedBatch {
			return a.shelf.first(time.Now()), nil
		}
	}
}

// setAside puts a run that could not be advanced on the shelf.
func (a *Advancer) setAside(ctx context.Context, id uuid.UUID, err error) {
	level, lies := slog.LevelError, runShelfTime
	if isTransient(err) {
		level, lies = slog.LevelWarn, runRetryDelay
	}
	a.shelf.put(id, time.Now().Add(lies))
	a.logger.Log(ctx, level, "Advancer: Run cannot be advanced, set aside for a while", "run_id", id, "for", lies.String(), "error", err)
}

// advance takes the decisions of one run that are open now, and reports whether
// there were any.
func (a *Advancer) advance(ctx context.Context, runID uuid.UUID) (written bool, err error) {
	for {
		open, err := a.store.LoadDecisions(ctx, runID, decisionBatch)
		if err != nil {
			return written, fmt.Errorf("load decisions: %w", err)
		}
		if len(open.Nodes) == 0 {
			return written, nil
		}
		g, err := a.versions.dagOf(ctx, open.Run)
		if err != nil {
			return written, err
		}
		changes, err := a.decide(ctx, g, open)
		if err != nil {
			return written, err
		}
		if len(changes) == 0 {
			return written, nil // somebody else was quicker
		}
		if err := a.store.ApplyChanges(ctx, runID, open.Run.Generation, changes); err != nil {
			return written, fmt.Errorf("apply %d changes: %w", len(changes), err)
		}
		written = true
	}
}

// decide returns the changes for the nodes of open and, if some of them end
// here, for the pending tasks below them too: so a branch falls in one write
// and not level by level.
func (a *Advancer) decide(ctx context.Context, g *miniairflow.DAG, open miniairflow.Decisions) ([]miniairflow.Change, error) {
	changes, err := a.advancePart(ctx, g, open.Run, open.Nodes, placesOf(open.Nodes))
	if err != nil {
		return nil, err
	}
	below := descendants(g, endedByRule(g, changes), cascadeMax)
	if len(below) == 0 {
		return changes, nil
	}
	// One snapshot for all of them, see Advance.
	asked := placesOf(open.Nodes)
	part, err := a.store.LoadNodes(ctx, open.Run.ID, union(asked, below))
	if err != nil {
		return nil, fmt.Errorf("load %d nodes: %w", len(asked)+len(below), err)
	}
	return a.advancePart(ctx, g, open.Run, part, asked)
}

// advancePart runs Advance over part, with the results that its conditions read.
func (a *Advancer) advancePart(ctx context.Context, g *miniairflow.DAG, run *miniairflow.WorkflowRun, part []miniairflow.Node, asked []int) ([]miniairflow.Change, error) {
	part = withoutEarlyReaders(g, a.eval, part)
	var conditions []string
	for _, n := range part {
		conditions = append(conditions, conditionsOf(&g.Definition.Tasks[n.Seq])...)
	}
	scope, err := loadScope(ctx, a.store, a.eval, g, run, conditions)
	if err != nil {
		return nil, err
	}
	past, err := findPast(ctx, a.store, g, run, part)
	if err != nil {
		return nil, err
	}
	return miniairflow.Advance(g, part, asked, miniairflow.Conditions{
		Past: func(t *miniairflow.Task) string { return past.Reason(t.Name) },
		When: func(t *miniairflow.Task) (bool, error) {
			if t.ForEach != nil && a.eval.ReadsItem(t.When) {
				return true, nil // it is asked for each item
			}
			return a.eval.Bool(t.When, scope)
		},
		Items: func(t *miniairflow.Task) ([]miniairflow.Item, error) { return itemsOf(a.eval, t, scope) },
	}), nil
}

// findPast returns the past of a run that its tasks in part depend on. Only
// scheduled runs have one.
func findPast(ctx context.Context, store miniairflow.TaskStore, g *miniairflow.DAG, run *miniairflow.WorkflowRun, part []miniairflow.Node) (miniairflow.Past, error) {
	var names []string
	for _, n := range part {
		if t := &g.Definition.Tasks[n.Seq]; t.DependsOnPast {
			names = append(names, t.Name)
		}
	}
	if run.Type != miniairflow.RunScheduled || len(names) == 0 {
		return miniairflow.Past{}, nil
	}
	past, err := store.FindPast(ctx, run.ID, names)
	if err != nil {
		return past, fmt.Errorf("find past of %d tasks: %w", len(names), err)
	}
	return past, nil
}

// conditionsOf returns the texts that are computed to decide about a task.
func conditionsOf(t *miniairflow.Task) []string {
	var texts []string
	if t.When != "" {
		texts = append(texts, t.When)
	}
	if t.ForEach == nil {
		return texts
	}
	for _, template := range t.ForEach.Templates() {
		texts = append(texts, template.Text)
	}
	return append(texts, t.ForEach.Key)
}

// withoutEarlyReaders leaves out the nodes whose conditions read a task that is in
// part itself: its end may be decided here, and must be written before it is
// read. Their requests stay open, so they come with the next load.
func withoutEarlyReaders(g *miniairflow.DAG, eval miniairflow.Evaluator, part []miniairflow.Node) []miniairflow.Node {
	here := make(map[string]bool, len(part))
	for _, n := range part {
		here[g.Definition.Tasks[n.Seq].Name] = true
	}
	var kept []miniairflow.Node
	for _, n := range part {
		early := slices.ContainsFunc(conditionsOf(&g.Definition.Tasks[n.Seq]), func(text string) bool {
			return slices.ContainsFunc(eval.Tasks(text), func(name string) bool { return here[name] })
		})
		if !early {
			kept = append(kept, n)
		}
	}
	return kept
}

// placesOf returns the places of the nodes.
func placesOf(nodes []miniairflow.Node) []int {
	seqs := make([]int, len(nodes))
	for i, n := range nodes {
		seqs[i] = n.Seq
	}
	return seqs
}

// union returns the places that are in a or b, ascending.
func union(a, b []int) []int {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// endedByRule returns the tasks that the changes end and that have no condition:
// Advance follows no end that a condition may have made.
func endedByRule(g *miniairflow.DAG, changes []miniairflow.Change) []int {
	var seqs []int
	for _, c := range changes {
		if c.To.IsTerminal() && !g.Definition.Tasks[c.Seq].HasCondition() {
			seqs = append(seqs, c.Seq)
		}
	}
	return seqs
}

// descendants returns the tasks below the given ones, nearest first, at most
// limit, and nothing at or below a task with a condition: whatever is left out
// is asked for again when these have been written.
func descendants(g *miniairflow.DAG, from []int, limit int) []int {
	var found []int
	seen := make(map[int]bool, len(from))
	for level := from; len(level) > 0; {
		var next []int
		for _, seq := range level {
			for _, down := range g.Downstream[seq] {
				if seen[down] || g.Definition.Tasks[down].HasCondition() {
					continue
				}
				if len(found) == limit {
					return found
				}
				seen[down] = true
				found = append(found, down)
				next = append(next, down)
			}
		}
		level = next
	}
	return found
}
