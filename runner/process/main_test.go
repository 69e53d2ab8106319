package process_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sauravritesh63/miniairflow/runner/process"
)

// workerEnv makes the test program a worker that starts one script and waits,
// for the tests that kill or stop it.
const workerEnv = "PROCESS_TEST_WORKER"

// guardian starts what the tests start.
var guardian = process.NewGuardian(process.Config{Silence: 30 * time.Second})

func TestMain(m *testing.M) {
	process.ServeIfAsked()
	if script := os.Getenv(workerEnv); script != "" {
		worker(script)
	}
	goleak.VerifyTestMain(closing{m})
}

// closing runs the tests and then ends the guardian, so that its goroutines are
// no leak.
type closing struct{ *testing.M }

// Run implements goleak.TestingM.
func (c closing) Run() int {
	defer guardian.Close()
	return c.M.Run()
}

func worker(script string) {
	g := process.NewGuardian(process.Config{Silence: time.Second})
	p, err := g.Start(context.Background(), process.Spec{Argv: []string{"bash", "-c", script}, Env: os.Environ(), Dir: "/", Output: os.Stdout})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Printf("ended, lost: %v\n", p.Wait().Lost)
	os.Exit(0)
}
