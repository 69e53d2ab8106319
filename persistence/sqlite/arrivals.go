package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// saveArrivals writes which workflows are started by files.
func saveArrivals(ctx context.Context, t *tx, saves []dialect.Save) error {
	const into = `INSERT INTO file_triggers (workflow_id)`
	const reset = `UPDATE file_triggers SET hash = '', fault = '' WHERE workflow_id IN (SELECT value FROM json_each(?))`
	const drop = `DELETE FROM file_triggers WHERE workflow_id IN (SELECT value FROM json_each(?))`
	const forget = `DELETE FROM seen_files WHERE workflow_id IN (SELECT value FROM json_each(?))`
	triggers, again, none := dialect.ArrivalRows(saves)
	rows := make([][]any, len(triggers))
	for i, id := range triggers {
		rows[i] = []any{id}
	}
	if err := insertRows(ctx, t, into, rows, ` ON CONFLICT DO NOTHING`); err != nil {
		return fmt.Errorf("save file triggers: %w", err)
	}
	for _, change := range []struct {
		text string
		ids  []uuid.UUID
	}{{reset, again}, {drop, none}, {forget, none}} {
		if len(change.ids) == 0 {
			continue
		}
		if _, err := t.ExecContext(ctx, change.text, list[uuid.UUID](change.ids)); err != nil {
			return fmt.Errorf("change file triggers: %w", err)
		}
	}
	return nil
}

// FileTriggers implements miniairflow.ArrivalStore.
func (s *Store) FileTriggers(ctx context.Context) ([]miniairflow.FileWatch, error) {
	const text = `
		SELECT w.id, w.name, w.source_file, w.version_id, f.hash, f.fault FROM file_triggers f JOIN workflows w ON w.id = f.workflow_id
		WHERE w.is_active AND w.retired_at IS NULL ORDER BY w.name`
	return query(ctx, brief{s.read}, func(row row) (w miniairflow.FileWatch, err error) {
		err = row.Scan(&w.WorkflowID, &w.Name, &w.SourceFile, &w.VersionID, &w.Hash, &w.Fault)
		return w, err
	}, text)
}

// SeenFiles implements miniairflow.ArrivalStore.
func (s *Store) SeenFiles(ctx context.Context, workflowID uuid.UUID) ([]miniairflow.SeenFile, error) {
	const text = `SELECT path, size, modified, gone_at FROM seen_files WHERE workflow_id = ? ORDER BY path`
	return query(ctx, s.read, func(row row) (f miniairflow.SeenFile, err error) {
		err = row.Scan(&f.Path, &f.Size, timeInto{&f.Modified}, nullTimeInto{&f.GoneAt})
		return f, err
	}, text, workflowID)
}

// WatchFiles implements miniairflow.ArrivalStore.
func (s *Store) WatchFiles(ctx context.Context, workflowID uuid.UUID, hash string, files []miniairflow.FoundFile) error {
	const begin = `UPDATE file_triggers SET hash = ?2 WHERE workflow_id = ?1`
	const end = `UPDATE file_triggers SET hash = ?3 WHERE workflow_id = ?1 AND hash = ?2`
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
	const hold = `UPDATE file_triggers SET hash = hash WHERE workflow_id = ?1 AND hash = ?2`
	const forget = `
		DELETE FROM seen_files WHERE workflow_id = ?1 AND path IN (SELECT path FROM seen_files WHERE workflow_id = ?1 ORDER BY path LIMIT ?2 + 0)`
	for forgotten := int64(miniairflow.FilesNotedMax); forgotten == miniairflow.FilesNotedMax; {
		err := s.inTx(ctx, func(t *tx) error {
			if err := changeWatch(ctx, t, hold, workflowID, mark); err != nil {
				return err
			}
			done, err := t.ExecContext(ctx, forget, workflowID, miniairflow.FilesNotedMax)
			if err != nil {
				return err
			}
			forgotten, err = done.RowsAffected()
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
	done, err := t.ExecContext(ctx, text, args...)
	if err != nil {
		return err
	}
	changed, err := done.RowsAffected()
	if err == nil && changed == 0 {
		return dialect.ErrOtherWatch
	}
	return err
}

// NoteFiles implements miniairflow.ArrivalStore.
func (s *Store) NoteFiles(ctx context.Context, workflowID uuid.UUID, notes miniairflow.FileNotes) error {
	const gone = `UPDATE seen_files SET gone_at = ?3 WHERE workflow_id = ?1 AND path IN (SELECT value FROM json_each(?2)) AND gone_at IS NULL`
	const forget = `DELETE FROM seen_files WHERE workflow_id = ?1 AND path IN (SELECT value FROM json_each(?2)) AND gone_at IS NOT NULL`
	if len(notes.Seen)+len(notes.Gone)+len(notes.Forgotten) == 0 {
		return nil
	}
	return s.inTx(ctx, func(t *tx) error {
		if _, err := t.ExecContext(ctx, gone, workflowID, list[string](notes.Gone), t.now); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, forget, workflowID, list[string](notes.Forgotten)); err != nil {
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
		SELECT value ->> 0 FROM json_each(?2) WHERE NOT EXISTS (
			SELECT 1 FROM seen_files WHERE workflow_id = ?1 AND path = value ->> 0 AND size = value ->> 1 AND modified = value ->> 2)
		ORDER BY key`
	if len(notes.Faults) == 0 {
		return nil, nil
	}
	rows := make(table, len(notes.Seen))
	for i, f := range notes.Seen {
		rows[i] = []any{f.Path, f.Size, micros(f.Modified)}
	}
	return query(ctx, t, scanText, text, workflowID, rows)
}

func noteFiles(ctx context.Context, t *tx, workflowID uuid.UUID, files []miniairflow.FoundFile) error {
	const into = `INSERT INTO seen_files (workflow_id, path, size, modified)`
	const tail = ` ON CONFLICT (workflow_id, path) DO UPDATE SET size = excluded.size, modified = excluded.modified, gone_at = NULL`
	rows := make([][]any, len(files))
	for i, f := range files {
		rows[i] = []any{workflowID, f.Path, f.Size, micros(f.Modified)}
	}
	return insertRows(ctx, t, into, rows, tail)
}

// NoteFileFault implements miniairflow.ArrivalStore.
func (s *Store) NoteFileFault(ctx context.Context, workflowID uuid.UUID, fault string) (isNew bool, err error) {
	const text = `UPDATE file_triggers SET fault = ?2 WHERE workflow_id = ?1 AND fault <> ?2`
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
