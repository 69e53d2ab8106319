package persistencetest_test

import (
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// drawSelection draws a choice of tasks that leaves something to do, or none.
func (g *game) drawSelection(d *miniairflow.Definition) *miniairflow.Selection {
	g.Helper()
	names := func(label string) (names []string) {
		for i := range d.Tasks {
			if g.one(3, label) {
				names = append(names, d.Tasks[i].Name)
			}
		}
		return names
	}
	s := &miniairflow.Selection{}
	switch pick(g, "kind", []string{"only", "from", "until", "between"}) {
	case "only":
		s.Only = names("only")
	case "from":
		s.From = names("from")
	case "until":
		s.Until = names("until")
	default:
		s.From, s.Until = names("from"), names("until")
	}
	dag, err := miniairflow.NewDAG(d)
	require.NoError(g, err)
	if _, err := dag.Select(s); err != nil {
		return nil
	}
	return s
}

// dagOf returns the shape of a run, in the given version.
func (g *game) dagOf(r *runView, version uuid.UUID) (*miniairflow.DAG, error) {
	g.Helper()
	selection, err := dialect.DecodeSelection(r.selection)
	require.NoError(g, err)
	return g.dag(version).Select(selection)
}

// ownDAG returns the shape of a run.
func (g *game) ownDAG(r *runView) *miniairflow.DAG {
	g.Helper()
	dag, err := g.dagOf(r, r.version)
	require.NoError(g, err)
	return dag
}

// dagFor returns the shape of a run.
func (g *game) dagFor(run *miniairflow.WorkflowRun) *miniairflow.DAG {
	g.Helper()
	dag, err := g.dag(run.VersionID).Select(run.Selection)
	require.NoError(g, err)
	return dag
}
