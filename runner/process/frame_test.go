//go:build linux || darwin

package process

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// whole is a frame with something in every field, and text that is no text.
func whole() frame {
	return frame{
		Op: opStart, ID: 1 << 60, Path: "/bin/sh", Argv: []string{"sh", "", "-c\xff"}, Env: []string{"A=b", "\xfe=\x01"}, Dir: "/", Mark: "M=1",
		Linger: time.Hour, Latest: -1, Late: true, Grace: 1<<63 - 1, PID: 1 << 30, Errno: 2, Error: "no such file", Code: -1, Signal: 9, Left: true, OwnInput: true, OwnStdout: true,
	}
}

func TestFrameComesAsItWasSent(t *testing.T) {
	for _, sent := range []frame{whole(), {Op: opTick, Argv: []string{}, Env: []string{}}} {
		var got frame
		require.NoError(t, got.decode(sent.encode(nil)))
		require.Equal(t, sent, got)
	}
}

func TestBrokenFrameIsRefused(t *testing.T) {
	sent := whole()
	text := sent.encode(nil)
	for n := range len(text) {
		require.ErrorIs(t, (&frame{}).decode(text[:n]), errFrame, "the first %d of %d bytes", n, len(text))
	}
	require.ErrorIs(t, (&frame{}).decode(append(text, 0)), errFrame)
}

// No bytes may make the reader ask for more memory than they are.
func FuzzFrame(f *testing.F) {
	sent := whole()
	f.Add(sent.encode(nil))
	f.Add([]byte{1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, text []byte) {
		var got, again frame
		if got.decode(text) == nil {
			require.NoError(t, again.decode(got.encode(nil)))
			require.Equal(t, got, again)
		}
	})
}
