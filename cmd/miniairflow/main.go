// Command miniairflow runs workflows that are YAML files: the server with its
// scheduler and workers, and the commands that people steer it with.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // zones also where the machine has none

	guardian "github.com/sauravritesh63/miniairflow/runner/process"
)

// version is set by the build.
var version = "dev"

func main() {
	guardian.ServeIfAsked()
	os.Exit(run(context.Background(), os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}
