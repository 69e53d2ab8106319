package loader_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
)

func TestParsePools(t *testing.T) {
	pools, problems := loader.ParsePools("pools.yaml", []byte("warehouse: 4\napi: {slots: 0, description: Closed for now}\n"), loader.Limits{})
	require.Empty(t, problems)
	require.Equal(t, []miniairflow.Pool{
		{Name: "warehouse", Slots: 4, Origin: miniairflow.OriginFile},
		{Name: "api", Description: "Closed for now", Origin: miniairflow.OriginFile},
	}, pools)
	pools, problems = loader.ParsePools("pools.yaml", nil, loader.Limits{})
	require.Empty(t, problems)
	require.Empty(t, pools)
}

func TestParseWrongPools(t *testing.T) {
	for text, want := range map[string]string{
		"a: 1\nwarehouse: -1":        "pools.yaml:2:12: a pool of -1 slots is not possible: use 0 to 1000000",
		"'a b': 1":                   `pools.yaml:1:1: pool name "a b" is not valid: up to 128 letters, digits, _, - and ., starting with a letter or digit`,
		"a: {}":                      "pools.yaml:1:1: the pool has no slots: write slots: 4",
		"a: {slot: 1}":               `pools.yaml:1:5: unknown key "slot" in a pool; did you mean "slots"?`,
		"a: 1\na: 2":                 `pools.yaml:2:1: the key "a" is here twice; the first one is at line 1`,
		"- a":                        "pools.yaml:1:1: the workflow is a list, not a map: write a name and its slots, such as `warehouse: 4`",
		"a: 1\n---\nb: 1":            "pools.yaml:3:1: a pools file has one document: remove what follows the ---",
		"a: 1\n\xff":                 "",
		"a: {slots: 1, slots: 2, x}": "",
	} {
		pools, problems := loader.ParsePools("pools.yaml", []byte(text), loader.Limits{})
		require.Nil(t, pools, text)
		require.NotEmpty(t, problems, text)
		if want != "" {
			require.Equal(t, want, problems[0].String(), text)
		}
	}
}

// A pools file is synced when it changes; a wrong one leaves the pools as they
// are and is an import error.
func TestPoolsFile(t *testing.T) {
	f := newFixture(t)
	slots := func() map[string]int {
		pools, err := f.store.FindPools(t.Context(), 0)
		require.NoError(t, err)
		found := map[string]int{}
		for _, p := range pools {
			found[p.Name] = p.Slots
		}
		return found
	}
	pass := func() {
		require.Eventually(t, func() bool {
			report, err := f.loader.Sync(t.Context())
			require.NoError(t, err)
			return !report.Standby // the lease of the loader before has run out
		}, 10*time.Second, time.Millisecond)
	}
	f.write("a.yaml", "tasks: {x: {noop: true, pool: warehouse}}")
	f.write("pools.yaml", "warehouse: 4\nold: 1\n")
	pass()
	require.Equal(t, map[string]int{"warehouse": 4, "old": 1}, slots())
	f.write("pools.yaml", "warehouse: four\n")
	pass()
	pass() // a look at files that are gone must not take it for one
	require.Equal(t, map[string]int{"warehouse": 4, "old": 1}, slots())
	found, err := f.store.FindImportErrors(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, "pools.yaml", found[0].File)
	// Another loader takes over: it must not retire the pools file either.
	f.loader = f.newLoader()
	pass()
	pass()
	found, err = f.store.FindImportErrors(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 1)
	f.write("pools.yaml", "warehouse: 5\n")
	pass()
	require.Equal(t, map[string]int{"warehouse": 5}, slots())
	found, err = f.store.FindImportErrors(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)
	require.NoError(t, os.Remove(filepath.Join(f.dir, "pools.yaml")))
	pass()
	require.Empty(t, slots())
}
