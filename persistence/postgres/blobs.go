package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// KeepFiles implements miniairflow.FileStore.
func (s *Store) KeepFiles(ctx context.Context, hashes []string) (missing []string, err error) {
	// In the order of the hashes, so that two loaders do not lock each other out.
	const keep = `
		UPDATE file_blobs SET kept_at = clock_timestamp() WHERE hash IN (
			SELECT hash FROM file_blobs WHERE hash = ANY($1) ORDER BY hash FOR NO KEY UPDATE)
		RETURNING hash`
	for part := range slices.Chunk(hashes, deleteRowsMax) {
		var kept []string
		err := s.inTx(ctx, func(t *tx) (err error) {
			kept, err = collect(ctx, t, pgx.RowTo[string], keep, part)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("keep contents of files: %w", err)
		}
		for _, hash := range part {
			if !slices.Contains(kept, hash) {
				missing = append(missing, hash)
			}
		}
	}
	return missing, nil
}

// AddFiles implements miniairflow.FileStore.
func (s *Store) AddFiles(ctx context.Context, contents [][]byte) error {
	const text = `
		INSERT INTO file_blobs (hash, size, data, kept_at)
		SELECT DISTINCT ON (u.hash) u.*, clock_timestamp() FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS u(hash, size, data)
		ORDER BY u.hash
		ON CONFLICT (hash) DO UPDATE SET kept_at = excluded.kept_at`
	return dialect.AddFiles(contents, func(blobs []dialect.Blob) error {
		hashes, sizes, data := make([]string, len(blobs)), make([]int, len(blobs)), make([][]byte, len(blobs))
		for i, b := range blobs {
			hashes[i], sizes[i], data[i] = b.Hash, b.Size, b.Data
		}
		return s.inTx(ctx, func(t *tx) error {
			_, err := t.Exec(ctx, text, hashes, sizes, data)
			return err
		})
	})
}

// FindFiles implements miniairflow.FileStore.
func (s *Store) FindFiles(ctx context.Context, hashes []string) (map[string][]byte, error) {
	const text = `SELECT hash, size, data FROM file_blobs WHERE hash = ANY($1)`
	blobs, err := query(ctx, s, func(row pgx.CollectableRow) (b dialect.Blob, err error) {
		err = row.Scan(&b.Hash, &b.Size, &b.Data)
		return b, err
	}, text, hashes)
	if err != nil {
		return nil, fmt.Errorf("find contents of files: %w", err)
	}
	return dialect.Contents(hashes, blobs)
}

// DeleteFiles implements miniairflow.FileStore.
func (s *Store) DeleteFiles(ctx context.Context) (int, error) {
	const unneeded = `
		DELETE FROM version_files WHERE (version_id, hash) IN (
			SELECT f.version_id, f.hash FROM version_files f WHERE f.version_id IN (
				SELECT v.id FROM workflow_versions v
				JOIN workflow_versions next ON next.workflow_id = v.workflow_id AND next.number = v.number + 1
				WHERE v.id IN (SELECT version_id FROM version_files)
					AND next.created_at < clock_timestamp() - $1::bigint * interval '1 microsecond'
					AND NOT EXISTS (SELECT 1 FROM workflow_runs r WHERE r.workflow_id = v.workflow_id AND r.version_id = v.id)
					AND NOT EXISTS (SELECT 1 FROM backfills b WHERE b.version_id = v.id AND b.status = 'running'))
			LIMIT $2)`
	// A version that names one meanwhile makes the statement fail by its foreign key,
	// unless it was before it; then the next call does the rest.
	const unnamed = `
		DELETE FROM file_blobs WHERE hash IN (
			SELECT b.hash FROM file_blobs b
			WHERE b.kept_at < clock_timestamp() - $1::bigint * interval '1 microsecond'
				AND NOT EXISTS (SELECT 1 FROM version_files f WHERE f.hash = b.hash) LIMIT $2)
		AND kept_at < clock_timestamp() - $1::bigint * interval '1 microsecond'`
	deleted := 0
	for _, text := range []string{unneeded, unnamed} {
		deleted = 0
		for done := deleteRowsMax; done == deleteRowsMax; deleted += done {
			err := s.inTx(ctx, func(t *tx) error {
				result, err := t.Exec(ctx, text, dialect.BlobGrace, deleteRowsMax)
				done = int(result.RowsAffected())
				return err
			})
			if err != nil {
				return 0, fmt.Errorf("delete contents of files: %w", err)
			}
		}
	}
	return deleted, nil
}
