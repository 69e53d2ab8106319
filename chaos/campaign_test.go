package chaos

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// perEpisode is how often each fault lands in one episode of a campaign.
const perEpisode = 10

// TestCampaign plays what is missing until each fault has landed so often as the
// flags ask for.
func TestCampaign(t *testing.T) {
	if *quotaFlag == 0 {
		t.Skip("needs -chaos.faults: see make chaos")
	}
	c := &campaign{seed: *seedFlag}
	t.Run("play", func(t *testing.T) {
		for i := range max(*parallelFlag, 1) {
			t.Run(fmt.Sprintf("player%d", i+1), func(t *testing.T) {
				t.Parallel()
				c.player(t)
			})
		}
	})
	summarize(t, c.results(t))
}

// campaign hands out episodes to several players.
type campaign struct {
	alone sync.RWMutex // held for writing by an episode that needs the whole machine

	mu      sync.Mutex
	seed    uint64     // of the next episode
	played  []*episode // used where there is no file
	planned []*episode // that are being played, with the faults that they will have
}

// player plays episodes until none is missing.
func (c *campaign) player(t *testing.T) {
	for {
		e, quota, done := c.begin(t)
		if e == nil {
			return
		}
		t.Run(e.Kind, func(t *testing.T) {
			defer c.claim(e.Kind)()
			e.play(t, quota)
			report(t, e)
		})
		landed := 0
		for _, n := range e.Faults {
			landed += n
		}
		if landed > 0 {
			c.end(t, e)
		}
		done()
		require.Positive(t, landed, "no fault has landed")
	}
}

// claim waits until an episode may be played beside those that are. How fast
// lost tasks are queued again is measured on a machine that does nothing else.
func (c *campaign) claim(kind string) (release func()) {
	if kind == recovery || kind == scale {
		c.alone.Lock()
		return c.alone.Unlock
	}
	c.alone.RLock()
	return c.alone.RUnlock
}

// begin returns the episode to play next, and how often each of its faults is to
// land; nil: none is missing, or will be once those that are being played have
// ended. done forgets the plan: from then on only what has landed counts.
func (c *campaign) begin(t *testing.T) (e *episode, quota int, done func()) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	e, quota = next(sum(append(slices.Clone(c.resultsLocked(t)), c.planned...)))
	if e == nil {
		return nil, 0, nil
	}
	e.Seed, e.Commit = c.seed, commit
	c.seed++
	plan := &episode{Kind: e.Kind, Faults: map[string]int{}}
	for _, lane := range e.lanes() {
		for _, f := range lane {
			plan.Faults[f.name] = quota
		}
	}
	c.planned = append(c.planned, plan)
	return e, quota, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.planned = slices.DeleteFunc(c.planned, func(p *episode) bool { return p == plan })
	}
}

// next returns the episode to play after those of which total is the sum, and
// how often each of its faults is missing, as far as one episode goes; nil: none.
// Those that want a quiet machine come first.
func next(total *totals) (e *episode, quota int) {
	missing := 0
	for _, name := range faultNames() {
		missing = max(missing, *quotaFlag-total.storms[name])
	}
	switch {
	case total.of[recovery] < *quotaFlag:
		return &episode{Kind: recovery}, min(*quotaFlag-total.of[recovery], 2*perEpisode)
	case total.of[patient] < *standard:
		return &episode{Kind: patient}, min(*standard-total.of[patient], perEpisode)
	case total.episodes[scale] == 0:
		return &episode{Kind: scale}, perEpisode
	case missing > 0:
		return &episode{Kind: storm}, min(missing, perEpisode)
	}
	return nil, 0
}

// end notes an episode that was played.
func (c *campaign) end(t *testing.T, e *episode) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.played = append(c.played, e)
	writeResult(t, e)
}

// results returns all episodes that were played.
func (c *campaign) results(t *testing.T) []*episode {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.resultsLocked(t)
}

// resultsLocked reads the file each time, since another process may add to it.
func (c *campaign) resultsLocked(t *testing.T) []*episode {
	t.Helper()
	if *resultsFlag == "" {
		return c.played
	}
	return readResults(t)
}

func readResults(t *testing.T) (played []*episode) {
	t.Helper()
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

// writeResult appends a line by one write, so that those of several processes
// never mix.
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

// Players at the same time plan what is missing, and no more. What has not
// landed as planned is missing again.
func TestPlansOfPlayers(t *testing.T) {
	defer func(quota, kills int, results string) {
		*quotaFlag, *standard, *resultsFlag = quota, kills, results
	}(*quotaFlag, *standard, *resultsFlag)
	*quotaFlag, *standard, *resultsFlag = 25, 12, filepath.Join(t.TempDir(), "results")
	c := &campaign{seed: 1}
	var plans []string
	var forget func()
	for e, quota, done := c.begin(t); e != nil; e, quota, done = c.begin(t) {
		plans = append(plans, fmt.Sprintf("%s %d", e.Kind, quota))
		if e.Kind == scale {
			forget = done
		}
	}
	require.Equal(t, []string{"recovery 20", "recovery 5", "patient 10", "patient 2", "scale 10", "storm 10", "storm 10", "storm 5"}, plans)
	forget() // and nothing has landed
	e, _, done := c.begin(t)
	require.Equal(t, scale, e.Kind)
	require.EqualValues(t, len(plans)+1, e.Seed)
	c.end(t, e)
	done()
	e, _, _ = c.begin(t)
	require.Nil(t, e, "it is in the file")
}
