package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// deleteChunksMax bounds the chunks that one statement deletes: each has hundreds of
// kilobytes, in many rows of its own.
const deleteChunksMax = 64

// AddArtifacts implements miniairflow.ArtifactStore. It takes no lock of the run: a
// row that comes after its deletion would need an attempt that was still open then.
func (s *Store) AddArtifacts(ctx context.Context, key miniairflow.AttemptKey, complete []miniairflow.Artifact, chunks []miniairflow.ArtifactChunk) error {
	if len(complete)+len(chunks) == 0 {
		return nil
	}
	err := s.inTx(ctx, func(t *tx) error {
		batch := &pgx.Batch{}
		if len(chunks) > 0 {
			insertArtifactChunks(batch, key, chunks)
		}
		if len(complete) > 0 {
			insertArtifacts(batch, key, complete)
		}
		return t.end(ctx, batch)
	})
	if err != nil {
		return fmt.Errorf("add artifacts: %w", err)
	}
	return nil
}

func insertArtifactChunks(batch *pgx.Batch, key miniairflow.AttemptKey, chunks []miniairflow.ArtifactChunk) {
	const text = `
		INSERT INTO artifact_chunks (workflow_run_id, seq, attempt, number, start, size, data)
		SELECT $1, $2, $3, u.* FROM unnest($4::int[], $5::bigint[], $6::int[], $7::bytea[]) AS u
		ON CONFLICT DO NOTHING`
	count := len(chunks)
	numbers, starts, sizes, data := make([]int, count), make([]int64, count), make([]int, count), make([][]byte, count)
	for i, c := range chunks {
		numbers[i], starts[i], sizes[i], data[i] = c.Number, c.Offset, c.Size, c.Data
	}
	batch.Queue(text, key.RunID, key.Seq, key.Attempt, numbers, starts, sizes, data)
}

func insertArtifacts(batch *pgx.Batch, key miniairflow.AttemptKey, complete []miniairflow.Artifact) {
	const text = `
		INSERT INTO artifacts (workflow_run_id, seq, attempt, name, number, size, sha256, place, created_at)
		SELECT $1, $2, $3, u.*, clock_timestamp()
		FROM unnest($4::text[], $5::int[], $6::bigint[], $7::text[], $8::text[]) AS u
		ON CONFLICT DO NOTHING`
	count := len(complete)
	names, numbers, sizes := make([]string, count), make([]int, count), make([]int64, count)
	hashes, places := make([]string, count), make([]string, count)
	for i, a := range complete {
		names[i], numbers[i], sizes[i], hashes[i], places[i] = a.Name, a.Number, a.Size, a.SHA256, string(a.Place)
	}
	batch.Queue(text, key.RunID, key.Seq, key.Attempt, names, numbers, sizes, hashes, places)
}

const artifactColumns = `name, number, size, sha256, place, created_at`

func scanArtifact(row pgx.CollectableRow) (*miniairflow.Artifact, error) {
	a := &miniairflow.Artifact{}
	err := row.Scan(&a.Name, &a.Number, &a.Size, &a.SHA256, &a.Place, &a.CreatedAt)
	return a, err
}

// FindArtifacts implements miniairflow.ArtifactStore.
func (s *Store) FindArtifacts(ctx context.Context, key miniairflow.AttemptKey, afterName string, limit int) ([]*miniairflow.Artifact, error) {
	const text = `
		SELECT ` + artifactColumns + ` FROM artifacts
		WHERE workflow_run_id = $1 AND seq = $2 AND attempt = $3 AND name > $4 ORDER BY name LIMIT $5`
	return query(ctx, s, scanArtifact, text, key.RunID, key.Seq, key.Attempt, dialect.Text(afterName), max(limit, 0))
}

// FindArtifact implements miniairflow.ArtifactStore.
func (s *Store) FindArtifact(ctx context.Context, key miniairflow.AttemptKey, name string) (*miniairflow.Artifact, error) {
	const text = `
		SELECT ` + artifactColumns + ` FROM artifacts
		WHERE workflow_run_id = $1 AND seq = $2 AND attempt = $3 AND name = $4`
	return queryOne(ctx, s, scanArtifact, text, key.RunID, key.Seq, key.Attempt, dialect.Text(name))
}

// CountArtifacts implements miniairflow.ArtifactStore.
func (s *Store) CountArtifacts(ctx context.Context, key miniairflow.AttemptKey) (int, error) {
	const text = `SELECT count(*) FROM artifacts WHERE workflow_run_id = $1 AND seq = $2 AND attempt = $3`
	return queryOne(ctx, s, pgx.RowTo[int], text, key.RunID, key.Seq, key.Attempt)
}

// ReadArtifact implements miniairflow.ArtifactStore.
func (s *Store) ReadArtifact(ctx context.Context, key miniairflow.AttemptKey, number int, offset int64) (miniairflow.LogChunk, error) {
	const text = `
		SELECT start, size, data FROM artifact_chunks
		WHERE workflow_run_id = $1 AND seq = $2 AND attempt = $3 AND number = $4 AND start + size > $5
			AND start = (SELECT max(start) FROM artifact_chunks
				WHERE workflow_run_id = $1 AND seq = $2 AND attempt = $3 AND number = $4 AND start <= $5)`
	return queryOne(ctx, s, scanLogChunk, text, key.RunID, key.Seq, key.Attempt, number, offset)
}

// DropArtifacts implements miniairflow.ArtifactStore.
func (s *Store) DropArtifacts(ctx context.Context, key miniairflow.AttemptKey) error {
	return s.deleteArtifacts(ctx, nil, `workflow_run_id = $1 AND seq = $2 AND attempt = $3`, key.RunID, key.Seq, key.Attempt)
}

// deleteArtifacts deletes the artifacts that a condition chooses: first their names,
// so that nobody finds one of which chunks are missing. With runs it takes their locks
// for each batch: of two schedulers that delete at once none takes the rows that the
// other is about to delete for the last ones.
func (s *Store) deleteArtifacts(ctx context.Context, runIDs []uuid.UUID, condition string, args ...any) error {
	for _, table := range []struct {
		name string
		most int64
	}{{"artifacts", deleteRowsMax}, {"artifact_chunks", deleteChunksMax}} {
		text := fmt.Sprintf(`
			DELETE FROM %[1]s WHERE ctid = ANY(ARRAY(SELECT ctid FROM %[1]s WHERE %[2]s LIMIT %[3]d))`, table.name, condition, table.most)
		for {
			var deleted int64
			err := s.inTx(ctx, func(t *tx) error {
				if len(runIDs) > 0 {
					if err := lockRuns(ctx, t, runIDs...); err != nil {
						return err
					}
				}
				done, err := t.Exec(ctx, text, args...)
				deleted = done.RowsAffected()
				return err
			})
			if err != nil {
				return fmt.Errorf("delete from %s: %w", table.name, err)
			}
			if deleted < table.most {
				break
			}
		}
	}
	return nil
}
