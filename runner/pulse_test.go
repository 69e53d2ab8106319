package runner

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPulseWaitsForTheLastBeatInTime(t *testing.T) {
	for range 1000 {
		p := NewPulse()
		require.LessOrEqual(t, p.gap, PollDefault)
		require.Greater(t, p.gap, PollDefault*8/10)
		now := p.origin.Add(rand.N(time.Hour))
		most := PollDefault + rand.N(time.Minute)
		wait := p.wait(now, most)
		require.Greater(t, wait, time.Duration(0))
		require.LessOrEqual(t, wait, most, "a look must not come later than it was to come")
		require.Greater(t, wait, most-p.gap, "nor a beat too early")
		require.Zero(t, now.Add(wait).Sub(p.origin)%p.gap, "it comes at a beat")
	}
}

func TestPulseWaitsAsToldWhereBeatsAreFartherApart(t *testing.T) {
	require.Equal(t, time.Second, NewPulse().wait(time.Now(), time.Second))
}

// TestLoopsLookTogether lets loops begin at different times: from the next beat on they look at the same moments, and no later
// than each was to.
func TestLoopsLookTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pulse := NewPulse()
		var looks [3][]time.Time
		polls := []time.Duration{PollDefault, PollDefault, 5 * time.Second}
		for i, poll := range polls {
			l := newLoops(&bytes.Buffer{})
			l.pulse = pulse
			sleep(t.Context(), 300*time.Millisecond)
			began := time.Now()
			for _, at := range runLoop(t, l, loop{poll: poll, pass: nothing}, time.Minute) {
				looks[i] = append(looks[i], began.Add(at))
			}
		}
		for i, poll := range polls {
			for k := 1; k < len(looks[i]); k++ {
				require.Zero(t, looks[i][k].Sub(pulse.origin)%pulse.gap)
				require.LessOrEqual(t, looks[i][k].Sub(looks[i][k-1]), poll)
			}
			require.Greater(t, len(looks[i]), 10)
		}
	})
}
