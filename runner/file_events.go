package runner

import (
	"context"
	"log/slog"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// foldersWatched bounds the folders of which the system tells what comes into them. The
	// others are looked at as often as without.
	foldersWatched = 1000
	// eventsPause is the least time between two hints: many files come together.
	eventsPause = 200 * time.Millisecond
)

// fileEvents hints that a file has come into a folder, or gone. It is for the time until
// the next look only: what the system does not tell, such as of folders of other
// machines, is found by looking.
type fileEvents struct {
	logger  *slog.Logger
	kick    chan struct{}
	opened  chan *fsnotify.Watcher // to who listens
	watcher *fsnotify.Watcher      // nil: there was nothing to watch yet, or the system tells nothing
	isNever bool
}

func newFileEvents(logger *slog.Logger) *fileEvents {
	return &fileEvents{logger: logger, kick: make(chan struct{}, 1), opened: make(chan *fsnotify.Watcher, 1)}
}

// listen passes hints on until ctx ends.
func (e *fileEvents) listen(ctx context.Context) {
	var watcher *fsnotify.Watcher
	select {
	case <-ctx.Done():
		return
	case watcher = <-e.opened:
	}
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-watcher.Events:
			if event.Has(fsnotify.Create | fsnotify.Rename | fsnotify.Remove) {
				poke(e.kick)
				sleep(ctx, eventsPause)
			}
		case err := <-watcher.Errors:
			e.logger.DebugContext(ctx, "Scheduler: Events of files were lost", "error", err)
			poke(e.kick)
			sleep(ctx, eventsPause)
		}
	}
}

// close ends what watch has begun, when nobody listens any more.
func (e *fileEvents) close() {
	if e.watcher != nil {
		_ = e.watcher.Close() // whatever of it fails, the process does without
	}
}

// watch lets the system tell of these folders, and of no others. Those that are not
// there are looked for again with the next look.
func (e *fileEvents) watch(ctx context.Context, folders map[string]bool) {
	if e.watcher == nil && (e.isNever || len(folders) == 0) {
		return
	}
	if e.watcher == nil {
		watcher, err := fsnotify.NewWatcher()
		if err != nil {
			e.isNever = true
			e.logger.WarnContext(ctx, "Scheduler: Files are found by looking only", "error", err)
			return
		}
		e.watcher = watcher
		e.opened <- watcher
	}
	known := map[string]bool{}
	for _, folder := range e.watcher.WatchList() {
		if known[folder] = true; !folders[folder] {
			_ = e.watcher.Remove(folder) // it is gone, which has ended the watch, too
		}
	}
	for folder := range folders {
		if !known[folder] {
			_ = e.watcher.Add(folder)
		}
	}
}
