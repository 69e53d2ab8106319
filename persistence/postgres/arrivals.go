package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
		queueAs(batch, "begin file triggers anew", `UPDATE file_triggers SET hash = '', fault = '' WHERE workflow_id = ANY($1)`, reset)
	}
	if len(none) > 0 {
		queueAs(batch, "drop file triggers", `DELETE FROM file_triggers WHERE workflow_id = ANY($1)`, none)
		queueAs(batch, "forget files", `DELETE FROM seen_files WHERE workflow_id = ANY($1)`, none)
	}
}

// FileTriggers implements miniairflow.ArrivalStore.
func (s *Store) FileTriggers(ctx context.Context) ([]miniairflow.FileWatch, error) {
	const text = `
		SELECT w.id, w.name, w.source_file, w.version_id, f.hash, f.fault FROM file_triggers f JOIN workflows w ON w.id = f.workflow_id
		WHERE w.is_active AND w.retired_at IS NULL ORDER BY w.name`
	return query(ctx, s, pgx.RowToStructByPos[miniairflow.FileWatch], text)
}

// SeenFiles implements miniairflow.ArrivalStore.
func (s *Store) SeenFiles(ctx context.Context, workflowID uuid.UUID) ([]miniairflow.SeenFile, error) {
	const text = `SELECT path, size, modified, gone_at FROM seen_files WHERE workflow_id = $1 ORDER BY path`
	return query(ctx, s, func(row pgx.CollectableRow) (f miniairflow.SeenFile, err error) {
		err = row.Scan(&f.Path, &f.Size, &f.Modified, &f.GoneAt)
		f.Modified = f.Modified.UTC()
		return f, err
	}, text, workflowID)
}

// WatchFiles implements miniairflow.ArrivalStore.
func (s *Store) WatchFiles(ctx context.Context, workflowID uuid.UUID, hash string, files []miniairflow.FoundFile) error {
	const begin = `UPDATE file_triggers SET hash = $2 WHERE workflow_id = $1`
	const end = `UPDATE file_triggers SET hash = $3 WHERE workflow_id = $1 AND hash = $2`
	mark := dialect.WatchMark()
	err := s.inTx(ctx, func(t *tx) error { return changeWatch(ctx, t, begin, workflowID, mark) })
	if err == nil {
		err = s.fillWatch(ctx, workflowID, mark, files)
	}
	if err == nil {
		err = s.inTx(ctx, func(t *tx) error { return changeWatch(ctx, t, end, workflowID, mark, hash) })
	}
	if errors.Is(err, dialect.ErrOtherWatch) {
		return nil
	}
	return err
}

// fillWatch puts files in the place of those that were seen before.
func (s *Store) fillWatch(ctx context.Context, workflowID uuid.UUID, mark string, files []miniairflow.FoundFile) error {
	const hold = `UPDATE file_triggers SET hash = hash WHERE workflow_id = $1 AND hash = $2`
	const forget = `
		DELETE FROM seen_files WHERE workflow_id = $1 AND path IN (SELECT path FROM seen_files WHERE workflow_id = $1 ORDER BY path LIMIT $2)`
	for forgotten := int64(miniairflow.FilesNotedMax); forgotten == miniairflow.FilesNotedMax; {
		err := s.inTx(ctx, func(t *tx) error {
			if err := changeWatch(ctx, t, hold, workflowID, mark); err != nil {
				return err
			}
			done, err := t.Exec(ctx, forget, workflowID, miniairflow.FilesNotedMax)
			forgotten = done.RowsAffected()
			return err
		})
		if err != nil {
			return err
		}
	}
	for part := range slices.Chunk(files, miniairflow.FilesNotedMax) {
		err := s.inTx(ctx, func(t *tx) error {
			if err := changeWatch(ctx, t, hold, workflowID, mark); err != nil {
				return err
			}
			return noteFiles(ctx, t, workflowID, part)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// changeWatch changes the row of a trigger, which must be there.
func changeWatch(ctx context.Context, t *tx, text string, args ...any) error {
	done, err := t.Exec(ctx, text, args...)
	if err == nil && done.RowsAffected() == 0 {
		return dialect.ErrOtherWatch
	}
	return err
}

// NoteFiles implements miniairflow.ArrivalStore.
func (s *Store) NoteFiles(ctx context.Context, workflowID uuid.UUID, notes miniairflow.FileNotes) error {
	const gone = `UPDATE seen_files SET gone_at = clock_timestamp() WHERE workflow_id = $1 AND path = ANY($2) AND gone_at IS NULL`
	const forget = `DELETE FROM seen_files WHERE workflow_id = $1 AND path = ANY($2) AND gone_at IS NOT NULL`
	if len(notes.Seen)+len(notes.Gone)+len(notes.Forgotten) == 0 {
		return nil
	}
	return s.inTx(ctx, func(t *tx) error {
		if _, err := t.Exec(ctx, gone, workflowID, notes.Gone); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, forget, workflowID, notes.Forgotten); err != nil {
			return err
		}
		unseen, err := unseenOf(ctx, t, workflowID, notes)
		if err != nil {
			return err
		}
		if err := noteFaults(ctx, t, miniairflow.MissedFile, dialect.FileFaults(workflowID, unseen, notes.Faults)); err != nil {
			return err
		}
		return noteFiles(ctx, t, workflowID, notes.Seen)
	})
}

// unseenOf returns the paths of those files that are not noted as seen; none without faults.
func unseenOf(ctx context.Context, t *tx, workflowID uuid.UUID, notes miniairflow.FileNotes) ([]string, error) {
	const text = `
		SELECT u.path FROM unnest($2::text[], $3::bigint[], $4::timestamptz[]) WITH ORDINALITY AS u(path, size, modified, place)
		WHERE NOT EXISTS (
			SELECT FROM seen_files s WHERE s.workflow_id = $1 AND s.path = u.path AND s.size = u.size AND s.modified = u.modified)
		ORDER BY u.place`
	if len(notes.Faults) == 0 {
		return nil, nil
	}
	paths, sizes, times := fileColumns(notes.Seen)
	return collect(ctx, t, pgx.RowTo[string], text, workflowID, paths, sizes, times)
}

func noteFiles(ctx context.Context, t *tx, workflowID uuid.UUID, files []miniairflow.FoundFile) error {
	const text = `
		INSERT INTO seen_files (workflow_id, path, size, modified)
		SELECT $1, u.path, u.size, u.modified FROM unnest($2::text[], $3::bigint[], $4::timestamptz[]) AS u(path, size, modified) ORDER BY u.path
		ON CONFLICT (workflow_id, path) DO UPDATE SET size = excluded.size, modified = excluded.modified, gone_at = NULL`
	paths, sizes, times := fileColumns(files)
	if _, err := t.Exec(ctx, text, workflowID, paths, sizes, times); err != nil {
		return fmt.Errorf("note files: %w", err)
	}
	return nil
}

// NoteFileFault implements miniairflow.ArrivalStore.
func (s *Store) NoteFileFault(ctx context.Context, workflowID uuid.UUID, fault string) (isNew bool, err error) {
	const text = `UPDATE file_triggers SET fault = $2 WHERE workflow_id = $1 AND fault <> $2`
	noted := dialect.NewFault(workflowID, fault)
	err = s.inTx(ctx, func(t *tx) error {
		err := changeWatch(ctx, t, text, workflowID, noted.Text)
		if isNew = err == nil; !isNew || noted.Text == "" {
			return err
		}
		return noteFaults(ctx, t, miniairflow.MissedFile, []dialect.Faults{noted})
	})
	if errors.Is(err, dialect.ErrOtherWatch) {
		return false, nil
	}
	return isNew && err == nil, err
}

func fileColumns(files []miniairflow.FoundFile) (paths []string, sizes []int64, times []time.Time) {
	paths, sizes, times = make([]string, len(files)), make([]int64, len(files)), make([]time.Time, len(files))
	for i, f := range files {
		paths[i], sizes[i], times[i] = f.Path, f.Size, f.Modified
	}
	return paths, sizes, times
}
