package runner

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// A file that is gone is known for a while, and is the same when it is back.
func TestMovesOfFiles(t *testing.T) {
	start := time.Now()
	file := func(name string, size int64) miniairflow.FoundFile {
		return miniairflow.FoundFile{Path: name, Size: size}
	}
	gone := func(name string, ago time.Duration) miniairflow.SeenFile {
		at := start.Add(-ago)
		return miniairflow.SeenFile{FoundFile: file(name, 1), GoneAt: &at}
	}
	w := newFolderWatch("hash", []miniairflow.SeenFile{{FoundFile: file("a", 1)}, {FoundFile: file("b", 1)}, gone("old", goneFor), gone("new", goneFor-time.Hour)}, start)
	look := func(after time.Duration, isWhole bool, found ...miniairflow.FoundFile) miniairflow.FileNotes {
		moves := w.moves(found, time.Now().Add(after), isWhole)
		slices.Sort(moves.Gone)
		slices.Sort(moves.Forgotten)
		w.note(moves, time.Now().Add(after))
		return moves
	}
	require.Equal(t, miniairflow.FileNotes{Gone: []string{"a"}}, look(0, false, file("b", 1), file("other", 1)))
	require.Equal(t, miniairflow.FileNotes{Forgotten: []string{"old"}}, look(time.Minute, true, file("b", 2)))
	require.Equal(t, miniairflow.FileNotes{Seen: []miniairflow.FoundFile{file("a", 1)}}, look(time.Minute, true, file("a", 1), file("b", 1)))
	ready, _ := w.ready([]miniairflow.FoundFile{file("a", 1), file("b", 1), file("new", 1)}, 0, start)
	require.Empty(t, ready)
	ready, _ = w.ready([]miniairflow.FoundFile{file("a", 2), file("new", 2), file("old", 1)}, 0, start)
	require.Equal(t, []miniairflow.FoundFile{file("a", 2), file("new", 2), file("old", 1)}, ready)
	require.Equal(t, miniairflow.FileNotes{}, look(2*time.Hour, false, file("a", 1), file("b", 1)))
	require.Equal(t, miniairflow.FileNotes{Forgotten: []string{"new"}}, look(2*time.Hour, true, file("a", 1), file("b", 1)))
}

// Of more files than can be known those are forgotten that are gone for longest.
func TestFilesThatAreGoneAreBounded(t *testing.T) {
	now := time.Now()
	var seen []miniairflow.SeenFile
	for i := range goneMax + 600 {
		at := now.Add(-time.Duration(i) * time.Second)
		seen = append(seen, miniairflow.SeenFile{FoundFile: miniairflow.FoundFile{Path: fmt.Sprintf("%05d", i)}, GoneAt: &at})
	}
	w := newFolderWatch("hash", seen, now)
	moves := w.moves(nil, now, false)
	slices.Sort(moves.Forgotten)
	require.Len(t, moves.Forgotten, 600)
	require.Equal(t, fmt.Sprintf("%05d", goneMax), moves.Forgotten[0])
	list := parts(moves)
	require.Len(t, list, 2)
	require.Len(t, list[0].Forgotten, miniairflow.FilesNotedMax)
	for _, part := range list {
		w.note(part, now)
	}
	require.Empty(t, parts(w.moves(nil, now, false)))
}
