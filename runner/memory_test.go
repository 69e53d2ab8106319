package runner_test

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

// memoryWatch samples the memory of this process, which is the worker's.
type memoryWatch struct {
	stop, stopped              chan struct{}
	heapBefore, residentBefore int64
	heapMost, residentMost     int64
}

// watchMemory begins to watch, from a state without garbage.
func watchMemory() *memoryWatch {
	debug.FreeOSMemory()
	m := &memoryWatch{stop: make(chan struct{}), stopped: make(chan struct{})}
	m.heapBefore, m.residentBefore = heapInUse(), resident()
	go func() {
		defer close(m.stopped)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			m.heapMost, m.residentMost = max(m.heapMost, heapInUse()), max(m.residentMost, resident())
			select {
			case <-m.stop:
				return
			case <-tick.C:
			}
		}
	}()
	return m
}

// growth ends the watch and returns how many bytes more there have been at most.
func (m *memoryWatch) growth() (heap, resident int64) {
	close(m.stop)
	<-m.stopped
	return m.heapMost - m.heapBefore, m.residentMost - m.residentBefore
}

func heapInUse() int64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapInuse)
}

// resident returns the memory of the process that is no file's, so that also what
// SQLite takes counts; 0 where the system does not tell, or the race detector's
// would count too.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil || raceDetector {
		return 0
	}
	_, after, _ := bytes.Cut(text, []byte("RssAnon:"))
	number, _, _ := bytes.Cut(bytes.TrimSpace(after), []byte(" "))
	kilobytes, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil {
		return 0
	}
	return kilobytes << 10
}
