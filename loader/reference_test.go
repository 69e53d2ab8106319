package loader_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/loader/reference"
)

// Every key that is read is described, and nothing else is.
func TestReferenceHasTheKeysOfTheTables(t *testing.T) {
	described := map[string]bool{}
	for _, m := range reference.Maps() {
		described[m.Table] = true
		keys, known := loader.Tables[m.Table]
		require.True(t, known, "loader/reference describes %q as the keys of %s, which is not in Tables of loader/tables_test.go", m.Name, m.Table)
		var names []string
		for _, key := range m.Keys {
			require.NotContains(t, names, key.Name, "loader/reference describes %s.%s twice", m.Name, key.Name)
			names = append(names, key.Name)
		}
		for _, key := range keys {
			require.Contains(t, names, key, `%s has the key %q, which loader/reference does not describe: add
	{Name: %q, Type: …, Default: "…", Text: "What it does.", Sample: "…", Example: "tasks:\n  a: {…}\n"}
to the keys of the map %q there (with InDefaults: true if defaults may have it), and run make generate`, m.Table, key, key, m.Name)
		}
		for _, name := range names {
			require.Contains(t, keys, name, "loader/reference describes %s.%s, which %s does not have: remove it there, or InDefaults", m.Name, name, m.Table)
		}
	}
	for _, table := range slices.Sorted(maps.Keys(loader.Tables)) {
		require.True(t, described[table], `no map of loader/reference describes %s: add a Map with Table: %q, and a line for it in Maps`, table, table)
	}
}

// A new table cannot be forgotten.
func TestTablesAreAll(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, name := range tableNames(tree) {
			found++
			require.Contains(t, loader.Tables, name, "%s in loader/%s is a table of keys: add %q: keysOf(%s) to Tables in loader/tables_test.go", name, file, name, name)
		}
	}
	require.Len(t, loader.Tables, found)
}

// tableNames returns the variables of a file that are field tables.
func tableNames(file *ast.File) (names []string) {
	for _, declaration := range file.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			variables, ok := spec.(*ast.ValueSpec)
			if !ok {
				continue
			}
			for i, value := range variables.Values {
				if hasFields(value) {
					names = append(names, variables.Names[i].Name)
				}
			}
		}
	}
	return names
}

// hasFields reports whether an expression makes a value of fields[T].
func hasFields(value ast.Expr) (found bool) {
	ast.Inspect(value, func(n ast.Node) bool {
		literal, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		generic, ok := literal.Type.(*ast.IndexExpr)
		if ok {
			name, isName := generic.X.(*ast.Ident)
			found = found || isName && name.Name == "fields"
		}
		return true
	})
	return found
}
