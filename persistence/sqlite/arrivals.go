package sqlite

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// saveArrivals writes which workflows are started by files.
func saveArrivals(ctx context.Context, t *tx, saves []dialect.Save) error {
	const into = `INSERT INTO file_triggers (workflow_id)`
	const reset = `UPDATE file_triggers SET hash = '' WHERE workflow_id IN (SELECT value FROM json_each(?))`
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
		SELECT w.id, w.name, w.source_file, w.version_id, f.hash FROM file_triggers f JOIN workflows w ON w.id = f.workflow_id
		WHERE w.is_active AND w.retired_at IS NULL ORDER BY w.name`
	return query(ctx, brief{s.read}, func(row row) (w miniairflow.FileWatch, err error) {
		err = row.Scan(&w.WorkflowID, &w.Name, &w.SourceFile, &w.VersionID, &w.Hash)
		return w, err
	}, text)
}

// SeenFiles implements miniairflow.ArrivalStore.
func (s *Store) SeenFiles(ctx context.Context, workflowID uuid.UUID) ([]miniairflow.FoundFile, error) {
	const text = `SELECT path, size, modified FROM seen_files WHERE workflow_id = ? ORDER BY path`
	return query(ctx, s.read, func(row row) (f miniairflow.FoundFile, err error) {
		err = row.Scan(&f.Path, &f.Size, timeInto{&f.Modified})
		return f, err
	}, text, workflowID)
}

// WatchFiles implements miniairflow.ArrivalStore.
func (s *Store) WatchFiles(ctx context.Context, workflowID uuid.UUID, hash string, files []miniairflow.FoundFile) error {
	return s.inTx(ctx, func(t *tx) error {
		done, err := t.ExecContext(ctx, `UPDATE file_triggers SET hash = ?2 WHERE workflow_id = ?1`, workflowID, hash)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		if _, err := t.ExecContext(ctx, `DELETE FROM seen_files WHERE workflow_id = ?`, workflowID); err != nil {
			return err
		}
		return noteFiles(ctx, t, workflowID, files)
	})
}

// NoteFiles implements miniairflow.ArrivalStore.
func (s *Store) NoteFiles(
	ctx context.Context, workflowID uuid.UUID, seen []miniairflow.FoundFile, gone []string, faults map[string]string,
) error {
	const forget = `DELETE FROM seen_files WHERE workflow_id = ?1 AND path IN (SELECT value FROM json_each(?2))`
	if len(seen)+len(gone) == 0 {
		return nil
	}
	return s.inTx(ctx, func(t *tx) error {
		if _, err := t.ExecContext(ctx, forget, workflowID, list[string](gone)); err != nil {
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
		SELECT value ->> 0 FROM json_each(?2) WHERE NOT EXISTS (
			SELECT 1 FROM seen_files WHERE workflow_id = ?1 AND path = value ->> 0 AND size = value ->> 1 AND modified = value ->> 2)
		ORDER BY key`
	if len(faults) == 0 {
		return nil, nil
	}
	rows := make(table, len(files))
	for i, f := range files {
		rows[i] = []any{f.Path, f.Size, micros(f.Modified)}
	}
	return query(ctx, t, scanText, text, workflowID, rows)
}

// NoteWatchFault implements miniairflow.ArrivalStore.
func (s *Store) NoteWatchFault(ctx context.Context, workflowID uuid.UUID, fault string) error {
	return s.inTx(ctx, func(t *tx) error {
		return noteFaults(ctx, t, miniairflow.MissedFile, []dialect.Faults{dialect.NewFault(workflowID, fault)})
	})
}

func noteFiles(ctx context.Context, t *tx, workflowID uuid.UUID, files []miniairflow.FoundFile) error {
	const into = `INSERT INTO seen_files (workflow_id, path, size, modified)`
	const tail = ` ON CONFLICT (workflow_id, path) DO UPDATE SET size = excluded.size, modified = excluded.modified`
	rows := make([][]any, len(files))
	for i, f := range files {
		rows[i] = []any{workflowID, f.Path, f.Size, micros(f.Modified)}
	}
	return insertRows(ctx, t, into, rows, tail)
}
