package runner

import (
	"slices"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

const (
	// goneFor is how long a file is known that is not there any more: a folder that is
	// away for a while is no reason to start the runs of its files again.
	goneFor = 7 * 24 * time.Hour
	// goneMax bounds the files of one workflow that are known and not there.
	goneMax = foundFilesMax
)

// folderWatch is what is known of the files of one workflow.
type folderWatch struct {
	hash  string               // of what is looked at
	seen  map[string]seenFile  // by path
	young map[string]youngFile // not seen for long enough yet, or not started, by path
	tries int                  // that the database has refused
	held  error                // tells that somebody held the workflow in the last pass
}

// seenFile is a file that was seen, and since when it is not there; zero: it is.
type seenFile struct {
	file miniairflow.FoundFile
	gone time.Time
}

// youngFile is a file that may still be written, or that has started no run yet.
type youngFile struct {
	file    miniairflow.FoundFile
	since   time.Time
	refused int // the last of its tries that the database has refused; zero: none
}

// newFolderWatch returns what the store knows, whose time is now.
func newFolderWatch(hash string, files []miniairflow.SeenFile, now time.Time) *folderWatch {
	w := &folderWatch{hash: hash, seen: make(map[string]seenFile, len(files)), young: map[string]youngFile{}}
	here := time.Now()
	for _, f := range files {
		s := seenFile{file: f.FoundFile}
		if f.GoneAt != nil {
			s.gone = here.Add(f.GoneAt.Sub(now))
		}
		w.seen[f.Path] = s
	}
	return w
}

// ready returns the files that nobody has seen and that have not changed for so long,
// those that were refused last at the end, and when the next of the others may be ready.
func (w *folderWatch) ready(found []miniairflow.FoundFile, stable time.Duration, now time.Time) (ready []miniairflow.FoundFile, wait time.Duration) {
	young := map[string]youngFile{}
	wait = unknown
	for _, f := range found {
		if w.seen[f.Path].file == f {
			continue
		}
		y := w.young[f.Path]
		if y.file != f {
			y = youngFile{file: f, since: now}
		}
		young[f.Path] = y // until its run is there
		if left := stable - now.Sub(y.since); left > 0 {
			wait = min(wait, max(left, time.Millisecond))
			continue
		}
		ready = append(ready, f)
	}
	w.young = young
	slices.SortStableFunc(ready, func(x, y miniairflow.FoundFile) int { return young[x.Path].refused - young[y.Path].refused })
	if len(ready) > arrivalsAtOnce {
		return ready[:arrivalsAtOnce], min(wait, time.Millisecond)
	}
	return ready, wait
}

// refuse notes that the database has refused the start of a file that is ready.
func (w *folderWatch) refuse(f miniairflow.FoundFile) {
	w.tries++
	y := w.young[f.Path]
	y.refused = w.tries
	w.young[f.Path] = y
}

// hasRefused reports whether there are files to be tried again.
func (w *folderWatch) hasRefused() bool {
	for _, y := range w.young {
		if y.refused > 0 {
			return true
		}
	}
	return false
}

// moves returns which of the files that were seen are there again, are gone, or were
// gone for so long that they need not be known any more. Where a look was not whole, they
// may be there, and time alone is no reason to forget them.
func (w *folderWatch) moves(found []miniairflow.FoundFile, now time.Time, isWhole bool) miniairflow.FileNotes {
	var moves miniairflow.FileNotes
	isThere := make(map[string]bool, len(found))
	for _, f := range found {
		isThere[f.Path] = true
		if s := w.seen[f.Path]; s.file == f && !s.gone.IsZero() {
			moves.Seen = append(moves.Seen, f)
		}
	}
	var away []seenFile
	for name, s := range w.seen {
		switch {
		case isThere[name]:
		case s.gone.IsZero():
			moves.Gone = append(moves.Gone, name)
		default:
			away = append(away, s)
		}
	}
	slices.SortFunc(away, func(a, b seenFile) int { return a.gone.Compare(b.gone) })
	for i, s := range away {
		if isOld := isWhole && now.Sub(s.gone) > goneFor; isOld || i < len(away)-goneMax {
			moves.Forgotten = append(moves.Forgotten, s.file.Path)
		}
	}
	return moves
}

// parts returns notes in such parts as a store takes.
func parts(notes miniairflow.FileNotes) []miniairflow.FileNotes {
	var list []miniairflow.FileNotes
	for part := range slices.Chunk(notes.Seen, miniairflow.FilesNotedMax) {
		list = append(list, miniairflow.FileNotes{Seen: part})
	}
	for part := range slices.Chunk(notes.Gone, miniairflow.FilesNotedMax) {
		list = append(list, miniairflow.FileNotes{Gone: part})
	}
	for part := range slices.Chunk(notes.Forgotten, miniairflow.FilesNotedMax) {
		list = append(list, miniairflow.FileNotes{Forgotten: part})
	}
	return list
}

// note notes what the store knows now.
func (w *folderWatch) note(notes miniairflow.FileNotes, now time.Time) {
	for _, f := range notes.Seen {
		w.seen[f.Path] = seenFile{file: f}
		delete(w.young, f.Path)
	}
	for _, name := range notes.Gone {
		w.seen[name] = seenFile{file: w.seen[name].file, gone: now}
	}
	for _, name := range notes.Forgotten {
		delete(w.seen, name)
	}
}
