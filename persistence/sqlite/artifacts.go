package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/sauravritesh63/miniairflow"
)

// deleteChunksMax bounds the chunks that one statement deletes: each has hundreds of
// kilobytes, all of which are looked at.
const deleteChunksMax = 64

// AddArtifacts implements miniairflow.ArtifactStore. The bytes are in the file of the
// logs: what they wait for, and what waits for them, is no more than other output.
func (s *Store) AddArtifacts(ctx context.Context, key miniairflow.AttemptKey, complete []miniairflow.Artifact, chunks []miniairflow.ArtifactChunk) error {
	if len(complete)+len(chunks) == 0 {
		return nil
	}
	err := s.inLogsTx(ctx, func(t *transaction) error {
		for _, c := range chunks {
			const text = `
				INSERT INTO artifact_chunks (workflow_run_id, seq, attempt, number, start, size, data)
				VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
			if _, err := t.ExecContext(ctx, text, key.RunID, key.Seq, key.Attempt, c.Number, c.Offset, c.Size, c.Data); err != nil {
				return err
			}
		}
		for _, a := range complete {
			const text = `
				INSERT INTO artifacts (workflow_run_id, seq, attempt, name, number, size, sha256, place, created_at)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
			if _, err := t.ExecContext(ctx, text, key.RunID, key.Seq, key.Attempt, a.Name, a.Number, a.Size, a.SHA256, string(a.Place), now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("add artifacts: %w", err)
	}
	return nil
}

// inLogsTx runs do in a transaction on the file of the logs.
func (s *Store) inLogsTx(ctx context.Context, do func(t *transaction) error) error {
	t, err := s.logs.beginWrite(ctx)
	if err != nil {
		return mapError(err)
	}
	defer func() {
		// Only after a panic it is still open.
		_ = t.Rollback()
		t.release()
		s.logs.learn(ctx, t.unknown)
	}()
	if err := do(t); err != nil {
		return mapError(errors.Join(err, t.Rollback()))
	}
	if err := t.Commit(); err != nil {
		return mapError(err)
	}
	t.release() // what follows may write by itself
	s.logs.committed(ctx)
	return nil
}

const artifactColumns = `name, number, size, sha256, place, created_at`

func scanArtifact(row row) (*miniairflow.Artifact, error) {
	a := &miniairflow.Artifact{}
	err := row.Scan(&a.Name, &a.Number, &a.Size, &a.SHA256, &a.Place, timeInto{&a.CreatedAt})
	return a, err
}

// FindArtifacts implements miniairflow.ArtifactStore.
func (s *Store) FindArtifacts(ctx context.Context, key miniairflow.AttemptKey, afterName string, limit int) ([]*miniairflow.Artifact, error) {
	const text = `
		SELECT ` + artifactColumns + ` FROM artifacts
		WHERE workflow_run_id = ? AND seq = ? AND attempt = ? AND name > ? ORDER BY name LIMIT ? + 0`
	return query(ctx, s.tail, scanArtifact, text, key.RunID, key.Seq, key.Attempt, afterName, max(limit, 0))
}

// FindArtifact implements miniairflow.ArtifactStore.
func (s *Store) FindArtifact(ctx context.Context, key miniairflow.AttemptKey, name string) (*miniairflow.Artifact, error) {
	const text = `
		SELECT ` + artifactColumns + ` FROM artifacts
		WHERE workflow_run_id = ? AND seq = ? AND attempt = ? AND name = ?`
	return queryOne(ctx, s.tail, scanArtifact, text, key.RunID, key.Seq, key.Attempt, name)
}

// CountArtifacts implements miniairflow.ArtifactStore.
func (s *Store) CountArtifacts(ctx context.Context, key miniairflow.AttemptKey) (int, error) {
	const text = `SELECT count(*) FROM artifacts WHERE workflow_run_id = ? AND seq = ? AND attempt = ?`
	return queryOne(ctx, s.tail, scanOne[int], text, key.RunID, key.Seq, key.Attempt)
}

// ReadArtifact implements miniairflow.ArtifactStore.
func (s *Store) ReadArtifact(ctx context.Context, key miniairflow.AttemptKey, number int, offset int64) (miniairflow.LogChunk, error) {
	const text = `
		SELECT start, size, data FROM artifact_chunks
		WHERE workflow_run_id = ?1 AND seq = ?2 AND attempt = ?3 AND number = ?4 AND start + size > ?5
			AND start = (SELECT max(start) FROM artifact_chunks
				WHERE workflow_run_id = ?1 AND seq = ?2 AND attempt = ?3 AND number = ?4 AND start <= ?5)`
	return queryOne(ctx, s.tail, scanLogChunk, text, key.RunID, key.Seq, key.Attempt, number, offset)
}

// DropArtifacts implements miniairflow.ArtifactStore.
func (s *Store) DropArtifacts(ctx context.Context, key miniairflow.AttemptKey) error {
	return s.deleteArtifacts(ctx, `workflow_run_id = ?1 AND seq = ?2 AND attempt = ?3`, key.RunID, key.Seq, key.Attempt)
}

// deleteArtifacts deletes the artifacts that a condition chooses: first their names,
// so that nobody finds one of which chunks are missing.
func (s *Store) deleteArtifacts(ctx context.Context, condition string, args ...any) error {
	for _, table := range []struct {
		name, key string
		most      int
	}{
		{"artifacts", "workflow_run_id, seq, attempt, name", deleteRowsMax},
		{"artifact_chunks", "workflow_run_id, seq, attempt, number, start", deleteChunksMax},
	} {
		text := fmt.Sprintf(`DELETE FROM %[1]s WHERE (%[2]s) IN (SELECT %[2]s FROM %[1]s WHERE %[3]s LIMIT %[4]d)`,
			table.name, table.key, condition, table.most)
		for {
			done, err := s.logs.ExecContext(ctx, text, args...)
			if err != nil {
				return fmt.Errorf("delete from %s: %w", table.name, mapError(err))
			}
			deleted, err := done.RowsAffected()
			if err != nil {
				return fmt.Errorf("delete from %s: %w", table.name, mapError(err))
			}
			if deleted < int64(table.most) {
				break
			}
		}
	}
	return nil
}
