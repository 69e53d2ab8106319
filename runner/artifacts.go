package runner

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"time"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/artifacts"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// artifactPage is how many artifacts are asked for at a time.
const artifactPage = 200

// dropPatience bounds how long an attempt that has failed cleans up behind itself.
// What is left is seen by nobody, and goes with the run.
const dropPatience = 5 * time.Second

// handFiles gives a task with artifacts or inputs what it needs for them.
func (w *Worker) handFiles(in *action.Input, g *miniairflow.DAG) {
	if len(in.Task.Artifacts)+len(in.Task.Inputs) == 0 {
		return
	}
	depot := patientDepot{Depot: w.cfg.Artifacts, of: w}
	in.FileLimits = action.FileLimits{Bytes: w.cfg.ArtifactBytes, Files: w.cfg.ArtifactFiles}
	in.Files = &attemptFiles{
		w: w, depot: depot, dag: g, claim: in.Claim, inputs: in.Task.Inputs,
		upload: artifacts.NewUpload(depot, attemptKey(in.Claim)),
	}
}

// attemptFiles are what an attempt is given and leaves. It is for one goroutine.
type attemptFiles struct {
	w      *Worker
	depot  artifacts.Depot
	dag    *miniairflow.DAG
	claim  miniairflow.Claim
	inputs []string
	upload *artifacts.Upload
}

// Keep implements action.Files.
func (f *attemptFiles) Keep(ctx context.Context, name string, r io.Reader, size int64) error {
	return explainFull(f.upload.Add(ctx, name, r, size))
}

// Kept implements action.Files.
func (f *attemptFiles) Kept(ctx context.Context) error { return explainFull(f.upload.Flush(ctx)) }

// explainFull says what to do about a database without room.
func explainFull(err error) error {
	if errors.Is(err, miniairflow.ErrFull) {
		return errors.New("the database has no room left: free some, or keep artifacts elsewhere with --artifacts-dir")
	}
	return err
}

// Drop implements action.Files.
func (f *attemptFiles) Drop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, dropPatience)
	defer cancel()
	if err := f.w.cfg.Artifacts.Drop(ctx, attemptKey(f.claim)); err != nil {
		f.w.logger.WarnContext(ctx, "Worker: Artifacts of a failed attempt stay until its run is deleted",
			"run_id", f.claim.RunID, "seq", f.claim.Seq, "error", err)
	}
}

// Bring implements action.Files. A task that has not succeeded has an empty folder.
func (f *attemptFiles) Bring(ctx context.Context, dir string) error {
	if err := makeFolder(dir); err != nil {
		return err
	}
	for _, name := range f.inputs {
		seq := slices.IndexFunc(f.dag.Definition.Tasks, func(t miniairflow.Task) bool { return t.Name == name })
		if seq < 0 {
			return fmt.Errorf("the workflow has no task %q", name)
		}
		if err := f.bringOf(ctx, path.Join(dir, name), seq); err != nil {
			return fmt.Errorf("artifacts of %q: %w", name, err)
		}
	}
	return nil
}

// bringOf lays out the artifacts of one task.
func (f *attemptFiles) bringOf(ctx context.Context, dir string, seq int) error {
	if err := makeFolder(dir); err != nil {
		return err
	}
	key, ok, err := f.source(ctx, seq)
	if err != nil || !ok {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for after := ""; ; {
		page, err := patiently(ctx, f.w, func() ([]*miniairflow.Artifact, error) {
			return f.w.cfg.Store.FindArtifacts(ctx, key, after, artifactPage)
		})
		if err != nil {
			return fmt.Errorf("list: %w", err)
		}
		for _, a := range page {
			if err := f.layOut(ctx, root, key, a); err != nil {
				return err
			}
			after = a.Name
		}
		if len(page) < artifactPage {
			return nil
		}
	}
}

// source returns the attempt whose artifacts a task gives; ok is false if it has not
// succeeded.
func (f *attemptFiles) source(ctx context.Context, seq int) (key miniairflow.AttemptKey, ok bool, err error) {
	of := miniairflow.TaskRunKey{RunID: f.claim.RunID, Seq: seq}
	task, err := patiently(ctx, f.w, func() (*miniairflow.TaskRun, error) { return f.w.cfg.Store.FindTaskRun(ctx, of.RunID, of.Seq) })
	if err != nil || task.Status != miniairflow.TaskSuccess {
		return key, false, err
	}
	attempts, err := patiently(ctx, f.w, func() (map[miniairflow.TaskRunKey][]*miniairflow.TaskAttempt, error) {
		return f.w.cfg.Store.FindAttempts(ctx, []miniairflow.TaskRunKey{of})
	})
	number := miniairflow.ArtifactAttempt(attempts[of])
	return miniairflow.AttemptKey{RunID: of.RunID, Seq: of.Seq, Attempt: number}, number > 0, err
}

// layOut writes one artifact below root, which its name cannot leave.
func (f *attemptFiles) layOut(ctx context.Context, root *os.Root, key miniairflow.AttemptKey, a *miniairflow.Artifact) error {
	if err := miniairflow.CheckArtifactName(a.Name); err != nil {
		return fmt.Errorf("%q: %w", a.Name, err)
	}
	if folder := path.Dir(a.Name); folder != "." {
		if err := root.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("lay out %q: %w", a.Name, err)
		}
	}
	// Two names that the file system takes for one must not overwrite each other.
	file, err := root.OpenFile(a.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("lay out %q: %w", a.Name, err)
	}
	out := bufio.NewWriterSize(file, 64<<10)
	err = artifacts.Copy(ctx, out, f.depot, key, a)
	if err == nil {
		err = out.Flush()
	}
	return errors.Join(err, file.Close())
}

// makeFolder makes a folder that the user of a container may look into: nobody else
// comes through the one above it.
func makeFolder(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755) //nolint:gosec // see above
}

// patientDepot repeats what fails because the database is away. One that is full may
// stay so, and the task is told.
type patientDepot struct {
	artifacts.Depot
	of *Worker
}

// Save implements artifacts.Depot.
func (d patientDepot) Save(ctx context.Context, key miniairflow.AttemptKey, complete []miniairflow.Artifact, pieces []artifacts.Piece) error {
	_, err := patiently(ctx, d.of, func() (struct{}, error) { return struct{}{}, d.Depot.Save(ctx, key, complete, pieces) })
	return err
}

// Read implements artifacts.Depot.
func (d patientDepot) Read(ctx context.Context, key miniairflow.AttemptKey, a *miniairflow.Artifact, offset int64) ([]byte, int64, error) {
	type part struct {
		data  []byte
		start int64
	}
	read, err := patiently(ctx, d.of, func() (part, error) {
		data, start, err := d.Depot.Read(ctx, key, a, offset)
		return part{data, start}, err
	})
	return read.data, read.start, err
}

// patiently calls do until it succeeds, fails for good, or ctx is done.
func patiently[T any](ctx context.Context, w *Worker, do func() (T, error)) (T, error) {
	trouble := w.streak("artifacts of a task")
	defer trouble.forget()
	for {
		value, err := do()
		if err == nil || ctx.Err() != nil || !isTransient(err) || errors.Is(err, miniairflow.ErrFull) {
			return value, err
		}
		sleep(ctx, trouble.failed(ctx, err))
	}
}
