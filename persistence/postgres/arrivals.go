package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// saveArrivals adds what writes which workflows are started by files.
func saveArrivals(batch *pgx.Batch, saves []dialect.Save) {
	const insert = `
INSERT INTO file_triggers (workflow_id) SELECT * FROM unnest($1::uuid[]) ON CONFLICT DO NOTHING`
	triggers, reset, none := dialect.ArrivalRows(saves)
	if len(triggers) > 0 {
		queueAs(batch, "save file triggers", insert, triggers)
	}
	if len(reset) > 0 {
		queueAs(batch, "begin file triggers anew", `UPDATE file_triggers SET hash = '' WHERE workflow_id = ANY($1)`, reset)
	}
	if len(none) > 0 {
		queueAs(batch, "drop file triggers", `DELETE FROM file_triggers WHERE workflow_id = ANY($1)`, none)
		queueAs(batch, "forget files", `DELETE FROM seen_files WHERE workflow_id = ANY($1)`, none)
	}
}

// FileTriggers implements miniairflow.ArrivalStore.
func (s *Store) FileTriggers(ctx context.Context) ([]miniairflow.FileWatch, error) {
	const text = `
		SELECT w.id, w.name, w.source_file, w.version_id, f.hash FROM file_triggers f JOIN workflows w ON w.id = f.workflow_id
		WHERE w.is_active AND w.retired_at IS NULL ORDER BY w.name`
	return query(ctx, s, pgx.RowToStructByPos[miniairflow.FileWatch], text)
}

// SeenFiles implements miniairflow.ArrivalStore.
func (s *Store) SeenFiles(ctx context.Context, workflowID uuid.UUID) ([]miniairflow.FoundFile, error) {
	const text = `SELECT path, size, modified FROM seen_files WHERE workflow_id = $1 ORDER BY path`
	return query(ctx, s, func(row pgx.CollectableRow) (f miniairflow.FoundFile, err error) {
		err = row.Scan(&f.Path, &f.Size, &f.Modified)
		f.Modified = f.Modified.UTC()
		return f, err
	}, text, workflowID)
}

// WatchFiles implements miniairflow.ArrivalStore.
func (s *Store) WatchFiles(ctx context.Context, workflowID uuid.UUID, hash string, files []miniairflow.FoundFile) error {
	return s.inTx(ctx, func(t *tx) error {
		tag, err := t.Exec(ctx, `UPDATE file_triggers SET hash = $2 WHERE workflow_id = $1`, workflowID, hash)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if _, err := t.Exec(ctx, `DELETE FROM seen_files WHERE workflow_id = $1`, workflowID); err != nil {
			return err
		}
		return noteFiles(ctx, t, workflowID, files)
	})
}

// NoteFiles implements miniairflow.ArrivalStore.
func (s *Store) NoteFiles(
	ctx context.Context, workflowID uuid.UUID, seen []miniairflow.FoundFile, gone []string, faults map[string]string,
) error {
	if len(seen)+len(gone) == 0 {
		return nil
	}
	return s.inTx(ctx, func(t *tx) error {
		if _, err := t.Exec(ctx, `DELETE FROM seen_files WHERE workflow_id = $1 AND path = ANY($2)`, workflowID, gone); err != nil {
			return err
		}
		unseen, err := unseenOf(ctx, t, workflowID, seen, faults)
		if err != nil {
			return err
		}
		if err := noteFaults(ctx, t, miniairflow.MissedFile, dialect.FileFaults(workflowID, unseen, faults)); err != nil {
			return err
		}
		return noteFiles(ctx, t, workflowID, seen)
	})
}

// unseenOf returns the paths of those files that are not noted as seen; none without faults.
func unseenOf(ctx context.Context, t *tx, workflowID uuid.UUID, files []miniairflow.FoundFile, faults map[string]string) ([]string, error) {
	const text = `
		SELECT u.path FROM unnest($2::text[], $3::bigint[], $4::timestamptz[]) WITH ORDINALITY AS u(path, size, modified, place)
		WHERE NOT EXISTS (
			SELECT FROM seen_files s WHERE s.workflow_id = $1 AND s.path = u.path AND s.size = u.size AND s.modified = u.modified)
		ORDER BY u.place`
	if len(faults) == 0 {
		return nil, nil
	}
	paths, sizes, times := fileColumns(files)
	return collect(ctx, t, pgx.RowTo[string], text, workflowID, paths, sizes, times)
}

// NoteWatchFault implements miniairflow.ArrivalStore.
func (s *Store) NoteWatchFault(ctx context.Context, workflowID uuid.UUID, fault string) error {
	return s.inTx(ctx, func(t *tx) error {
		return noteFaults(ctx, t, miniairflow.MissedFile, []dialect.Faults{dialect.NewFault(workflowID, fault)})
	})
}

func noteFiles(ctx context.Context, t *tx, workflowID uuid.UUID, files []miniairflow.FoundFile) error {
	const text = `
		INSERT INTO seen_files (workflow_id, path, size, modified)
		SELECT $1, u.path, u.size, u.modified FROM unnest($2::text[], $3::bigint[], $4::timestamptz[]) AS u(path, size, modified) ORDER BY u.path
		ON CONFLICT (workflow_id, path) DO UPDATE SET size = excluded.size, modified = excluded.modified`
	paths, sizes, times := fileColumns(files)
	if _, err := t.Exec(ctx, text, workflowID, paths, sizes, times); err != nil {
		return fmt.Errorf("note files: %w", err)
	}
	return nil
}

func fileColumns(files []miniairflow.FoundFile) (paths []string, sizes []int64, times []time.Time) {
	paths, sizes, times = make([]string, len(files)), make([]int64, len(files)), make([]time.Time, len(files))
	for i, f := range files {
		paths[i], sizes[i], times[i] = f.Path, f.Size, f.Modified
	}
	return paths, sizes, times
}
