package loader_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/loader"
)

// Of workflows that no file has nothing is told where not all files were read.
func TestUnknownWorkflowsOfWholeFolders(t *testing.T) {
	f := newFixture(t)
	f.write("sub/load.yaml", "triggers: {after: extract}\ntasks: {a: {noop: true}}")
	for _, c := range []struct {
		root     string
		path     string
		warnings int
	}{
		{f.dir, f.dir, 1},
		{filepath.Join(f.dir, "sub"), f.dir, 1},
		{"", filepath.Join(f.dir, "sub"), 1},
		{f.dir, filepath.Join(f.dir, "sub"), 0},
		{f.dir, filepath.Join(f.dir, "sub", "load.yaml"), 0},
		{"", filepath.Join(f.dir, "sub", "load.yaml"), 0},
	} {
		result, err := loader.LoadPathBelow(c.root, []string{c.path}, loader.Limits{})
		require.NoError(t, err)
		require.Empty(t, result.Problems)
		require.Len(t, result.Warnings, c.warnings, "%s of %s", c.path, c.root)
	}
}
