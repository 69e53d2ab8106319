package action

import (
	"io"
	"sync"
)

// noter is a log that knows notes from output, and so keeps them where it has to
// drop output.
type noter interface {
	io.Writer
	Note(text string)
}

// noteWriter passes a task's output on and adds lines of our own, each on a
// line of its own and marked, so that nobody takes them for the task's.
type noteWriter struct {
	mu      sync.Mutex
	w       io.Writer
	midLine bool // the last byte was no line end
}

// Write implements io.Writer.
func (n *noteWriter) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(p) > 0 {
		n.midLine = p[len(p)-1] != '\n'
	}
	return n.w.Write(p)
}

// note adds a line. A log that does not take it is not the task's fault.
func (n *noteWriter) note(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if w, ok := n.w.(noter); ok {
		w.Note(text)
		return
	}
	line := "miniairflow: " + text + "\n"
	if n.midLine {
		line = "\n" + line
	}
	n.midLine = false
	_, _ = io.WriteString(n.w, line)
}
