package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/loader/reference"
)

// given are the params that examples of the reference need.
var given = map[string]string{
	"param.type": "limit=3", "file.path": "file=a.csv", "file.stable_for": "file=a.csv", "file.params": "file=a.csv",
}

// Each example of the reference runs as it stands there, and its run is a success.
func TestReferenceExamplesRun(t *testing.T) {
	template, found := reference.Find("template file")
	require.True(t, found)
	for _, m := range reference.Maps() {
		if m.IsFile || m.Name == "defaults" { // those of defaults are those of tasks
			continue
		}
		for _, key := range m.Keys {
			t.Run(m.Name+"."+key.Name, func(t *testing.T) {
				if key.Needs != "" {
					t.Skipf("the example needs %s; the tests of the loader check it", key.Needs)
				}
				dir := t.TempDir()
				file := filepath.Join(dir, "example.yaml")
				require.NoError(t, os.WriteFile(file, []byte(key.Example), 0o600))
				require.NoError(t, os.Mkdir(filepath.Join(dir, "templates"), 0o700))
				require.NoError(t, os.WriteFile(filepath.Join(dir, "templates", "load.yaml"), []byte(template.Keys[0].Example), 0o600))
				secrets := filepath.Join(dir, "secrets")
				require.NoError(t, os.WriteFile(secrets, []byte("API_TOKEN=not the one of others\n"), 0o600))
				args := []string{"run", file, "--home", t.TempDir(), "--secrets-file", secrets}
				if param := given[m.Name+"."+key.Name]; param != "" {
					args = append(args, "--param", param)
				}
				var out, errors bytes.Buffer
				code := run(t.Context(), args, stdio{in: strings.NewReader(""), out: &out, err: &errors})
				require.Equal(t, exitOK, code, "%s\n%s", key.Example, &errors)
			})
		}
	}
}
