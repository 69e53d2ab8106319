package process_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/sauravritesh63/miniairflow/runner/process"
)

// workerEnv makes the test program a worker that starts one command and waits,
// for the test that kills it.
const workerEnv = "PROCESS_TEST_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(workerEnv) != "" {
		worker()
	}
	goleak.VerifyTestMain(m)
}

func worker() {
	p, err := process.Start(process.Spec{Argv: []string{"sleep", "60"}, Env: os.Environ(), Dir: "/"})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(p.PID())
	p.Wait()
	os.Exit(0)
}
