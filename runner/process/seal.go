//go:build linux || darwin

package process

import (
	"os"
	"strconv"
	"sync"
	"syscall"
)

// sealInherited keeps the descriptors that this process got from whoever
// started it (a build tool's, a service manager's) from its own children.
// Those that Go opens are closed on exec anyway, so once is enough, and a
// descriptor that is one of them takes no harm.
var sealInherited = sync.OnceFunc(func() {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		return
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
})
