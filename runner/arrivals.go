package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

const (
	// arrivalsLease is what the schedulers of a store contend for: one of them looks for
	// files, so that what it remembers of a folder is what the store has. It is extended
	// within a pass, too, when a third of it is over.
	arrivalsLease      = "files"
	arrivalsLeaseFor   = 15 * time.Second
	arrivalsLeaseRenew = arrivalsLeaseFor / 3
	// arrivalsAtOnce bounds the files of one workflow that start runs in one pass, and
	// arrivalsNoted those of them that are noted together.
	arrivalsAtOnce = 100
	arrivalsNoted  = 20
	// faultMax is as long a fault, in bytes, as any store keeps as it is.
	faultMax = 900
)

// errOvertaken ends a pass: another scheduler looks for files, or may have done so since
// this one has read what it knows.
var errOvertaken = errors.New("another scheduler may look for files")

// arrivals starts a run for each file that comes into a folder which a workflow watches.
// Files that are there when the watch begins are seen without a run. What was seen is in
// the store, so that a restart misses none, and a run is known by its file.
type arrivals struct {
	control  *miniairflow.Control
	logger   *slog.Logger
	dags     string
	holder   uuid.UUID
	isHeld   bool
	heldAt   time.Time                  // when the lease was asked for that was got last
	watches  map[uuid.UUID]*folderWatch // by workflow; what is known while the lease is held
	troubles map[uuid.UUID]string       // by workflow; why the last look has failed
	refused  map[uuid.UUID]int          // by workflow; the last of its looks, if the database has refused it
	looks    int                        // that the database has refused
	events   *fileEvents
	folders  map[string]bool // that this pass has looked at
}

func newArrivals(control *miniairflow.Control, logger *slog.Logger, dags string) *arrivals {
	return &arrivals{
		control: control, logger: logger, dags: dags, holder: uuid.New(), events: newFileEvents(logger),
		watches: map[uuid.UUID]*folderWatch{}, troubles: map[uuid.UUID]string{}, refused: map[uuid.UUID]int{},
	}
}

// pass looks at all folders once. Its error is that of a database that is away: what is
// wrong with one workflow, or with its folder, delays no other.
func (a *arrivals) pass(ctx context.Context) (time.Duration, error) {
	a.folders = map[string]bool{}
	defer func() { a.events.watch(ctx, a.folders) }()
	workflows, err := a.control.Store.FileTriggers(ctx)
	if err != nil {
		return 0, fmt.Errorf("find file triggers: %w", err)
	}
	a.keepOnly(workflows)
	if len(workflows) == 0 {
		return unknown, nil
	}
	wait, err := a.lookAtAll(ctx, workflows)
	switch {
	case errors.Is(err, errOvertaken) && a.isHeld:
		return time.Millisecond, nil // with what is known now
	case errors.Is(err, errOvertaken):
		return unknown, nil
	}
	return wait, err
}

// keepOnly forgets what is known of other workflows.
func (a *arrivals) keepOnly(workflows []miniairflow.FileWatch) {
	known := map[uuid.UUID]bool{}
	for i := range workflows {
		known[workflows[i].WorkflowID] = true
	}
	maps.DeleteFunc(a.watches, func(id uuid.UUID, _ *folderWatch) bool { return !known[id] })
	maps.DeleteFunc(a.troubles, func(id uuid.UUID, _ string) bool { return !known[id] })
	maps.DeleteFunc(a.refused, func(id uuid.UUID, _ int) bool { return !known[id] })
}

func (a *arrivals) lookAtAll(ctx context.Context, workflows []miniairflow.FileWatch) (time.Duration, error) {
	if err := a.hold(ctx, 0); err != nil {
		return unknown, err
	}
	// Those that were refused last come last, so that a few that the database always
	// refuses do not end each pass at the same place.
	slices.SortStableFunc(workflows, func(x, y miniairflow.FileWatch) int { return a.refused[x.WorkflowID] - a.refused[y.WorkflowID] })
	wait := unknown
	var refused refusals
	for i := range workflows {
		if err := a.hold(ctx, arrivalsLeaseRenew); err != nil {
			return unknown, err
		}
		next := unknown
		err := safely(func() (err error) {
			next, err = a.look(ctx, &workflows[i], time.Now())
			return err
		})
		delete(a.refused, workflows[i].WorkflowID)
		if isTransient(err) {
			a.looks++
			a.refused[workflows[i].WorkflowID] = a.looks
		}
		switch isAway := refused.isAway(err); {
		case errors.Is(err, errOvertaken), err != nil && ctx.Err() != nil, isAway:
			return unknown, err
		case isTransient(err):
			next = runRetryDelay
		}
		a.logTrouble(ctx, &workflows[i], err)
		wait = min(wait, next)
	}
	return wait, nil
}

// hold takes the lease, or extends it, unless it is younger than renew. What is known
// may be old if the last one had run out meanwhile.
func (a *arrivals) hold(ctx context.Context, renew time.Duration) error {
	now := time.Now()
	age := max(now.Sub(a.heldAt), now.Round(0).Sub(a.heldAt.Round(0))) // one clock stands still while the machine sleeps, and the other one is set
	if a.isHeld && age < renew {
		return nil
	}
	held, err := a.control.Store.TryLease(ctx, arrivalsLease, a.holder, arrivalsLeaseFor)
	if err != nil {
		return fmt.Errorf("take the lease of files: %w", err)
	}
	isContinued := a.isHeld && held && age < arrivalsLeaseFor
	if a.isHeld = held; held {
		a.heldAt = now
	}
	if !isContinued {
		clear(a.watches)
		return errOvertaken
	}
	return nil
}

// logTrouble tells why a look at the files of a workflow has failed, once.
func (a *arrivals) logTrouble(ctx context.Context, w *miniairflow.FileWatch, err error) {
	text := ""
	if err != nil {
		text, _, _ = strings.Cut(err.Error(), "\n") // of a panic, whose addresses are others each time
	}
	if text == a.troubles[w.WorkflowID] {
		return
	}
	if err == nil {
		delete(a.troubles, w.WorkflowID)
		a.logger.InfoContext(ctx, "Scheduler: Files of a workflow are looked for again", "workflow", w.Name)
		return
	}
	a.troubles[w.WorkflowID] = text
	a.logger.WarnContext(ctx, "Scheduler: Files of a workflow cannot be looked for, tried again later", "workflow", w.Name, "error", err)
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
	found := findFiles(filepath.Join(a.dags, filepath.FromSlash(path.Dir(w.SourceFile))), trigger.Path)
	for _, folder := range found.folders[:min(len(found.folders), foldersWatched-len(a.folders))] {
		a.folders[folder] = true
	}
	hash, fault := trigger.WatchHash(w.SourceFile), found.fault(trigger.Path)
	isNew := w.Hash != hash
	isKnown := found.err == nil && (!isNew || !found.isPart)
	if isNew && !isKnown {
		fault += "; the watch begins when that is over, with the files that are there then"
	}
	if err := a.tell(ctx, w, fault); err != nil || !isKnown {
		return unknown, err // what was seen before may be there all the same
	}
	if isNew {
		return time.Millisecond, a.begin(ctx, w, trigger, found.files)
	}
	own, err := a.remember(ctx, w)
	if err != nil {
		return unknown, err
	}
	ready, wait := own.ready(found.files, trigger.StableFor.Std(), now)
	if err := a.start(ctx, w, own, ready); err != nil {
		return unknown, err
	}
	if own.hasRefused() {
		wait = min(wait, runRetryDelay)
	}
	return wait, a.noteMoves(ctx, w, own, own.moves(found.files, now, fault == ""))
}

// tell tells people what is wrong with the files of a workflow, when it changes.
func (a *arrivals) tell(ctx context.Context, w *miniairflow.FileWatch, fault string) error {
	if len(fault) > faultMax {
		fault = strings.ToValidUTF8(fault[:faultMax], "") + "…"
	}
	if fault == w.Fault {
		return nil
	}
	isNew, err := a.control.Store.NoteFileFault(ctx, w.WorkflowID, fault)
	switch {
	case err != nil:
		return fmt.Errorf("note fault of files: %w", err)
	case isNew && fault == "":
		a.logger.InfoContext(ctx, "Scheduler: All files are found again", "workflow", w.Name)
	case isNew:
		a.logger.WarnContext(ctx, "Scheduler: Not all files are found", "workflow", w.Name, "fault", fault)
	}
	return nil
}

// begin begins a watch with the files that are there.
func (a *arrivals) begin(ctx context.Context, w *miniairflow.FileWatch, trigger *miniairflow.FileTrigger, files []miniairflow.FoundFile) error {
	delete(a.watches, w.WorkflowID)
	if err := a.control.Store.WatchFiles(ctx, w.WorkflowID, trigger.WatchHash(w.SourceFile), files); err != nil {
		return fmt.Errorf("begin the watch of files: %w", err)
	}
	a.logger.InfoContext(ctx, "Scheduler: Watch of files begins", "workflow", w.Name, "path", trigger.Path, "files", len(files))
	return nil
}

// remember returns what is known of the files of a workflow whose watch has begun.
func (a *arrivals) remember(ctx context.Context, w *miniairflow.FileWatch) (*folderWatch, error) {
	if own := a.watches[w.WorkflowID]; own != nil && own.hash == w.Hash {
		return own, nil
	}
	files, err := a.control.Store.SeenFiles(ctx, w.WorkflowID)
	if err != nil {
		return nil, fmt.Errorf("find seen files: %w", err)
	}
	now, err := a.control.Store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the database's time: %w", err)
	}
	a.watches[w.WorkflowID] = newFolderWatch(w.Hash, files, now)
	return a.watches[w.WorkflowID], nil
}

// start starts the runs of files, and notes that.
func (a *arrivals) start(ctx context.Context, w *miniairflow.FileWatch, own *folderWatch, ready []miniairflow.FoundFile) error {
	own.held = nil
	for files := range slices.Chunk(ready, arrivalsNoted) {
		if err := a.hold(ctx, arrivalsLeaseRenew); err != nil {
			return err
		}
		done, faults, err := a.startSome(ctx, w, own, files)
		if noted := a.note(ctx, w, own, miniairflow.FileNotes{Seen: done, Faults: faults}); err != nil || noted != nil {
			return errors.Join(err, noted)
		}
	}
	return nil
}

// startSome starts the runs of files, and returns those for which it has done so. One
// that cannot start its run starts none: the fault is logged, and returned by path as
// people read it. Of a workflow that somebody holds, one file waits for all.
func (a *arrivals) startSome(
	ctx context.Context, w *miniairflow.FileWatch, own *folderWatch, files []miniairflow.FoundFile,
) (done []miniairflow.FoundFile, faults map[string]string, err error) {
	s, err := startEach(ctx, files, func(f miniairflow.FoundFile) error {
		if own.held != nil {
			return own.held
		}
		_, err := a.control.StartByFile(ctx, w.WorkflowID, f)
		if errors.Is(err, miniairflow.ErrLocked) {
			own.held = err
		}
		if isTransient(err) {
			a.logger.Log(ctx, refusalLevel(own.young[f.Path].refused > 0), "Scheduler: No run can be started now for a file, tried again later",
				"workflow", w.Name, "file", f.Path, "error", err)
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("start runs of files: %w", err)
	}
	for f := range s.refused {
		own.refuse(f)
	}
	faults = make(map[string]string, len(s.faults))
	for f, fault := range s.faults {
		faults[f.Path] = miniairflow.StartedNone("file "+f.Path, fault)
		a.logger.ErrorContext(ctx, "Scheduler: No run was started for a file", "workflow", w.Name, "file", f.Path, "error", fault)
	}
	return s.done, faults, err
}

// noteMoves notes which files have come back or gone.
func (a *arrivals) noteMoves(ctx context.Context, w *miniairflow.FileWatch, own *folderWatch, moves miniairflow.FileNotes) error {
	for _, part := range parts(moves) {
		if err := a.hold(ctx, arrivalsLeaseRenew); err != nil {
			return err
		}
		if err := a.note(ctx, w, own, part); err != nil {
			return err
		}
	}
	return nil
}

// note notes what has become of files, in the store first.
func (a *arrivals) note(ctx context.Context, w *miniairflow.FileWatch, own *folderWatch, notes miniairflow.FileNotes) error {
	if err := a.control.Store.NoteFiles(ctx, w.WorkflowID, notes); err != nil {
		return fmt.Errorf("note files: %w", err)
	}
	own.note(notes, time.Now())
	return nil
}
