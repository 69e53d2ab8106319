package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// published is a workload that others have published figures of.
type published struct {
	name  string
	work  work
	sleep time.Duration // of a task that does nothing else
	note  string        // what others have published
}

// What others have published of these workloads, with where it was measured.
const (
	chainNote = "published for fibo(10) in Python, the whole chain, 1 worker, AWS m4.large with 2 vCPU (its repository says t2.medium): " +
		"Airflow 2.7.3 116.221 s, Prefect 2.14.4 4.872 s (both measured in 2023), Kestra 0.22.3 6.044 s, Temporal 2.967 s, Hatchet 0.62.0 1.222 s, " +
		"Windmill 1.483.1 4.383 s, with a dedicated worker 2.092 s (windmilldocs, docs/misc/3_benchmarks/competitors/results/python). " +
		"Temporal, Hatchet and Prefect call a function in a process that is there; here each task starts one"
	wideNote = "published for Go, all 400, 1 worker, AWS m4.large with 2 vCPU: Hatchet 35.8 s, Temporal 39.0 s, Windmill 19.7 s " +
		"(windmilldocs, docs/misc/3_benchmarks/competitors/results/go)"
	wideNote10 = "published for Go, all 400, 10 workers, AWS m4.large with 2 vCPU: Hatchet 37.8 s, Temporal 4.27 s, Windmill 7.22 s " +
		"(windmilldocs, docs/misc/3_benchmarks/competitors/results/go)"
	sleepNote = "published for 10,000 jobs that were queued before, AWS m4.xlarge with 4 vCPU: Windmill with 100 dedicated workers 981 jobs/s, " +
		"98% of what 100 workers can do (windmilldocs, docs/misc/3_benchmarks/competitors/results/scaling). Here the rate includes the start of the run, " +
		"and each task is a shell that starts `sleep`"
)

// measurePublished runs workloads that others have published figures of.
func measurePublished(ctx context.Context, l *lab) (outcome report.Outcome, err error) {
	sets, err := l.published(ctx)
	if err != nil {
		return outcome, err
	}
	for _, set := range sets {
		for _, on := range databases {
			row := report.Row{
				Name: set.name + ", " + string(on), Unit: "tasks/s", LimitName: "bare Go loop", Target: 0.95,
				Beside: map[string]float64{},
			}
			if on == databases[0] {
				row.Note = set.note
			}
			if err := l.compare(ctx, on, set.work, &row); err != nil {
				return outcome, fmt.Errorf("%s: %w", row.Name, err)
			}
			set.beside(&row)
			l.keep(&outcome, row)
		}
	}
	return outcome, nil
}

// beside adds the figures that the published ones can be compared with.
func (p *published) beside(row *report.Row) {
	if row.Void != "" {
		return
	}
	rate := report.Median(row.Ours)
	if p.sleep > 0 {
		row.Beside["share of slots/"+p.sleep.String()] = rate * p.sleep.Seconds() / float64(p.work.slots)
		return
	}
	row.Beside["all, s"] = float64(p.work.graph.Len()) / rate
}

// published returns the workloads, as their authors describe them: a chain, tasks
// that compute a little, and tasks that sleep.
func (l *lab) published(ctx context.Context) ([]published, error) {
	chain, wide := shape.Chain(pick(l, 5, 40, 40)), shape.Wide(pick(l, 20, 400, 400))
	sleeps := shape.Wide(pick(l, 50, 2000, 10_000))
	repeats := pick(l, 1, 3, 5)
	sets := []published{{
		name: fmt.Sprintf("W1: %d × `true` in a chain, 1 slot", chain.Len()),
		work: work{graph: chain, script: trueScript, slots: 1, repeats: pick(l, 1, 5, 9)}, note: chainNote,
	}}
	script, err := pythonFibo(ctx)
	if err != nil {
		sets[0].note += ". The chain in Python was left out: " + err.Error()
	} else {
		sets = append(sets, published{
			name: fmt.Sprintf("W1: %d × fibo(10) in Python in a chain, 1 slot", chain.Len()),
			work: work{graph: chain, script: script, slots: 1, repeats: repeats},
		})
	}
	fibo, err := l.buildFibo(ctx)
	if err != nil {
		return nil, err
	}
	for _, slots := range []int{1, 10} {
		set := published{
			name: fmt.Sprintf("W3: %d × fibo(10) in Go, slots: %d", wide.Len(), slots),
			work: work{graph: wide, script: "'" + fibo + "' 10", slots: slots, repeats: repeats}, note: wideNote,
		}
		if slots == 10 {
			set.note = wideNote10
		}
		sets = append(sets, set)
	}
	return append(sets, published{
		name: fmt.Sprintf("W4: %s × `sleep 0.1`, slots: 100", report.Number(float64(sleeps.Len()))),
		work: work{graph: sleeps, script: "sleep 0.1", slots: 100, repeats: repeats}, sleep: 100 * time.Millisecond, note: sleepNote,
	}), nil
}

// pythonFibo returns the script of a task in Python. It names the interpreter
// itself: what is first on PATH may be a script that looks for it each time.
func pythonFibo(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		return "", fmt.Errorf("look for Python: %w", err)
	}
	const program = "f=lambda n:n if n<2 else f(n-1)+f(n-2);f(10)"
	return fmt.Sprintf("'%s' -c '%s'", strings.TrimSpace(string(out)), program), nil
}

// fiboSource is the program of a task in Go.
const fiboSource = `package main

import (
	"os"
	"strconv"
)

func fibo(n int) int {
	if n < 2 {
		return n
	}
	return fibo(n-1) + fibo(n-2)
}

func main() {
	n, err := strconv.Atoi(os.Args[1])
	if err != nil || fibo(n) < n-1 {
		os.Exit(1)
	}
}
`

// buildFibo compiles the program and returns its path.
func (l *lab) buildFibo(ctx context.Context) (string, error) {
	dir := filepath.Join(l.dir, "fibo")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "fibo.go"), []byte(fiboSource), 0o644); err != nil {
		return "", err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", "fibo", "fibo.go")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program of the tasks: %w: %s", err, out)
	}
	return filepath.Join(dir, "fibo"), nil
}
