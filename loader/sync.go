package loader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
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
	quiet  time.Duration
	report Report
	batch  []pendingFile
	bytes  int
}

// pendingFile is a parsed file on its way to the store.
type pendingFile struct {
	sync  miniairflow.FileSync
	known knownFile
}

// changed parses the files that are new or changed and hands them to the store.
func (s *syncPass) changed(ctx context.Context, files []scannedFile) error {
	for _, file := range files {
		delete(s.missing, file.path)
		if err := ctx.Err(); err != nil {
			return err
		}
		known := s.known[file.path]
		if known != nil && known.settled && known.conflict == "" && known.stamp == file.stamp && file.refused == "" {
			continue
		}
		pending, size, ok := s.examine(file, known)
		if !ok {
			continue
		}
		s.batch = append(s.batch, pending)
		if s.bytes += size; len(s.batch) >= batchFiles || s.bytes >= batchBytes {
			if err := s.flush(ctx); err != nil {
				return err
			}
		}
	}
	return s.flush(ctx)
}

// examine reads and parses a file. ok is false if the store has this content
// already, or if the file is still being written.
func (s *syncPass) examine(file scannedFile, known *knownFile) (pending pendingFile, size int, ok bool) {
	age := time.Since(file.stamp.modified)
	if age >= 0 && age < s.quiet {
		s.report.Waiting = true
		return pendingFile{}, 0, false
	}
	var data []byte
	if file.refused == "" {
		var err error
		if data, err = readBounded(filepath.Join(s.config.Dir, filepath.FromSlash(file.path)), s.config.Limits.Bytes); err != nil {
			file.refused = unreadable(err)
		}
	}
	state := knownFile{stamp: file.stamp, hash: s.hash(data, file.refused), settled: age >= clockStep}
	if known != nil && known.hash == state.hash && known.conflict == "" {
		*known = state
		return pendingFile{}, 0, false
	}
	sync := miniairflow.FileSync{Path: file.path}
	if s.config.Version != "" {
		sync.Hash = state.hash
	}
	if file.refused != "" {
		sync.Problems = []miniairflow.ImportError{{File: file.path, Message: file.refused}}
	} else {
		var timedOut bool
		if sync.Definitions, sync.Problems, timedOut = parseTimed(file.path, data, s.config.Limits); timedOut {
			state, sync.Hash = knownFile{}, "" // the next pass tries again
		}
	}
	if len(sync.Problems) > 0 && age >= 0 && age < problemQuiet*s.quiet {
		s.report.Waiting = true
		return pendingFile{}, 0, false
	}
	return pendingFile{sync: sync, known: state}, len(data), true
}

// hash names what a file was read as: by its bytes, by what reads them, and by what
// that is allowed to cost.
func (s *syncPass) hash(data []byte, refused string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%v\n%s\n", s.config.Version, s.config.Limits, refused)
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

// flush hands the batch to the store. A file that the store refuses does not
// keep the others out: it is logged and tried again at the next pass.
func (s *syncPass) flush(ctx context.Context) error {
	batch := s.batch
	s.batch, s.bytes = nil, 0
	if len(batch) == 0 {
		return nil
	}
	switch held, err := s.renew(ctx); {
	case err != nil:
		return err
	case !held:
		return errLeaseLost
	}
	err := s.store(ctx, batch)
	if err == nil || ctx.Err() != nil || miniairflow.ErrorCode(err) == miniairflow.CodeUnavailable {
		return err
	}
	for _, file := range batch {
		if len(batch) > 1 {
			err = s.store(ctx, []pendingFile{file})
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

func (s *syncPass) store(ctx context.Context, batch []pendingFile) error {
	files := make([]miniairflow.FileSync, len(batch))
	for i, file := range batch {
		files[i] = file.sync
	}
	results, err := s.config.Store.SyncFiles(ctx, files)
	if err != nil {
		for _, file := range files { // some may be written all the same
			if known := s.known[file.Path]; known != nil {
				*known = knownFile{}
			}
		}
		return fmt.Errorf("sync %d workflow files: %w", len(files), err)
	}
	for i := range batch {
		path, before := batch[i].sync.Path, s.known[batch[i].sync.Path]
		batch[i].known.conflict = fmt.Sprint(results[i].Conflicts)
		if len(results[i].Conflicts) == 0 {
			batch[i].known.conflict = ""
		}
		s.known[path] = &batch[i].known
		s.report.Parsed++
		s.report.Problems += len(batch[i].sync.Problems)
		s.report.Conflicts = append(s.report.Conflicts, results[i].Conflicts...)
		if before == nil || before.hash != batch[i].known.hash || before.conflict != batch[i].known.conflict {
			s.tell(ctx, batch[i].sync.Problems, results[i])
		}
	}
	return nil
}

// tell logs what a new or changed file did, and adds it to the report.
func (s *syncPass) tell(ctx context.Context, problems []miniairflow.ImportError, result miniairflow.FileResult) {
	for _, problem := range slices.Concat(problems, result.Conflicts) {
		s.config.Logger.WarnContext(ctx, "Loader: File has a problem", "problem", problem.String())
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
			s.report.Waiting = true
			continue
		}
		if err := s.config.Store.RetireFile(ctx, path); err != nil {
			return fmt.Errorf("retire %q: %w", path, err)
		}
		delete(s.known, path)
		delete(s.missing, path)
		s.report.Waiting = true // a name that is free now may be waited for
		s.report.Gone = append(s.report.Gone, path)
		s.config.Logger.InfoContext(ctx, "Loader: File gone", "file", path)
	}
	return nil
}
