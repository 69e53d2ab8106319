package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

const (
	// arrivalsLease is what the schedulers of a store contend for: one of them looks for
	// files, so that what it remembers of a folder is what the store has.
	arrivalsLease    = "files"
	arrivalsLeaseFor = 15 * time.Second
	// arrivalsAtOnce bounds the files of one workflow that start runs in one pass.
	arrivalsAtOnce = 100
)

// arrivals starts a run for each file that comes into a folder which a workflow watches.
// Files that are there when the watch begins are seen without a run. What was seen is in
// the store, so that a restart misses none, and a run is known by its file.
type arrivals struct {
	control *miniairflow.Control
	logger  *slog.Logger
	dags    string
	holder  uuid.UUID
	watches map[uuid.UUID]*folderWatch // by workflow; what is known while the lease is held
	faulty  map[uuid.UUID]bool         // workflows whose files cannot be looked at, as people were told
	events  *fileEvents
	folders map[string]bool // that this pass has looked at
}

func newArrivals(control *miniairflow.Control, logger *slog.Logger, dags string) *arrivals {
	return &arrivals{
		control: control, logger: logger, dags: dags, holder: uuid.New(), watches: map[uuid.UUID]*folderWatch{},
		faulty: map[uuid.UUID]bool{}, events: newFileEvents(logger),
	}
}

// folderWatch is what is known of the files of one workflow.
type folderWatch struct {
	hash  string                           // of what is looked at
	seen  map[string]miniairflow.FoundFile // by path
	young map[string]youngFile             // not seen for long enough yet, or not started, by path
	// refused are those of which the database has refused the start in the last pass.
	refused map[miniairflow.FoundFile]error
}

// youngFile is a file that may still be written, or that has started no run yet.
type youngFile struct {
	file  miniairflow.FoundFile
	since time.Time
}

// pass looks at all folders once.
func (a *arrivals) pass(ctx context.Context) (time.Duration, error) {
	a.folders = map[string]bool{}
	defer func() { a.events.watch(ctx, a.folders) }()
	workflows, err := a.control.Store.FileTriggers(ctx)
	if err != nil {
		return 0, fmt.Errorf("find file triggers: %w", err)
	}
	if len(workflows) == 0 {
		clear(a.watches)
		return unknown, nil
	}
	held, err := a.control.Store.TryLease(ctx, arrivalsLease, a.holder, arrivalsLeaseFor)
	if err != nil || !held {
		clear(a.watches)
		return unknown, err
	}
	wait, known := unknown, map[uuid.UUID]bool{}
	var faults []error
	for i := range workflows {
		w := &workflows[i]
		known[w.WorkflowID] = true
		next, err := a.look(ctx, w, time.Now())
		if err = a.told(ctx, w, err); err != nil {
			faults = append(faults, fmt.Errorf("look for files of workflow %q: %w", w.Name, err))
		}
		wait = min(wait, next)
	}
	for id := range a.watches {
		if !known[id] {
			delete(a.watches, id)
		}
	}
	maps.DeleteFunc(a.faulty, func(id uuid.UUID, _ bool) bool { return !known[id] })
	return wait, errors.Join(faults...)
}

// told tells people, once, of a workflow whose files cannot be looked at for a reason of
// its own, which is no failure of the pass; it returns other errors.
func (a *arrivals) told(ctx context.Context, w *miniairflow.FileWatch, err error) error {
	if err == nil {
		delete(a.faulty, w.WorkflowID)
	}
	if err == nil || miniairflow.ErrorCode(err) != miniairflow.CodeInvalid {
		return err
	}
	if a.faulty[w.WorkflowID] {
		return nil
	}
	a.logger.ErrorContext(ctx, "Scheduler: Files cannot be looked at and start no runs", "workflow", w.Name, "error", err)
	if err := a.control.Store.NoteWatchFault(ctx, w.WorkflowID, miniairflow.StartedNone("files", err)); err != nil {
		return fmt.Errorf("note that they cannot be looked at: %w", err)
	}
	a.faulty[w.WorkflowID] = true
	return nil
}

// look looks at the files of one workflow, and returns when one may be ready.
func (a *arrivals) look(ctx context.Context, w *miniairflow.FileWatch, now time.Time) (time.Duration, error) {
	g, err := a.control.Store.FindDAG(ctx, w.VersionID)
	if err != nil {
		return unknown, err
	}
	trigger := g.Definition.File()
	if trigger == nil {
		return unknown, nil
	}
	base := filepath.Join(a.dags, filepath.FromSlash(path.Dir(w.SourceFile)))
	for _, folder := range foldersOf(wholePattern(base, trigger.Path), foldersWatched-len(a.folders)) {
		a.folders[folder] = true // before it is looked into, next time
	}
	found, err := findFiles(base, trigger.Path)
	if err != nil {
		return unknown, err
	}
	own, isNew, err := a.watch(ctx, w, trigger, found)
	if err != nil || isNew {
		return unknown, err
	}
	ready, wait := own.ready(found, trigger.StableFor.Std(), now)
	done, faults, err := a.start(ctx, w, own, ready)
	if len(own.refused) > 0 {
		wait = min(wait, runRetryDelay)
	}
	return wait, errors.Join(err, a.note(ctx, w, own, done, own.gone(found), faults))
}

// watch returns what is known of the files of a workflow. A watch begins with the files
// that are there; isNew says that it does so now.
func (a *arrivals) watch(
	ctx context.Context, w *miniairflow.FileWatch, trigger *miniairflow.FileTrigger, found []miniairflow.FoundFile,
) (own *folderWatch, isNew bool, err error) {
	hash := trigger.WatchHash(w.SourceFile)
	if own = a.watches[w.WorkflowID]; own != nil && own.hash == hash && w.Hash == hash {
		return own, false, nil
	}
	files := found
	if isNew = w.Hash != hash; isNew {
		err = a.control.Store.WatchFiles(ctx, w.WorkflowID, hash, found)
		a.logger.InfoContext(ctx, "Scheduler: Watch of files begins", "workflow", w.Name, "path", trigger.Path, "files", len(found))
	} else {
		files, err = a.control.Store.SeenFiles(ctx, w.WorkflowID)
	}
	if err != nil {
		return nil, false, err
	}
	own = &folderWatch{hash: hash, seen: make(map[string]miniairflow.FoundFile, len(files)), young: map[string]youngFile{}}
	for _, f := range files {
		own.seen[f.Path] = f
	}
	a.watches[w.WorkflowID] = own
	return own, isNew, nil
}

// ready returns the files that nobody has seen and that have not changed for so long,
// those that were refused before last, and when the next of the others may be ready.
func (w *folderWatch) ready(found []miniairflow.FoundFile, stable time.Duration, now time.Time) (ready []miniairflow.FoundFile, wait time.Duration) {
	young := map[string]youngFile{}
	wait = unknown
	for _, f := range found {
		if w.seen[f.Path] == f {
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
	if ready = othersFirst(ready, w.refused); len(ready) > arrivalsAtOnce {
		return ready[:arrivalsAtOnce], min(wait, time.Millisecond)
	}
	return ready, wait
}

// gone returns the paths of files that were seen and are not there any more.
func (w *folderWatch) gone(found []miniairflow.FoundFile) []string {
	isThere := make(map[string]bool, len(found))
	for _, f := range found {
		isThere[f.Path] = true
	}
	var gone []string
	for name := range w.seen {
		if !isThere[name] {
			gone = append(gone, name)
		}
	}
	return gone
}

// start starts the runs of files, and returns those for which it has done so. One that
// cannot start its run starts none: the fault is logged, and returned by path as people
// read it.
func (a *arrivals) start(
	ctx context.Context, w *miniairflow.FileWatch, own *folderWatch, files []miniairflow.FoundFile,
) (done []miniairflow.FoundFile, faults map[string]string, err error) {
	s, err := startEach(ctx, files, nil, func(f miniairflow.FoundFile) error {
		_, err := a.control.StartByFile(ctx, w.WorkflowID, f)
		return err
	})
	if err != nil {
		err = fmt.Errorf("start runs of files: %w", err)
	}
	own.refused = s.refused
	for f, refused := range s.refused {
		a.logger.WarnContext(ctx, "Scheduler: No run can be started now for a file, tried again later", "workflow", w.Name, "file", f.Path, "error", refused)
	}
	faults = make(map[string]string, len(s.faults))
	for f, fault := range s.faults {
		faults[f.Path] = miniairflow.StartedNone("file "+f.Path, fault)
		a.logger.ErrorContext(ctx, "Scheduler: No run was started for a file", "workflow", w.Name, "file", f.Path, "error", fault)
	}
	return s.done, faults, err
}

// note notes what has become of files, in the store first.
func (a *arrivals) note(
	ctx context.Context, w *miniairflow.FileWatch, own *folderWatch, seen []miniairflow.FoundFile, gone []string, faults map[string]string,
) error {
	if err := a.control.Store.NoteFiles(ctx, w.WorkflowID, seen, gone, faults); err != nil {
		return fmt.Errorf("note files: %w", err)
	}
	for _, f := range seen {
		own.seen[f.Path] = f
		delete(own.young, f.Path)
	}
	for _, name := range gone {
		delete(own.seen, name)
	}
	return nil
}
