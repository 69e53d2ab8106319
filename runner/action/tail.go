package action

import (
	"unicode/utf8"

	"github.com/sauravritesh63/miniairflow"
)

// tail keeps the last outputMax bytes of what is written to it.
type tail struct {
	end   []byte
	isCut bool // something before them is gone
}

// tailOf returns what keeps the stdout of a task; nil if no output comes from it.
func tailOf(task *miniairflow.Task) *tail {
	for _, from := range task.OutputFrom {
		if from == miniairflow.FromStdout {
			return &tail{}
		}
	}
	return nil
}

// Write implements io.Writer. It never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.end = append(t.end, p...)
	if len(t.end) > 2*outputMax { // not each time: to move the rest costs as much as it has bytes
		t.cut()
	}
	return len(p), nil
}

func (t *tail) cut() {
	if over := len(t.end) - outputMax; over > 0 {
		t.end, t.isCut = t.end[:copy(t.end, t.end[over:])], true
	}
}

// text returns what is kept, as text.
func (t *tail) text() (string, error) {
	t.cut()
	kept := t.end
	for i := 0; t.isCut && i < utf8.UTFMax && len(kept) > 0 && !utf8.RuneStart(kept[0]); i++ {
		kept = kept[1:] // the rest of a character whose beginning is gone
	}
	return storable(string(kept), "stdout")
}
