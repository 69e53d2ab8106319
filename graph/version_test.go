package graph_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// A version says what it carries and which commit it is of; one without either says so.
func TestVersionSaysWhatItCarries(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		const query = `query($n: String!) { workflow(name: $n) { versions {
			number files { path hash size isExecutable } commit { hash author authoredAt isDirty } } } }`
		content := []byte("echo hello\n")
		require.NoError(t, w.store.AddFiles(t.Context(), [][]byte{content}))
		sum := sha256.Sum256(content)
		name := "carrying-" + uuid.NewString()
		w.save(t, workflow(name, "a"))
		d := workflow(name, "a")
		d.Files = []miniairflow.WorkflowFile{{Path: "ü/x.sh", Hash: hex.EncodeToString(sum[:]), Size: int64(len(content)), IsExecutable: true}}
		w.sync(t, miniairflow.FileSync{
			Path: name + ".yaml", Definitions: []miniairflow.DefinitionAt{{Definition: d, Line: 1, Column: 1}},
			Commit: &miniairflow.Commit{Hash: "c0ffee", Author: "Ada <ada@example.org>", AuthoredAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), IsDirty: true},
		})
		require.JSONEq(t, `{"workflow": {"versions": [
			{"number": 2, "files": [{"path": "ü/x.sh", "hash": "`+d.Files[0].Hash+`", "size": 11, "isExecutable": true}],
				"commit": {"hash": "c0ffee", "author": "Ada <ada@example.org>", "authoredAt": "2026-01-02T03:04:05Z", "isDirty": true}},
			{"number": 1, "files": [], "commit": null}]}}`, string(w.post(t, query, vars{"n": name}).Data))
	})
}
