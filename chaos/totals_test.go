package chaos

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// totals are of several episodes.
type totals struct {
	storms   map[string]int // faults that landed in storms, by name
	of       map[string]int // faults by kind of episode
	episodes map[string]int
	requeued map[string][]int64
	lease    map[string]time.Duration
	commits  map[string]int // episodes by the commit they were played with
	all      episode
}

func sum(played []*episode) *totals {
	t := &totals{
		storms: map[string]int{}, of: map[string]int{}, episodes: map[string]int{},
		requeued: map[string][]int64{}, lease: map[string]time.Duration{},
		commits: map[string]int{},
	}
	for _, e := range played {
		t.episodes[e.Kind]++
		t.commits[e.Commit]++
		for name, n := range e.Faults {
			t.of[e.Kind] += n
			if e.Kind == storm {
				t.storms[name] += n
			}
		}
		t.requeued[e.Kind] = append(t.requeued[e.Kind], e.RequeuedMS...)
		t.lease[e.Kind] = e.Lease
		t.all.Runs += e.Runs
		t.all.Tasks += e.Tasks
		t.all.Attempts += e.Attempts
		t.all.Lost += e.Lost
		t.all.Reopened += e.Reopened
		t.all.Seconds += e.Seconds
		t.all.Wrong = append(t.all.Wrong, e.Wrong...)
	}
	return t
}

// summarize prints the campaign.
func summarize(t *testing.T, played []*episode) {
	t.Helper()
	total := sum(played)
	t.Logf("episodes: %v, %d s, with commits %v", total.episodes, total.all.Seconds, total.commits)
	for _, name := range faultNames() {
		t.Logf("%6d × %s", total.storms[name], name)
	}
	t.Logf("%d runs, %d tasks, %d attempts, %d of them lost, %d runs opened again, %d things wrong",
		total.all.Runs, total.all.Tasks, total.all.Attempts, total.all.Lost, total.all.Reopened, len(total.all.Wrong))
	for _, kind := range []string{recovery, patient} {
		if all := total.requeued[kind]; len(all) > 0 {
			t.Logf("%s: %d workers killed, %d tasks queued again after p50 %d ms, p99 %d ms, at most %d ms; 1.2 × (lease + scan) is %d ms",
				kind, total.of[kind], len(all), percentile(all, 50), percentile(all, 99), percentile(all, 100), total.bound(kind))
		}
	}
	for _, problem := range total.problems() {
		t.Error(problem)
	}
}

// bound returns how many milliseconds after a kill tasks must be queued again:
// 1.2 × (lease + scan).
func (t *totals) bound(kind string) int64 {
	return 12 * (t.lease[kind] + t.lease[kind]/6).Milliseconds() / 10
}

// problems returns what keeps the campaign from being a proof.
func (t *totals) problems() (problems []string) {
	problems = append(problems, t.all.Wrong...)
	if len(t.commits) > 1 {
		problems = append(problems, fmt.Sprintf("the episodes are of %d versions: start with other RESULTS", len(t.commits)))
	}
	for _, kind := range []string{recovery, patient} {
		all := t.requeued[kind]
		switch {
		case t.of[kind] > 0 && len(all) == 0:
			problems = append(problems, kind+": no task was queued again")
		case len(all) > 0 && percentile(all, 99) > t.bound(kind):
			problems = append(problems, kind+": p99 is above the bound")
		}
	}
	return problems
}

// percentile returns the smallest value that p percent of all do not exceed.
func percentile(all []int64, p float64) int64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[max(int(math.Ceil(float64(len(sorted))*p/100))-1, 0)]
}
