package persistencetest

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	memoryDisk = "/dev/shm"
	memoryMin  = 2 << 30 // free, for the databases of two packages that are tested at once
)

// memoryDir returns the directory for the databases of tests: a disk in memory where
// there is one with room, else that for temporary files. The stores wait for each of
// their commits to be on the disk, which is not what is tested.
func memoryDir() string {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(memoryDisk, &disk); err != nil || disk.Bavail*uint64(disk.Bsize) < memoryMin {
		return os.TempDir()
	}
	return memoryDisk
}

// newDir makes a directory for the databases of one test.
func newDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(memoryDir(), "miniairflow-") //nolint:usetesting // the test's own directory is on a disk
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}
