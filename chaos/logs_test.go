package chaos

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/logs"
)

// linesPerSign is how many numbered lines a task prints for each line that it
// gives the witness.
const linesPerSign = 10

const (
	// noteMark begins a line of the product's own.
	noteMark = "miniairflow: "
	// gapMark is in the line that stands for output that was not stored.
	gapMark = " bytes of output are missing here"
)

// readLogs adds the stored logs to the attempts.
func readLogs(ctx context.Context, store miniairflow.LogStore, t *told) error {
	for i := range t.attempts {
		a := &t.attempts[i]
		run, err := uuid.Parse(a.key.run)
		if err != nil {
			return fmt.Errorf("id of a run: %w", err)
		}
		a.id = fmt.Sprintf("%s.%d", miniairflow.MemberID(run, a.seq), a.number)
		var text bytes.Buffer
		key := miniairflow.AttemptKey{RunID: run, Seq: a.seq, Attempt: a.number}
		if _, err := logs.Copy(ctx, &text, store, key, 0); err != nil {
			return fmt.Errorf("log of attempt %s: %w", a.id, err)
		}
		a.log = text.String()
	}
	return nil
}

// numbered is the n-th line that an attempt prints.
func numbered(n int, id string) string { return fmt.Sprintf("line %d of %s", n, id) }

// judgeLog compares the stored log of an attempt with what it has printed: at
// most printed lines, exactly so many when it was a success. A gap may be
// anywhere, but it must say that it is one.
func judgeLog(a attemptRow, printed int) (wrong []string) {
	fail := func(format string, args ...any) []string {
		return []string{fmt.Sprintf("log of task %s of run %s, attempt %d (%s): ", a.key.task, a.key.run, a.number, a.status) +
			fmt.Sprintf(format, args...)}
	}
	lines := strings.Split(a.log, "\n")
	next, gap := 1, false
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, noteMark):
			gap = gap || strings.Contains(line, gapMark)
			continue
		case line == "" && i == len(lines)-1:
			continue
		case line == numbered(next, a.id) && i < len(lines)-1: // with its line end
			next++
			continue
		}
		n, whole := 0, false
		if _, err := fmt.Sscanf(line, "line %d of", &n); err == nil {
			whole = line == numbered(n, a.id)
		}
		isCut := i == len(lines)-1 || strings.HasPrefix(lines[i+1], noteMark)
		switch {
		case gap && whole && n >= next:
			next = n + 1
		case gap && !whole: // the rest of a line that the gap has cut
		case !isCut || !strings.HasPrefix(numbered(next, a.id), line):
			return fail("%.80q stands where line %d is expected", line, next)
		}
	}
	switch {
	case next-1 > printed:
		return fail("has %d lines, and %d can have been printed", next-1, printed)
	case a.status == string(miniairflow.AttemptSuccess) && !gap && next-1 < printed:
		return fail("ends after line %d of %d", next-1, printed)
	}
	return nil
}
