package action

import (
	"bytes"
	"errors"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/logs"
)

// hide takes the secrets out of an answer, which may repeat what it was sent. That
// is before anything is cut from it: half of a secret would not be found any more.
func (a *answer) hide(mask []string) {
	if len(mask) == 0 {
		return
	}
	hider := logs.NewHider(mask) // once: an answer may have thousands of headers
	a.body = []byte(hider.Hide(string(a.body)))
	for _, values := range a.header {
		for i := range values {
			values[i] = hider.Hide(values[i])
		}
	}
}

// hiddenText is text without half of a secret. What was cut off may have been the beginning
// of one; it goes no further than its line, since each line of a secret is hidden by
// itself.
func (t *tail) hiddenText(mask []string) (string, error) {
	t.cut()
	if len(mask) > 0 && t.isCut {
		end := bytes.IndexByte(t.end, '\n')
		if end < 0 {
			return "", errors.New("stdout has a line of more than 1 MiB, in which secrets could not be hidden")
		}
		t.end = t.end[end+1:]
	}
	return t.text() // the worker hides what is whole
}

// withoutValue returns the error about a value as it is without the secrets in it. A
// message shows the beginning of a long value, which may be half of one.
func withoutValue(err error, kind miniairflow.OutputType, value string, mask []string) error {
	hidden := logs.Hide(value, mask)
	if hidden == value {
		return err
	}
	if _, err := miniairflow.ParseOutput(kind, hidden); err != nil {
		return err
	}
	return errors.New("the value holds a secret and is not of the declared type")
}
