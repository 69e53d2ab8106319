package sqlite

import (
	"context"
	"fmt"
	"slices"

	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// KeepFiles implements miniairflow.FileStore.
func (s *Store) KeepFiles(ctx context.Context, hashes []string) (missing []string, err error) {
	const keep = `UPDATE file_blobs SET kept_at = ?2 WHERE hash IN (SELECT value FROM json_each(?1)) RETURNING hash`
	for part := range slices.Chunk(hashes, deleteRowsMax) {
		err := s.inTx(ctx, func(t *tx) error {
			kept, err := query(ctx, t, scanOne[string], keep, list[string](part), t.now)
			for _, hash := range part {
				if !slices.Contains(kept, hash) {
					missing = append(missing, hash)
				}
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("keep contents of files: %w", err)
		}
	}
	return missing, nil
}

// AddFiles implements miniairflow.FileStore.
func (s *Store) AddFiles(ctx context.Context, contents [][]byte) error {
	const text = `
		INSERT INTO file_blobs (hash, size, data, kept_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (hash) DO UPDATE SET kept_at = excluded.kept_at`
	return dialect.AddFiles(contents, func(blobs []dialect.Blob) error {
		return s.inTx(ctx, func(t *tx) error {
			for _, b := range blobs {
				if _, err := t.ExecContext(ctx, text, b.Hash, b.Size, b.Data, t.now); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// FindFiles implements miniairflow.FileStore.
func (s *Store) FindFiles(ctx context.Context, hashes []string) (map[string][]byte, error) {
	const text = `SELECT hash, size, data FROM file_blobs WHERE hash IN (SELECT value FROM json_each(?))`
	blobs, err := query(ctx, s.read, func(row row) (b dialect.Blob, err error) {
		err = row.Scan(&b.Hash, &b.Size, &b.Data)
		return b, err
	}, text, list[string](hashes))
	if err != nil {
		return nil, fmt.Errorf("find contents of files: %w", err)
	}
	return dialect.Contents(hashes, blobs)
}

// DeleteFiles implements miniairflow.FileStore.
func (s *Store) DeleteFiles(ctx context.Context) (int, error) {
	// The runs are looked through once, and not for each version.
	const unneeded = `
		DELETE FROM version_files WHERE (version_id, hash) IN (
			SELECT f.version_id, f.hash FROM version_files f
			JOIN workflow_versions v ON v.id = f.version_id
			JOIN workflow_versions next ON next.workflow_id = v.workflow_id AND next.number = v.number + 1
			WHERE next.created_at < ?1 AND f.version_id NOT IN (SELECT version_id FROM workflow_runs)
				AND f.version_id NOT IN (SELECT version_id FROM backfills WHERE status = 'running') LIMIT ?2 + 0)`
	const unnamed = `
		DELETE FROM file_blobs WHERE hash IN (
			SELECT b.hash FROM file_blobs b
			WHERE b.kept_at < ?1 AND NOT EXISTS (SELECT 1 FROM version_files f WHERE f.hash = b.hash) LIMIT ?2 + 0)`
	deleted := 0
	for _, text := range []string{unneeded, unnamed} {
		deleted = 0
		for done := deleteRowsMax; done == deleteRowsMax; deleted += done {
			err := s.inTx(ctx, func(t *tx) error {
				result, err := t.ExecContext(ctx, text, t.now-dialect.BlobGrace, deleteRowsMax)
				if err != nil {
					return err
				}
				rows, err := result.RowsAffected()
				done = int(rows)
				return err
			})
			if err != nil {
				return 0, fmt.Errorf("delete contents of files: %w", err)
			}
		}
	}
	return deleted, nil
}
