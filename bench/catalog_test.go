package main

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/bench/shape"
	"github.com/sauravritesh63/miniairflow/loader"
)

// The product takes every file of a catalog, in the order of the names, and as
// one that nobody is writing any more.
func TestCatalogIsLoaded(t *testing.T) {
	c := &catalog{n: 12, graph: shape.Random(3), task: shape.Task{Noop: true}, head: "schedule: \"0 0 1 1 *\"\n"}
	dags := t.TempDir()
	require.NoError(t, c.write(dags))
	loaded, err := loader.LoadPath([]string{dags}, loader.Limits{})
	require.NoError(t, err)
	require.Empty(t, loaded.Problems)
	require.Len(t, loaded.Definitions, c.n)
	for i, d := range loaded.Definitions {
		require.Equal(t, c.name(i), d.Name)
		require.Equal(t, asWritten, d.Description)
		require.Equal(t, "0 0 1 1 *", d.ScheduleCron())
		require.Len(t, d.Tasks, 3)
	}
	for _, path := range c.paths(dags) {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Greater(t, time.Since(info.ModTime()), catalogAge/2)
	}
}

// A save changes one file and leaves nothing beside it.
func TestCatalogSave(t *testing.T) {
	c := &catalog{n: 3, graph: shape.Wide(1), task: shape.Task{Script: trueScript}}
	dags := t.TempDir()
	require.NoError(t, c.write(dags))
	require.NoError(t, c.save(dags, 1, `it's "new"`))
	loaded, err := loader.LoadPath([]string{dags}, loader.Limits{})
	require.NoError(t, err)
	require.Empty(t, loaded.Problems)
	var descriptions []string
	for _, d := range loaded.Definitions {
		descriptions = append(descriptions, d.Description)
	}
	require.Equal(t, []string{asWritten, `it's "new"`, asWritten}, descriptions)
	entries, err := os.ReadDir(dags)
	require.NoError(t, err)
	require.Len(t, entries, c.n)
}

func TestUntilRoom(t *testing.T) {
	minute := time.Date(2027, 1, 2, 3, 4, 0, 0, time.UTC)
	for _, test := range []struct{ second, want time.Duration }{{0, 0}, {20, 0}, {21, 39}, {59, 1}} {
		require.Equal(t, test.want*time.Second, untilRoom(minute.Add(test.second*time.Second), 40*time.Second), "second %d", test.second)
	}
}
