package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	guardian "github.com/sauravritesh63/miniairflow/runner/process"
)

// asProgram makes the test binary behave as the program, so that tests can
// start, kill and script the real thing.
const asProgram = "TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	guardian.ServeIfAsked()
	if os.Getenv(asProgram) != "" {
		os.Exit(run(context.Background(), os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
	}
	persistencetest.Main(m)
}

// TestScripts runs testdata/script/*.txt: each is a session at a shell with the
// exit codes and the output that people and programs rely on.
func TestScripts(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	bin := t.TempDir()
	require.NoError(t, os.Symlink(program, filepath.Join(bin, "miniairflow")))
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv(asProgram, "yes")
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("MINIAIRFLOW_HOME", env.WorkDir+"/home")
			env.Setenv("HOME", env.WorkDir)
			return nil
		},
		Cmds: scriptCommands,
	})
}
