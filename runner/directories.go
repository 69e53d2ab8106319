package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/sauravritesh63/miniairflow"
)

// sourceAge is how long a worker believes that a workflow's file is where it was.
const sourceAge = 10 * time.Second

// sources knows the files of the workflows that ran last. Its methods may be
// called from any goroutine.
type sources struct {
	store miniairflow.CatalogStore
	known *lru.Cache[uuid.UUID, source]
}

type source struct {
	file string
	read time.Time
}

func newSources(store miniairflow.CatalogStore) *sources {
	known, err := lru.New[uuid.UUID, source](1024)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &sources{store: store, known: known}
}

// file returns the path of the workflow's file below the folder of workflow
// files; empty for a workflow without one.
func (s *sources) file(ctx context.Context, workflowID uuid.UUID) (string, error) {
	if known, ok := s.known.Get(workflowID); ok && time.Since(known.read) < sourceAge {
		return known.file, nil
	}
	w, err := s.store.FindWorkflow(ctx, workflowID)
	if err != nil {
		return "", fmt.Errorf("find the workflow's file: %w", err)
	}
	s.known.Add(workflowID, source{file: w.SourceFile, read: time.Now()})
	return w.SourceFile, nil
}

// workingDir returns where a task runs: dir below the folder of the workflow's
// file or, for a workflow without a file, below the run's own directory.
func workingDir(dags, file, dir, runDir string) (string, error) {
	base := runDir
	if file != "" {
		if !filepath.IsLocal(filepath.FromSlash(file)) {
			return "", &hopeless{fmt.Errorf("the workflow's file %q is not below %s", file, dags)}
		}
		base = filepath.Join(dags, filepath.Dir(filepath.FromSlash(file)))
	}
	if dir != "" && !filepath.IsLocal(filepath.FromSlash(dir)) {
		return "", &hopeless{fmt.Errorf("working_dir %q leads out of the folder of the workflow's file", dir)}
	}
	path := filepath.Join(base, filepath.FromSlash(dir))
	if path == runDir {
		return path, nil // made when the attempt starts
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("working directory %s does not exist on this worker: give it a checkout of the workflow files (--dags)", path)
	case err != nil:
		return "", fmt.Errorf("working directory: %w", err)
	case !info.IsDir():
		return "", fmt.Errorf("working directory %s is not a directory", path)
	}
	return path, nil
}

// trashPrefix marks directories that are being removed.
const trashPrefix = ".trash-"

// runDirs holds the directories that the tasks of a run share on this worker. Its
// methods may be called from any goroutine.
type runDirs struct {
	root string

	mu    sync.Mutex
	users map[uuid.UUID]int
	quiet map[uuid.UUID]bool // runs of which a result was reported since the last look
}

func newRunDirs(root string) *runDirs {
	return &runDirs{root: root, users: map[uuid.UUID]int{}, quiet: map[uuid.UUID]bool{}}
}

// path returns where the directory of a run is. It makes the root, in which
// nobody else may read.
func (d *runDirs) path(runID uuid.UUID) (string, error) {
	if err := os.MkdirAll(d.root, 0o700); err != nil {
		return "", fmt.Errorf("run directory: %w", err)
	}
	return filepath.Join(d.root, runID.String()), nil
}

// enter makes the directory if it is not there, and keeps it until leave.
func (d *runDirs) enter(runID uuid.UUID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := os.MkdirAll(filepath.Join(d.root, runID.String()), 0o700); err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	d.users[runID]++
	return nil
}

func (d *runDirs) leave(runID uuid.UUID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users[runID]--; d.users[runID] <= 0 {
		delete(d.users, runID)
	}
}

// settled notes that a result of the run was reported: it may be over.
func (d *runDirs) settled(runID uuid.UUID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.quiet[runID] = true
}

// takeQuiet returns the runs that were settled since the last call and that no
// attempt uses.
func (d *runDirs) takeQuiet() []uuid.UUID {
	d.mu.Lock()
	defer d.mu.Unlock()
	var idle []uuid.UUID
	for id := range d.quiet {
		if d.users[id] == 0 {
			idle = append(idle, id)
		}
	}
	clear(d.quiet)
	return idle
}

// all returns the runs that have a directory, and removes what an earlier
// process was about to remove.
func (d *runDirs) all() ([]uuid.UUID, error) {
	entries, err := os.ReadDir(d.root)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list run directories: %w", err)
	}
	var ids []uuid.UUID
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), trashPrefix) {
			if err := os.RemoveAll(filepath.Join(d.root, entry.Name())); err != nil {
				return nil, fmt.Errorf("remove run directory: %w", err)
			}
		}
		if id, err := uuid.Parse(entry.Name()); err == nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// remove removes the directory of a run unless an attempt uses it. Renaming it
// first keeps the lock short and a new attempt from a half-empty directory.
func (d *runDirs) remove(runID uuid.UUID) error {
	trash := filepath.Join(d.root, trashPrefix+runID.String())
	d.mu.Lock()
	if d.users[runID] > 0 {
		d.mu.Unlock()
		return nil
	}
	err := os.Rename(filepath.Join(d.root, runID.String()), trash)
	d.mu.Unlock()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = os.RemoveAll(trash)
	}
	if err != nil {
		return fmt.Errorf("remove run directory: %w", err)
	}
	return nil
}

// sweepGap is how often a janitor looks at all run directories there are.
const sweepGap = time.Minute

// janitor removes the directories of runs that are over.
type janitor struct {
	store  miniairflow.RunStore
	dirs   *runDirs
	logger *slog.Logger
	swept  time.Time
}

func newJanitor(store miniairflow.RunStore, dirs *runDirs, logger *slog.Logger) *janitor {
	return &janitor{store: store, dirs: dirs, logger: logger}
}

func (j *janitor) duty(poll time.Duration) loop {
	return loop{name: "remove run directories", poll: poll, pass: j.pass}
}

// pass looks at the runs of which a task ended here a moment ago and, now and
// then, at every directory: the end of a run may have been elsewhere.
func (j *janitor) pass(ctx context.Context) (time.Duration, error) {
	ids := j.dirs.takeQuiet()
	if now := time.Now(); now.Sub(j.swept) >= sweepGap {
		all, err := j.dirs.all()
		if err != nil {
			j.logger.WarnContext(ctx, "Worker: Run directories cannot be swept", "error", err)
		}
		ids, j.swept = append(ids, all...), now
	}
	for _, id := range ids {
		run, err := j.store.FindRun(ctx, id)
		switch {
		case err != nil && !errors.Is(err, miniairflow.ErrNotFound):
			return 0, fmt.Errorf("find run %s: %w", id, err)
		case err == nil && !run.IsTerminal():
			continue
		}
		if err := j.dirs.remove(id); err != nil {
			j.logger.WarnContext(ctx, "Worker: Run directory stays", "run_id", id, "error", err)
		}
	}
	return unknown, nil
}
