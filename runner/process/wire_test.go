//go:build linux || darwin

package process

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// wires returns both ends of a wire.
func wires(t *testing.T) (one, other *wire) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	conns := make([]*net.UnixConn, 2)
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "socket")
		conn, err := net.FileConn(file)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		t.Cleanup(func() { _ = conn.Close() })
		conns[i] = conn.(*net.UnixConn)
	}
	return &wire{conn: conns[0]}, &wire{conn: conns[1]}
}

// textFile returns the descriptor of a file with a text.
func textFile(t *testing.T, text string) int {
	t.Helper()
	path := t.TempDir() + "/file"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	file, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return int(file.Fd())
}

func requireText(t *testing.T, text string, fd int) {
	t.Helper()
	file := os.NewFile(uintptr(fd), "received")
	defer file.Close()
	got := make([]byte, len(text)+1)
	n, err := file.ReadAt(got, 0)
	require.Error(t, err) // the end
	require.Equal(t, text, string(got[:n]))
}

// Frames that wait for their receiver arrive glued together, a large one in
// pieces. Each still has its own descriptors.
func TestFramesKeepTheirDescriptors(t *testing.T) {
	from, to := wires(t)
	output, stdin := textFile(t, "output"), textFile(t, "stdin")
	sent := make(chan error, 1)
	go func() {
		for _, send := range []func() error{
			func() error { return from.send(frame{Op: opTick, ID: 1}) },
			func() error { return from.send(frame{Op: opStart, ID: 2}, output) },
			func() error {
				return from.send(frame{Op: opStart, ID: 3, OwnInput: true, Dir: strings.Repeat("x", 1<<20)}, output, stdin)
			},
			func() error { return from.send(frame{Op: opStop, ID: 4}) },
			func() error { return from.send(frame{Op: opStart, ID: 5, OwnInput: true}, stdin, output) },
		} {
			if err := send(); err != nil {
				sent <- err
				return
			}
		}
		sent <- from.conn.CloseWrite()
	}()
	for id, texts := range [][]string{1: nil, 2: {"output"}, 3: {"output", "stdin"}, 4: nil, 5: {"stdin", "output"}} {
		if id == 0 {
			continue
		}
		f, fds, err := to.receive()
		require.NoError(t, err)
		require.EqualValues(t, id, f.ID)
		require.Len(t, fds, len(texts), "frame %d", id)
		for i, fd := range fds {
			requireText(t, texts[i], fd)
		}
	}
	require.NoError(t, <-sent)
	_, _, err := to.receive()
	require.Error(t, err)
}

func TestFrameThatIsTooLargeIsRefused(t *testing.T) {
	from, to := wires(t)
	require.ErrorIs(t, from.send(frame{Dir: strings.Repeat("x", frameMax)}), syscall.E2BIG)
	_, err := from.conn.Write([]byte{0xff, 0xff, 0xff, 0xff, 0})
	require.NoError(t, err)
	_, _, err = to.receive()
	require.ErrorContains(t, err, "a frame of")
}

// A frame whose descriptors could not be received does not get those of the next one.
func TestMissingDescriptorsAreNotReplaced(t *testing.T) {
	from, to := wires(t)
	output := textFile(t, "output")
	require.NoError(t, from.send(frame{Op: opStart, ID: 1}, output))
	require.NoError(t, from.send(frame{Op: opStart, ID: 2}, output))
	to.files = []int{hole}
	for id := uint64(1); id <= 2; id++ {
		f, fds, err := to.receive()
		require.NoError(t, err)
		require.Equal(t, id, f.ID)
		if id == 1 {
			require.Empty(t, fds)
			requireText(t, "output", to.files[0])
			to.files = to.files[1:]
			continue
		}
		requireText(t, "output", fds[0])
	}
}
