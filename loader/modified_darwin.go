package loader

import (
	"syscall"
	"time"
)

// modified returns when a file was changed last.
func modified(stat *syscall.Stat_t) time.Time { return time.Unix(stat.Mtimespec.Unix()) }
