package logs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPauseIsForBusyMachines(t *testing.T) {
	for _, test := range []struct {
		name                        string
		busy                        time.Duration
		packing, floods, processors int
		want                        time.Duration
	}{
		{"one of two processors", 100 * time.Microsecond, 1, 1, 2, 1800 * time.Microsecond},
		{"the only processor", 100 * time.Microsecond, 1, 1, 1, 1800 * time.Microsecond},
		{"one of many", 100 * time.Microsecond, 1, 1, 8, 0},
		{"half of many", 100 * time.Microsecond, 4, 1, 8, 1800 * time.Microsecond},
		{"one of two floods", 100 * time.Microsecond, 1, 2, 2, 900 * time.Microsecond},
		{"one of many floods", 100 * time.Microsecond, 1, 100, 2, 300 * time.Microsecond},
		{"never long", time.Second, 2, 1, 2, courtesyMax},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, pause(test.busy, test.packing, test.floods, test.processors))
		})
	}
}

// A Writer counts as a flood from its first chunk to its end.
func TestFloodsAreCounted(t *testing.T) {
	c := NewCourtesy()
	q := newQueue(100, 1000, c)
	_, _ = q.add(make([]byte, 99))
	require.Zero(t, c.floods.Load())
	_, _ = q.add(make([]byte, 901))
	require.EqualValues(t, 1, c.floods.Load())
	q.finish()
	require.Zero(t, c.floods.Load())
	q.aide.wait()
}

// Nobody pauses for what its own attempt, or one long ago, has done.
func TestPauseIsForOthers(t *testing.T) {
	c := NewCourtesy()
	c.Moved()
	g := newGuest(c)
	others := guest{of: c, since: -1, quickest: 1}
	g.quickest = 1
	c.packing.Add(1 << 20) // more than half of any processors
	g.pack(func() {})
	require.Zero(t, g.take(), "it was its own attempt")
	c.began = c.began.Add(-time.Hour)
	others.pack(func() {})
	require.Zero(t, others.take(), "it was long ago")
	for owed := time.Duration(0); owed == 0; owed = others.take() {
		c.Moved()
		others.pack(func() {})
	}
	require.Zero(t, others.take(), "it is paid once")
	ran := false
	alone := newGuest(nil)
	alone.pack(func() { ran = true })
	require.True(t, ran)
}
