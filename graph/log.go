package graph

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
	"github.com/sauravritesh63/miniairflow/logs"
)

// Bytes of a log in one chunk.
const (
	logChunkDefault = 64 << 10
	logChunkMax     = 1 << 20
)

// log returns a piece of the log of an attempt of t; nil: the latest one.
func (r *Resolver) log(ctx context.Context, t *miniairflow.TaskRun, attempt *int, from *int64, limit *int) (*model.LogChunk, error) {
	size := valueOr(limit, logChunkDefault)
	if size < 1 || size > logChunkMax {
		return nil, invalid("limit is %d: it must be between 1 and %d", size, logChunkMax)
	}
	number := valueOr(attempt, t.Attempt)
	if err := checkAttempt(t, number); err != nil {
		return nil, err
	}
	// What over says was read before the log, so that the end of the log is its end.
	over := attemptIsOver(t, number)
	if number == 0 {
		return &model.LogChunk{IsComplete: over}, nil
	}
	key := miniairflow.AttemptKey{RunID: t.RunID, Seq: t.Seq, Attempt: number}
	offset, err := logOffset(ctx, r.store, key, valueOr(from, 0))
	if err != nil {
		return nil, err
	}
	return readChunk(ctx, r.store, key, offset, max(size, utf8.UTFMax), over)
}

// checkAttempt refuses the number of an attempt that t does not have. 0 stands
// for the first one to come.
func checkAttempt(t *miniairflow.TaskRun, number int) error {
	if number < 0 || number > t.Attempt {
		return notFound("task run %s has no attempt %d: its latest is %d", t.ID(), number, t.Attempt)
	}
	return nil
}

// attemptIsOver reports whether an attempt of t has ended; 0 stands for the
// first one to come, which is over when there will be none.
func attemptIsOver(t *miniairflow.TaskRun, number int) bool {
	if number == 0 {
		return t.IsTerminal() && t.Attempt == 0
	}
	return number < t.Attempt || t.Status != miniairflow.TaskRunning && t.Status != miniairflow.TaskWaiting
}

// logOffset returns where to start to read: from itself, or, where it is
// negative, that many bytes before the end, at the start of a character.
func logOffset(ctx context.Context, store miniairflow.LogStore, key miniairflow.AttemptKey, from int64) (int64, error) {
	if from >= 0 {
		return from, nil
	}
	size, err := store.LogSize(ctx, key)
	if err != nil {
		return 0, fmt.Errorf("read size of log: %w", err)
	}
	offset := size + from
	if offset <= 0 {
		return 0, nil
	}
	head, _, err := logs.Read(ctx, store, key, offset, utf8.UTFMax-1)
	if err != nil {
		return 0, fmt.Errorf("read log: %w", err)
	}
	for len(head) > 0 && !utf8.RuneStart(head[0]) {
		head = head[1:]
		offset++
	}
	return offset, nil
}

// readChunk returns at most limit bytes of a log, at least 4, from offset on.
// over says that nothing will be added to the log.
func readChunk(ctx context.Context, store miniairflow.LogStore, key miniairflow.AttemptKey, offset int64, limit int, over bool) (*model.LogChunk, error) {
	data, _, err := logs.Read(ctx, store, key, offset, limit)
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	atEnd := over && len(data) < limit
	if !atEnd {
		data = wholeRunes(data)
	}
	return &model.LogChunk{
		Attempt: key.Attempt, Offset: offset, Text: validText(data),
		NextOffset: offset + int64(len(data)), IsComplete: atEnd,
	}, nil
}

// validText shows each byte that belongs to no character as U+FFFD. Byte by
// byte, and not run by run, the text is the same wherever chunks are cut.
func validText(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	return string([]rune(string(data)))
}

// wholeRunes returns data without a character at its end of which bytes are
// missing.
func wholeRunes(data []byte) []byte {
	for i := len(data) - 1; i >= 0 && i > len(data)-utf8.UTFMax; i-- {
		if utf8.RuneStart(data[i]) {
			if !utf8.FullRune(data[i:]) {
				return data[:i]
			}
			break
		}
	}
	return data
}
