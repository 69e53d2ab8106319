package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/artifacts"
)

// addArtifactFlags adds the flags of commands that execute tasks for the files that
// these leave.
func addArtifactFlags(flags *pflag.FlagSet) {
	flags.String("artifacts-dir", "", "folder that keeps the artifacts of tasks, the same for all processes of a database (default: in the database)")
	flags.Int64("max-artifact-bytes", miniairflow.ArtifactBytesDefault, "how large an artifact may be")
	flags.Int("max-artifact-files", miniairflow.ArtifactFilesDefault, "how many artifacts an attempt may leave")
}

// artifactFilesMax bounds --max-artifact-files: the names of all are in memory at once.
const artifactFilesMax = 100_000

func (c *config) checkArtifacts() error {
	switch {
	case c.ArtifactBytes < 1:
		return usageErrorf("--max-artifact-bytes %d: write a number from 1 on", c.ArtifactBytes)
	case c.ArtifactFiles < 1 || c.ArtifactFiles > artifactFilesMax:
		return usageErrorf("--max-artifact-files %d: write a number from 1 to %d", c.ArtifactFiles, artifactFilesMax)
	}
	return nil
}

// takeArtifactsDir returns where `run` puts artifacts: where its store is thrown away,
// --artifacts-dir is no folder that processes share.
func (c *config) takeArtifactsDir(cmd *cobra.Command) (dir string) {
	if c.DatabaseURL != "" {
		return ""
	}
	if cmd.Flags().Changed("artifacts-dir") {
		dir = c.ArtifactsDir
	}
	c.ArtifactsDir = ""
	return dir
}

// depot returns what keeps the bytes of artifacts.
func (c *config) depot(ctx context.Context, store miniairflow.Store) (artifacts.Depot, error) {
	if c.ArtifactsDir == "" {
		return artifacts.InStore(store), nil
	}
	return artifacts.InFolder(ctx, c.ArtifactsDir, store)
}

// lateDepot returns depot for those who only read, and hardly ever: it looks at the
// folder when somebody does, and makes none.
func (c *config) lateDepot(store miniairflow.Store) artifacts.Depot {
	return lateDepot{open: func(ctx context.Context) (artifacts.Depot, error) {
		if c.ArtifactsDir != "" {
			if _, err := os.Stat(c.ArtifactsDir); errors.Is(err, fs.ErrNotExist) {
				return nil, miniairflow.Errorf(miniairflow.CodeNotFound, "the folder of artifacts %s is not there: give the --artifacts-dir of the workers", c.ArtifactsDir)
			}
		}
		return c.depot(ctx, store)
	}}
}

type lateDepot struct {
	artifacts.Depot
	open func(ctx context.Context) (artifacts.Depot, error)
}

// Read implements artifacts.Depot.
func (d lateDepot) Read(ctx context.Context, key miniairflow.AttemptKey, a *miniairflow.Artifact, offset int64) (data []byte, start int64, err error) {
	depot, err := d.open(ctx)
	if err != nil {
		return nil, 0, err
	}
	return depot.Read(ctx, key, a, offset)
}

// sweepEvery is how often the folder of artifacts is swept.
const sweepEvery = time.Hour

// startSweep removes from the folder of artifacts, now and then, what belongs to runs
// that were deleted.
func (p *process) startSweep(ctx context.Context, group *errgroup.Group) {
	if p.config.ArtifactsDir == "" {
		return
	}
	group.Go(func() error {
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		for {
			if err := artifacts.Sweep(ctx, p.config.ArtifactsDir, p.store); err != nil && ctx.Err() == nil {
				p.logger.WarnContext(ctx, "Artifacts: Folder cannot be swept", "directory", p.config.ArtifactsDir, "error", err)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	})
}
