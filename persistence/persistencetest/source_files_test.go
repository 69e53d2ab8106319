package persistencetest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// sourceFiles returns the hashes of the files that the store has, by path.
func (db *database) sourceFiles() map[string]string {
	db.Helper()
	files, err := db.SourceFiles(db.Context())
	require.NoError(db, err)
	require.True(db, slices.IsSortedFunc(files, func(a, b miniairflow.SourceFile) int { return strings.Compare(a.Path, b.Path) }))
	hashes := map[string]string{}
	for _, f := range files {
		hashes[f.Path] = f.Hash
	}
	return hashes
}

// The hash of a file is known as long as the store has all that the file says, and
// nothing else of it.
func TestHashesOfFiles(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		a, b := definition("a", task("x")), definition("b", task("x"))
		hashed := func(hash string, definitions ...*miniairflow.Definition) miniairflow.FileSync {
			f := file("f.yaml", definitions...)
			f.Hash = hash
			return f
		}
		known := func(hash string) {
			t.Helper()
			require.Equal(t, map[string]string{"f.yaml": hash}, db.sourceFiles())
		}
		db.syncFiles(hashed("one", a, b))
		known("one")
		db.syncFiles(hashed("comment", a, b))
		known("comment")

		broken := hashed("broken")
		broken.Problems = []miniairflow.ImportError{{Message: "broken"}}
		db.syncFiles(broken)
		known("")
		db.syncFiles(hashed("comment", a, b))
		known("comment")

		// What is written without a hash is not known by that of before.
		db.syncFiles(hashed("", definition("a", task("y")), b))
		known("")
		db.syncFiles(hashed("comment", a, b))
		known("comment")

		// With the content of before, b would come back.
		db.syncFiles(hashed("", a))
		known("")
		db.syncFiles(hashed("only a", a))
		known("only a")
		require.Equal(t, []string{"b"}, db.syncFiles(hashed("comment", a, b))[0].Created)
		known("comment")

		// A name of another file keeps it from being all that the file says.
		other := file("other.yaml", definition("c", task("x")))
		db.syncFiles(other)
		db.syncFiles(hashed("with c", a, b, definition("c", task("y"))))
		require.Equal(t, map[string]string{"f.yaml": "", "other.yaml": ""}, db.sourceFiles())
	})
}
