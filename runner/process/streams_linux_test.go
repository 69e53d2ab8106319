package process

import (
	"bytes"
	"errors"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The pipe of a command that prints much gets larger, that of any other one stays.
func TestPipeGrowsWithOutput(t *testing.T) {
	for _, test := range []struct {
		name    string
		printed int
		grows   bool
	}{
		{"little", readFirst + readMax/4, false},
		{"all that it holds", readMax, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := openStreams("", false)
			require.NoError(t, err)
			defer s.close()
			if !mayBeWide(t) {
				t.Skip("the system refuses a wider pipe: the pipes of this user hold much already")
			}
			before := pipeSize(t, s)
			require.Less(t, before, pipeBytes)
			printed := bytes.Repeat([]byte("x"), test.printed)
			n, err := syscall.Write(s.childPrint, printed)
			require.NoError(t, err)
			require.Equal(t, len(printed), n)
			s.closeChildEnds()
			var output bytes.Buffer
			s.drain(&output, nil)
			require.Equal(t, string(printed), output.String())
			want := before
			if test.grows {
				want = pipeBytes
			}
			require.Equal(t, want, pipeSize(t, s))
		})
	}
}

// mayBeWide reports whether this user may have one pipe more of that size.
func mayBeWide(t *testing.T) bool {
	t.Helper()
	read, write, err := pipe()
	require.NoError(t, err)
	defer func() { require.NoError(t, errors.Join(syscall.Close(read), syscall.Close(write))) }()
	_, err = unix.FcntlInt(uintptr(write), unix.F_SETPIPE_SZ, pipeBytes)
	return err == nil
}

func pipeSize(t *testing.T, s *streams) (size int) {
	t.Helper()
	raw, err := s.output.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) { size, err = unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0) }))
	require.NoError(t, err)
	return size
}
