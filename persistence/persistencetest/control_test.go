package persistencetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// Who names a workflow that is not there learns what is wrong with its file, or
// what it is probably called.
func TestUnknownWorkflow(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.sync(definition("orders", task("a")))
		_, err := db.SyncFiles(t.Context(), []miniairflow.FileSync{{
			Path: "eu/sales.yaml", Problems: []miniairflow.ImportError{{File: "eu/sales.yaml", Line: 3, Column: 5, Message: "unknown key"}},
		}})
		require.NoError(t, err)
		control := &miniairflow.Control{Store: db.Store}
		for name, want := range map[string]string{
			"sales":  `no workflow is called "sales"; its file has an error: eu/sales.yaml:3:5: unknown key`,
			"order":  `no workflow is called "order"; did you mean "orders"?`,
			"nobody": `no workflow is called "nobody"`,
		} {
			_, err := control.SetPaused(t.Context(), name, true, miniairflow.Actor{})
			require.ErrorIs(t, err, miniairflow.ErrNotFound)
			require.EqualError(t, err, want)
		}
	})
}
