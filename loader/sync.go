package loader

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

const (
	// batchFiles and batchBytes bound what one call of SyncFiles carries.
	batchFiles = 100
	batchBytes = 8 << 20
	// clockStep is the coarsest step of file times that is reckoned with: a stamp
	// younger than this when the file was read may hide a later change.
	clockStep = 2 * time.Second
	// problemQuiet is how many quiet times a file with problems gets, because a
	// slow editor may not have written all of it.
	problemQuiet = 5
)

// errLeaseLost ends a pass in which another loader took over.
var errLeaseLost = errors.New("loader lease lost")

// syncPass is one pass of a Loader.
type syncPass struct {
	*Loader
	quiet    time.Duration
	checkout func() *checkout // of the folder, looked at when it is asked for first
	report   Report
	batch    []finding
	bytes    int
}

// whole looks at all files.
func (s *syncPass) whole(ctx context.Context) error {
	s.report.isWhole = true
	list, giveUp := func() (scanned, error) {
		return scan(s.config.Dir, s.config.readAround(s.surroundings), plainFile.stat)
	}, func() {}
	if s.known == nil && s.config.Version != "" {
		preview := s.preview(ctx)
		defer preview.Stop()
		list, giveUp = preview.await, func() { preview.ahead.isVain.Store(true) }
	}
	var remembering sync.WaitGroup
	var rememberErr error
	remembering.Go(func() {
		if rememberErr = s.remember(ctx); !s.knowsHashes() {
			giveUp()
		}
	})
	found, err := list()
	remembering.Wait()
	if err != nil {
		return err
	}
	s.complain(ctx, found.complaint())
	s.report.Files, s.report.folders, s.layout = len(found.files), found.folders, newLayout(&found)
	if rememberErr != nil {
		return rememberErr
	}
	if err := s.around(ctx, &found); err != nil {
		return err
	}
	if err := s.some(ctx, found.files); err != nil {
		return err
	}
	return s.gone(ctx, &found)
}

// some looks at the given files, and at the pools.
func (s *syncPass) some(ctx context.Context, files []scannedFile) error {
	if err := s.pools(ctx); err != nil {
		return err
	}
	return s.changed(ctx, files)
}

// changed parses the files that are new or changed and hands them to the store,
// in their order. While the store writes some, the next ones are being parsed.
func (s *syncPass) changed(ctx context.Context, files []scannedFile) error {
	var looks []look
	for _, file := range files {
		delete(s.missing, file.path)
		l := look{scannedFile: file, known: s.known[file.path]}
		switch {
		case s.isStill(l.known, file):
		case l.known.isAs(file.ahead):
			s.known[file.path] = file.ahead
		default:
			looks = append(looks, l)
		}
	}
	parsing, stop := s.parse(ctx, looks)
	defer stop()
	for seen := range parsing {
		for _, file := range seen {
			if err := s.take(ctx, file); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.flush(ctx)
}

// take notes what a look at a file has found.
func (s *syncPass) take(ctx context.Context, found finding) error {
	switch {
	case found.waits:
		s.report.Waiting = true
		s.report.young = append(s.report.young, filepath.Join(s.config.Dir, filepath.FromSlash(found.sync.Path)))
		return nil
	case found.isSame, found.isHeld:
		s.known[found.sync.Path] = found.state
		return nil
	}
	s.batch = append(s.batch, found)
	if s.bytes += found.size; len(s.batch) < batchFiles && s.bytes < batchBytes {
		return nil
	}
	return s.flush(ctx)
}

// flush hands the batch to the store. A file that the store refuses does not
// keep the others out: it is logged and tried again when it is looked at next.
func (s *syncPass) flush(ctx context.Context) error {
	batch := s.batch
	s.batch, s.bytes = nil, 0
	if len(batch) == 0 {
		return nil
	}
	switch held, err := s.keepLease(ctx); {
	case err != nil:
		return err
	case !held:
		return errLeaseLost
	}
	if err := s.refuseCycles(ctx, batch); err != nil {
		return err
	}
	batch, err := s.carry(ctx, batch)
	if err != nil || len(batch) == 0 {
		return err
	}
	err = s.store(ctx, batch)
	if err == nil || ctx.Err() != nil || miniairflow.ErrorCode(err) == miniairflow.CodeUnavailable {
		return err
	}
	for _, file := range batch {
		if len(batch) > 1 {
			err = s.store(ctx, []finding{file})
		}
		if miniairflow.ErrorCode(err) == miniairflow.CodeUnavailable {
			return err
		}
		if err != nil {
			s.config.Logger.ErrorContext(ctx, "Loader: File refused by the store", "file", file.sync.Path, "error", err)
		}
	}
	return nil
}

func (s *syncPass) store(ctx context.Context, batch []finding) error {
	files := make([]miniairflow.FileSync, len(batch))
	for i, file := range batch {
		files[i] = file.sync
	}
	results, err := s.config.Store.SyncFiles(ctx, files)
	if err != nil {
		for _, file := range files { // some may be written all the same
			if _, isKnown := s.known[file.Path]; isKnown {
				s.known[file.Path] = knownFile{}
			}
		}
		return fmt.Errorf("sync %d workflow files: %w", len(files), err)
	}
	for i := range batch {
		path, state := batch[i].sync.Path, batch[i].state
		if len(results[i].Conflicts) > 0 {
			state.conflict += fmt.Sprint(results[i].Conflicts)
		}
		before, isKnown := s.known[path]
		s.known[path] = state
		delete(s.contested, path)
		if state.conflict != "" {
			s.contested[path] = true
		}
		s.report.Parsed++
		s.report.Problems += len(batch[i].sync.Problems)
		s.report.Conflicts = append(s.report.Conflicts, results[i].Conflicts...)
		if !isKnown || before.hash != state.hash || before.conflict != state.conflict {
			s.tell(ctx, batch[i].sync, results[i])
		}
		if len(results[i].Retired)+len(results[i].Updated) > 0 && len(s.contested) > 0 {
			s.report.again = true // a file before this one may wait for the name, or for the end of a cycle
		}
	}
	return nil
}

// tell logs what a new or changed file did, and adds it to the report.
func (s *syncPass) tell(ctx context.Context, file miniairflow.FileSync, result miniairflow.FileResult) {
	for _, problem := range slices.Concat(file.Problems, result.Conflicts) {
		s.config.Logger.WarnContext(ctx, "Loader: File has a problem", "problem", problem.String())
	}
	for _, d := range file.Definitions {
		for _, warning := range d.Warnings {
			s.config.Logger.WarnContext(ctx, "Loader: File has a warning", "warning", warning.String())
		}
	}
	if len(result.Created)+len(result.Updated)+len(result.Retired) == 0 {
		return
	}
	s.report.Created = append(s.report.Created, result.Created...)
	s.report.Updated = append(s.report.Updated, result.Updated...)
	s.report.Retired = append(s.report.Retired, result.Retired...)
	s.config.Logger.InfoContext(ctx, "Loader: File synced", "file", result.Path,
		"created", result.Created, "updated", result.Updated, "retired", result.Retired)
}

// gone retires the workflows of files that two passes, some time apart, have
// not found.
func (s *syncPass) gone(ctx context.Context, found *scanned) error {
	if len(found.files) == 0 {
		s.missing = map[string]time.Time{}
		return nil
	}
	present := make(map[string]bool, len(found.files))
	for _, file := range found.files {
		present[file.path] = true
	}
	for _, path := range slices.Sorted(maps.Keys(s.known)) {
		if present[path] || !found.covers(path) {
			continue
		}
		since, again := s.missing[path]
		if !again {
			s.missing[path] = time.Now()
		}
		if !again || time.Since(since) < s.config.Missing {
			s.report.Waiting, s.report.again = true, true
			continue
		}
		if err := s.config.Store.RetireFile(ctx, path); err != nil {
			return fmt.Errorf("retire %q: %w", path, err)
		}
		delete(s.known, path)
		delete(s.missing, path)
		delete(s.contested, path)
		s.report.Waiting, s.report.again = true, true // a name that is free now may be waited for
		s.report.Gone = append(s.report.Gone, path)
		s.config.Logger.InfoContext(ctx, "Loader: File gone", "file", path)
	}
	return nil
}
