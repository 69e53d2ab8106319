//go:build linux || darwin

package process

import (
	"os"
	"sync"
)

// watch tells of the end of a child and leaves it a zombie.
type watch struct {
	pid  int
	file *os.File // of the child itself; nil where the system has none: a thread waits then

	begin   sync.Once
	ended   chan struct{} // closed by the thread
	stopped chan struct{} // has one element after an interrupt
}

func newWatch(pid int, file *os.File) *watch {
	return &watch{pid: pid, file: file, ended: make(chan struct{}), stopped: make(chan struct{}, 1)}
}

// await waits until the child is dead and reports true, or until interrupt is
// called. It may be called once.
func (w *watch) await() bool {
	if w.file != nil {
		if dead, ok := w.awaitFile(); ok {
			return dead
		}
	}
	w.startThread()
	select {
	case <-w.ended:
		return true
	case <-w.stopped:
		return false
	}
}

// awaitEnd waits until the child is dead, whatever is interrupted.
func (w *watch) awaitEnd() {
	w.startThread()
	<-w.ended
}

func (w *watch) startThread() {
	w.begin.Do(func() {
		go func() {
			awaitExit(w.pid)
			close(w.ended)
		}()
	})
}

// close releases the file of a child that has been waited for.
func (w *watch) close() {
	if w.file != nil {
		_ = w.file.Close()
	}
}
