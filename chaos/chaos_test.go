package chaos

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// perEpisode is how often each fault lands in one episode of a campaign.
const perEpisode = 10

// TestStorm plays one short episode with every fault.
func TestStorm(t *testing.T) {
	if *quotaFlag > 0 {
		t.Skip("TestCampaign plays it")
	}
	e := &episode{Kind: storm, Seed: *seedFlag}
	e.play(t, 1)
	report(t, e)
	for _, name := range faultNames() {
		require.Positive(t, e.Faults[name], "the fault %q has not landed", name)
	}
}

// TestCampaign plays what is missing until each fault has landed so often as the
// flags ask for.
func TestCampaign(t *testing.T) {
	if *quotaFlag == 0 {
		t.Skip("needs -chaos.faults: see make chaos")
	}
	played := readResults(t)
	for seed := *seedFlag; ; seed++ {
		total := sum(played)
		e := next(total)
		if e == nil {
			break
		}
		e.Seed = seed
		quota := perEpisode
		if e.Kind == recovery {
			quota = 2 * perEpisode
		}
		t.Run(e.Kind, func(t *testing.T) {
			e.play(t, quota)
			report(t, e)
		})
		landed := 0
		for _, n := range e.Faults {
			landed += n
		}
		require.Positive(t, landed, "no fault has landed")
		writeResult(t, e)
		played = append(played, e)
	}
	summarize(t, played)
}

// next returns the episode to play after those that were played; nil: none.
func next(total *totals) *episode {
	for _, name := range faultNames() {
		if total.storms[name] < *quotaFlag {
			return &episode{Kind: storm}
		}
	}
	switch {
	case total.of[recovery] < *quotaFlag:
		return &episode{Kind: recovery}
	case total.of[patient] < *standard:
		return &episode{Kind: patient}
	case total.episodes[scale] == 0:
		return &episode{Kind: scale}
	}
	return nil
}

// totals are of several episodes.
type totals struct {
	storms   map[string]int // faults that landed in storms, by name
	of       map[string]int // faults by kind of episode
	episodes map[string]int
	requeued map[string][]int64
	lease    map[string]time.Duration
	all      episode
}

func sum(played []*episode) *totals {
	t := &totals{
		storms: map[string]int{}, of: map[string]int{}, episodes: map[string]int{},
		requeued: map[string][]int64{}, lease: map[string]time.Duration{},
	}
	for _, e := range played {
		t.episodes[e.Kind]++
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

// report prints an episode and fails the test for what was wrong.
func report(t *testing.T, e *episode) {
	t.Helper()
	t.Logf("%s, seed %d, lease %s: %d s, faults %v, %d runs, %d tasks, %d attempts, %d of them lost, %d runs opened again",
		e.Kind, e.Seed, e.Lease, e.Seconds, e.Faults, e.Runs, e.Tasks, e.Attempts, e.Lost, e.Reopened)
	for _, wrong := range e.Wrong {
		t.Errorf("seed %d: %s", e.Seed, wrong)
	}
}

// summarize prints the campaign.
func summarize(t *testing.T, played []*episode) {
	t.Helper()
	total := sum(played)
	t.Logf("episodes: %v, %d s", total.episodes, total.all.Seconds)
	for _, name := range faultNames() {
		t.Logf("%6d × %s", total.storms[name], name)
	}
	t.Logf("%d runs, %d tasks, %d attempts, %d of them lost, %d runs opened again, %d things wrong",
		total.all.Runs, total.all.Tasks, total.all.Attempts, total.all.Lost, total.all.Reopened, len(total.all.Wrong))
	for _, kind := range []string{recovery, patient} {
		all := total.requeued[kind]
		if len(all) == 0 {
			continue
		}
		bound := 1.2 * float64((total.lease[kind] + total.lease[kind]/6).Milliseconds())
		t.Logf("%s: %d workers killed, %d tasks queued again after p50 %d ms, p99 %d ms, at most %d ms; 1.2 × (lease + scan) is %.0f ms",
			kind, total.of[kind], len(all), percentile(all, 50), percentile(all, 99), percentile(all, 100), bound)
		if float64(percentile(all, 99)) > bound {
			t.Errorf("%s: p99 is above the bound", kind)
		}
	}
}

// percentile returns the smallest value that p percent of all do not exceed.
func percentile(all []int64, p float64) int64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[max(int(math.Ceil(float64(len(sorted))*p/100))-1, 0)]
}

func readResults(t *testing.T) (played []*episode) {
	t.Helper()
	if *resultsFlag == "" {
		return nil
	}
	file, err := os.Open(*resultsFlag)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		e := &episode{}
		require.NoError(t, json.Unmarshal(lines.Bytes(), e))
		played = append(played, e)
	}
	require.NoError(t, lines.Err())
	return played
}

func writeResult(t *testing.T, e *episode) {
	t.Helper()
	if *resultsFlag == "" {
		return
	}
	text, err := json.Marshal(e)
	require.NoError(t, err)
	file, err := os.OpenFile(*resultsFlag, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = file.Write(append(text, '\n'))
	require.NoError(t, errors.Join(err, file.Close()))
}
