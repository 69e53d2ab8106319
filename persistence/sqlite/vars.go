package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// SetVar implements miniairflow.VarStore.
func (s *Store) SetVar(ctx context.Context, v miniairflow.Var, description *string, by miniairflow.Actor) (*miniairflow.Var, error) {
	value, err := dialect.EncodeValue(v.Value)
	if err != nil {
		return nil, err
	}
	var about *string
	if description != nil {
		text := dialect.Text(*description)
		about = &text
	}
	var found *miniairflow.Var
	err = s.inTx(ctx, func(t *tx) error {
		if err := mayAdd(ctx, t, "vars", v.Name, miniairflow.VarsMax); err != nil {
			return err
		}
		const text = `
			INSERT INTO vars (name, value, description, updated_at, updated_by) VALUES (?1, ?2, coalesce(?3, ''), ?4, ?5)
			ON CONFLICT (name) DO UPDATE SET value = ?2, description = coalesce(?3, description), updated_at = ?4, updated_by = ?5
			WHERE value <> ?2 OR description <> coalesce(?3, description)`
		done, err := t.ExecContext(ctx, text, v.Name, value, about, t.now, dialect.Text(by.Name))
		if err != nil {
			return fmt.Errorf("save variable: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil {
			return err
		} else if n > 0 {
			if err := audit(ctx, t, by, dialect.Audited{Action: miniairflow.AuditSetVar, Name: v.Name}); err != nil {
				return err
			}
		}
		found, err = queryOne(ctx, t, scanVar, `SELECT `+varColumns+` FROM vars WHERE name = ?`, v.Name)
		return err
	})
	return found, err
}

// mayAdd returns an error if one more row than max would be in a table. The table
// is one of ours, never of a user; nobody else writes meanwhile.
func mayAdd(ctx context.Context, t *tx, table, name string, max int) error {
	text := `SELECT count(*) FROM ` + table + ` WHERE name <> ?1 AND NOT EXISTS (SELECT 1 FROM ` + table + ` WHERE name = ?1)`
	others, err := queryOne(ctx, t, scanOne[int], text, name)
	if err != nil {
		return fmt.Errorf("count %s: %w", table, err)
	}
	if others >= max {
		return dialect.TooMany(table, max)
	}
	return nil
}

// DeleteVar implements miniairflow.VarStore.
func (s *Store) DeleteVar(ctx context.Context, name string, by miniairflow.Actor) error {
	return s.deleteNamed(ctx, `DELETE FROM vars WHERE name = ?`, name, miniairflow.AuditDeleteVar, by)
}

// deleteNamed deletes the row with a name, or returns ErrNotFound.
func (s *Store) deleteNamed(ctx context.Context, text, name string, action miniairflow.AuditAction, by miniairflow.Actor) error {
	return s.inTx(ctx, func(t *tx) error {
		done, err := t.ExecContext(ctx, text, dialect.Text(name))
		if err != nil {
			return fmt.Errorf("delete: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return miniairflow.ErrNotFound
		}
		return audit(ctx, t, by, dialect.Audited{Action: action, Name: name})
	})
}

const varColumns = `name, value, description, updated_at, updated_by`

// scanVar reads varColumns.
func scanVar(row row) (*miniairflow.Var, error) {
	v := &miniairflow.Var{}
	var value string
	err := row.Scan(&v.Name, &value, &v.Description, timeInto{&v.UpdatedAt}, &v.UpdatedBy)
	if err != nil {
		return nil, err
	}
	v.Value, err = dialect.DecodeValue(value)
	return v, err
}

// FindVars implements miniairflow.VarStore.
func (s *Store) FindVars(ctx context.Context, filter miniairflow.VarFilter) ([]*miniairflow.Var, error) {
	c := varConditions(filter)
	if filter.AfterName != "" {
		c.add(`name > ?`, dialect.Text(filter.AfterName))
	}
	text := `SELECT ` + varColumns + ` FROM vars WHERE ` + c.where() + ` ORDER BY name` + c.limit(dialect.PageLimit(filter.Limit))
	return query(ctx, s.read, scanVar, text, c.args...)
}

// CountVars implements miniairflow.VarStore.
func (s *Store) CountVars(ctx context.Context, filter miniairflow.VarFilter, max int) (int, error) {
	c := varConditions(filter)
	text := `SELECT count(*) FROM (SELECT 1 FROM vars WHERE ` + c.where() + c.limit(max) + `) counted`
	return queryOne(ctx, s.read, scanOne[int], text, c.args...)
}

// varConditions returns what a filter means, but for its page.
func varConditions(filter miniairflow.VarFilter) *conditions {
	c := &conditions{}
	if filter.Name != "" {
		c.add(`name = ?`, dialect.Text(filter.Name))
	}
	return c
}

// ReadVars implements miniairflow.VarStore.
func (s *Store) ReadVars(ctx context.Context, names []string) (map[string]any, error) {
	found, err := query(ctx, s.read, scanVar, `SELECT `+varColumns+` FROM vars WHERE name IN (SELECT value FROM json_each(?))`, list[string](names))
	if err != nil {
		return nil, err
	}
	values := make(map[string]any, len(found))
	for _, v := range found {
		values[v.Name] = v.Value
	}
	return values, nil
}

// KnownVars implements miniairflow.VarStore.
func (s *Store) KnownVars(ctx context.Context, names []string) ([]string, error) {
	return query(ctx, s.read, scanOne[string], `SELECT name FROM vars WHERE name IN (SELECT value FROM json_each(?)) ORDER BY name`, list[string](names))
}

// SetSecret implements miniairflow.SecretStore.
func (s *Store) SetSecret(ctx context.Context, secret miniairflow.SealedSecret, by miniairflow.Actor) (*miniairflow.Secret, error) {
	var found *miniairflow.Secret
	err := s.inTx(ctx, func(t *tx) error {
		if err := mayAdd(ctx, t, "secrets", secret.Name, miniairflow.SecretsMax); err != nil {
			return err
		}
		const text = `
			INSERT INTO secrets (name, key_id, sealed, updated_at, updated_by) VALUES (?1, ?2, ?3, ?4, ?5)
			ON CONFLICT (name) DO UPDATE SET key_id = ?2, sealed = ?3, updated_at = ?4, updated_by = ?5
			WHERE sealed <> ?3
			RETURNING ` + secretColumns
		saved, err := queryOne(ctx, t, scanSecret, text, secret.Name, secret.KeyID, secret.Sealed, t.now, dialect.Text(by.Name))
		if !errors.Is(err, miniairflow.ErrNotFound) {
			found = saved
			return errors.Join(err, audit(ctx, t, by, dialect.Audited{Action: miniairflow.AuditSetSecret, Name: secret.Name}))
		}
		found, err = queryOne(ctx, t, scanSecret, `SELECT `+secretColumns+` FROM secrets WHERE name = ?`, secret.Name)
		return err
	})
	return found, err
}

// DeleteSecret implements miniairflow.SecretStore.
func (s *Store) DeleteSecret(ctx context.Context, name string, by miniairflow.Actor) error {
	return s.deleteNamed(ctx, `DELETE FROM secrets WHERE name = ?`, name, miniairflow.AuditDeleteSecret, by)
}

const secretColumns = `name, key_id, updated_at, updated_by`

// scanSecret reads secretColumns.
func scanSecret(row row) (*miniairflow.Secret, error) {
	s := &miniairflow.Secret{}
	err := row.Scan(&s.Name, &s.KeyID, timeInto{&s.UpdatedAt}, &s.UpdatedBy)
	return s, err
}

// FindSecrets implements miniairflow.SecretStore.
func (s *Store) FindSecrets(ctx context.Context) ([]*miniairflow.Secret, error) {
	return query(ctx, s.read, scanSecret, `SELECT `+secretColumns+` FROM secrets ORDER BY name`)
}

// SealedSecrets implements miniairflow.SecretStore.
func (s *Store) SealedSecrets(ctx context.Context, names []string) ([]miniairflow.SealedSecret, error) {
	return query(ctx, s.read, scanSealed, `SELECT `+sealedColumns+` FROM secrets WHERE name IN (SELECT value FROM json_each(?)) ORDER BY name`, list[string](names))
}

const sealedColumns = `name, key_id, sealed`

// scanSealed reads sealedColumns.
func scanSealed(row row) (miniairflow.SealedSecret, error) {
	var found miniairflow.SealedSecret
	err := row.Scan(&found.Name, &found.KeyID, &found.Sealed)
	return found, err
}

// ResealSecrets implements miniairflow.SecretStore. Nobody else writes meanwhile.
func (s *Store) ResealSecrets(ctx context.Context, reseal func(miniairflow.SealedSecret) (miniairflow.SealedSecret, error), by miniairflow.Actor) (int, error) {
	count := 0
	err := s.inTx(ctx, func(t *tx) error {
		found, err := query(ctx, t, scanSealed, `SELECT `+sealedColumns+` FROM secrets ORDER BY name`)
		if err != nil {
			return fmt.Errorf("read secrets: %w", err)
		}
		changed, err := dialect.Reseal(found, reseal)
		if err != nil || len(changed) == 0 {
			return err
		}
		for _, secret := range changed {
			if _, err := t.ExecContext(ctx, `UPDATE secrets SET key_id = ?, sealed = ? WHERE name = ?`, secret.KeyID, secret.Sealed, secret.Name); err != nil {
				return fmt.Errorf("save secret: %w", err)
			}
		}
		count = len(changed)
		return audit(ctx, t, by, dialect.Audited{Action: miniairflow.AuditRotateSecrets, Name: changed[0].KeyID})
	})
	return count, err
}
