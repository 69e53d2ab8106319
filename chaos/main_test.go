package chaos

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Settings of a campaign. Without them each test plays one short episode.
var (
	quotaFlag    = flag.Int("chaos.faults", 0, "how often each fault must land in all episodes together; 0: one short episode")
	standard     = flag.Int("chaos.standard", 0, "how often a worker is killed with the default timers, in all episodes together")
	resultsFlag  = flag.String("chaos.results", "", "file of the episodes that were played; a campaign goes on where it says")
	parallelFlag = flag.Int("chaos.parallel", 1, "how many episodes of a campaign are played at once; -parallel must allow it")
	seedFlag     = flag.Uint64("chaos.seed", 0, "seed of the first episode; 0: from the clock")
)

var (
	binary string // the program under test, built as it is shipped
	commit string // what it was built from, as git names it
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *seedFlag == 0 {
		*seedFlag = uint64(time.Now().UnixNano())
	}
	dir, err := os.MkdirTemp("", "miniairflow-chaos-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a directory for the program:", err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "miniairflow")
	build := exec.Command("go", "build", "-o", binary, "../cmd/miniairflow")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		os.Exit(1)
	}
	commit = describe()
	code := m.Run()
	_ = os.RemoveAll(dir) // in the directory for temporary files anyway
	os.Exit(code)
}

// describe names the sources; they need not come from git.
func describe() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
