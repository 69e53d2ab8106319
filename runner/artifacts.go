package runner

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/artifacts"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

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

	brought int // so many files and folders
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
