package artifacts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// inFolder keeps bytes as plain files, by run, attempt and number: the names are in
// the database, since a file system may take two of them for one, or none at all.
type inFolder struct {
	dir   string
	store miniairflow.ArtifactStore
}

// InFolder returns the Depot that keeps bytes in a folder, which all processes of a
// database share, and no other database: Sweep would delete what it does not know.
// What was kept in the database before it still reads.
func InFolder(ctx context.Context, dir string, store miniairflow.ArtifactStore) (Depot, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of artifacts: %w", err)
	}
	if err := claimFolder(ctx, dir, store); err != nil {
		return nil, err
	}
	return inFolder{dir: dir, store: store}, nil
}

// ownerFile says which database a folder belongs to: by an id that only this one knows.
const ownerFile = ".miniairflow-artifacts"

// ownerKey is where a database has the ids of its folders, as artifacts of no run.
var ownerKey = miniairflow.AttemptKey{}

// claimFolder makes sure that a folder belongs to the database. The database knows
// the id before the folder has it, so that of several processes at once all see it.
func claimFolder(ctx context.Context, dir string, store miniairflow.ArtifactStore) error {
	path := filepath.Join(dir, ownerFile)
	id, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeOwner(ctx, dir, store); err != nil {
			return err
		}
		id, err = os.ReadFile(path)
	}
	if err != nil {
		return fmt.Errorf("folder of artifacts: %w", err)
	}
	_, err = store.FindArtifact(ctx, ownerKey, string(id))
	if errors.Is(err, miniairflow.ErrNotFound) {
		return miniairflow.Errorf(miniairflow.CodeConflict, "the folder of artifacts %s belongs to another database: name another one with --artifacts-dir, or, if that database is gone and nobody needs its artifacts, remove its file %s: they are deleted then", dir, ownerFile)
	}
	if err != nil {
		return fmt.Errorf("folder of artifacts: %w", err)
	}
	return nil
}

// makeOwner gives a folder an id, unless somebody else comes first.
func makeOwner(ctx context.Context, dir string, store miniairflow.ArtifactStore) error {
	id := uuid.NewString()
	own := []miniairflow.Artifact{{Name: id, Place: miniairflow.ArtifactInFolder}}
	if err := store.AddArtifacts(ctx, ownerKey, own, nil); err != nil {
		return fmt.Errorf("folder of artifacts: %w", err)
	}
	fresh := filepath.Join(dir, ownerFile+"-"+id)
	if err := os.WriteFile(fresh, []byte(id), 0o600); err != nil {
		return fmt.Errorf("folder of artifacts: %w", err)
	}
	err := os.Link(fresh, filepath.Join(dir, ownerFile))
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err = errors.Join(err, os.Remove(fresh)); err != nil {
		return fmt.Errorf("folder of artifacts: %w", err)
	}
	return nil
}

func (d inFolder) attemptDir(key miniairflow.AttemptKey) string {
	return filepath.Join(d.dir, key.RunID.String(), fmt.Sprintf("%d-%d", key.Seq, key.Attempt))
}

func (d inFolder) file(key miniairflow.AttemptKey, number int) string {
	return filepath.Join(d.attemptDir(key), strconv.Itoa(number))
}

// Save implements Depot. The names are stored when the bytes are on the disk.
func (d inFolder) Save(ctx context.Context, key miniairflow.AttemptKey, complete []miniairflow.Artifact, pieces []Piece) error {
	dir := d.attemptDir(key)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("folder of artifacts: %w", err)
	}
	for len(pieces) > 0 {
		number, own := pieces[0].Number, 1
		for own < len(pieces) && pieces[own].Number == number {
			own++
		}
		if err := writePieces(d.file(key, number), pieces[:own]); err != nil {
			return fmt.Errorf("write artifact: %w", err)
		}
		pieces = pieces[own:]
	}
	for _, a := range complete {
		if a.Size == 0 { // no piece has made it
			if err := writePieces(d.file(key, a.Number), nil); err != nil {
				return fmt.Errorf("write artifact: %w", err)
			}
		}
	}
	if len(complete) == 0 {
		return nil
	}
	for _, made := range []string{dir, filepath.Dir(dir), d.dir} {
		if err := syncDir(made); err != nil {
			return fmt.Errorf("folder of artifacts: %w", err)
		}
	}
	return d.store.AddArtifacts(ctx, key, placed(complete, miniairflow.ArtifactInFolder), nil)
}

// writePieces writes parts of one file, to the disk.
func writePieces(name string, pieces []Piece) error {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for _, p := range pieces {
		if _, err := file.WriteAt(p.Data, p.Offset); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	return errors.Join(file.Sync(), file.Close())
}

func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// Read implements Depot.
func (d inFolder) Read(ctx context.Context, key miniairflow.AttemptKey, a *miniairflow.Artifact, offset int64) (data []byte, start int64, err error) {
	if a.Place == miniairflow.ArtifactInStore {
		return InStore(d.store).Read(ctx, key, a, offset)
	}
	file, err := os.Open(d.file(key, a.Number))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, miniairflow.Errorf(miniairflow.CodeConflict, "artifact %q is not in %s: start all processes with the same --artifacts-dir, on storage that they share", a.Name, d.dir)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open artifact %q: %w", a.Name, err)
	}
	defer file.Close()
	data = make([]byte, min(pieceSize, a.Size-offset))
	n, err := file.ReadAt(data, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, fmt.Errorf("read artifact %q at %d: %w", a.Name, offset, err)
	}
	return data[:n], offset, nil // who reads it finds what is missing
}

// Drop implements Depot.
func (d inFolder) Drop(ctx context.Context, key miniairflow.AttemptKey) error {
	if err := d.store.DropArtifacts(ctx, key); err != nil {
		return err
	}
	if err := os.RemoveAll(d.attemptDir(key)); err != nil {
		return fmt.Errorf("remove artifacts: %w", err)
	}
	return nil
}

// Sweep removes from the folder what belongs to runs that there are not any more.
func Sweep(ctx context.Context, dir string, runs miniairflow.RunStore) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list folder of artifacts: %w", err)
	}
	for _, entry := range entries {
		id, err := uuid.Parse(entry.Name())
		if err != nil || !entry.IsDir() {
			continue // not ours
		}
		switch _, err := runs.FindRun(ctx, id); {
		case errors.Is(err, miniairflow.ErrNotFound):
			if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
				return fmt.Errorf("remove artifacts: %w", err)
			}
		case err != nil:
			return fmt.Errorf("find run %s: %w", id, err)
		}
	}
	return nil
}
