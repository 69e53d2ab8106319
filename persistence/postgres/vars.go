package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

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
			INSERT INTO vars AS v (name, value, description, updated_at, updated_by)
			VALUES ($1, $2, coalesce($3, ''), clock_timestamp(), $4)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value, description = coalesce($3, v.description),
				updated_at = excluded.updated_at, updated_by = excluded.updated_by
			WHERE v.value <> excluded.value OR v.description <> coalesce($3, v.description)`
		done, err := t.Exec(ctx, text, v.Name, value, about, dialect.Text(by.Name))
		if err != nil {
			return fmt.Errorf("save variable: %w", err)
		}
		if done.RowsAffected() > 0 {
			if err := audit(ctx, t, by, dialect.Audited{Action: miniairflow.AuditSetVar, Name: v.Name}); err != nil {
				return err
			}
		}
		rows, err := t.Query(ctx, `SELECT `+varColumns+` FROM vars WHERE name = $1`, v.Name)
		if err != nil {
			return err
		}
		found, err = pgx.CollectOneRow(rows, scanVar)
		return err
	})
	return found, err
}

// mayAdd holds other writers of a table off, and returns an error if one more
// row than max would be in it. The table is one of ours, never of a user.
func mayAdd(ctx context.Context, t *tx, table, name string, max int) error {
	if _, err := t.Exec(ctx, `LOCK TABLE `+table+` IN SHARE ROW EXCLUSIVE MODE`); err != nil {
		return fmt.Errorf("lock %s: %w", table, err)
	}
	var others int
	var isThere bool
	text := `SELECT count(*), coalesce(bool_or(name = $1), false) FROM ` + table
	if err := t.QueryRow(ctx, text, name).Scan(&others, &isThere); err != nil {
		return fmt.Errorf("count %s: %w", table, err)
	}
	if !isThere && others >= max {
		return dialect.TooMany(table, max)
	}
	return nil
}

// DeleteVar implements miniairflow.VarStore.
func (s *Store) DeleteVar(ctx context.Context, name string, by miniairflow.Actor) error {
	return s.deleteNamed(ctx, `DELETE FROM vars WHERE name = $1`, name, miniairflow.AuditDeleteVar, by)
}

// deleteNamed deletes the row with a name, or returns ErrNotFound.
func (s *Store) deleteNamed(ctx context.Context, text, name string, action miniairflow.AuditAction, by miniairflow.Actor) error {
	return s.inTx(ctx, func(t *tx) error {
		done, err := t.Exec(ctx, text, dialect.Text(name))
		if err != nil {
			return fmt.Errorf("delete: %w", err)
		}
		if done.RowsAffected() == 0 {
			return miniairflow.ErrNotFound
		}
		return audit(ctx, t, by, dialect.Audited{Action: action, Name: name})
	})
}

const varColumns = `name, value, description, updated_at, updated_by`

// scanVar reads varColumns.
func scanVar(row pgx.CollectableRow) (*miniairflow.Var, error) {
	v := &miniairflow.Var{}
	var value string
	err := row.Scan(&v.Name, &value, &v.Description, &v.UpdatedAt, &v.UpdatedBy)
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
	return query(ctx, s, scanVar, text, c.args...)
}

// CountVars implements miniairflow.VarStore.
func (s *Store) CountVars(ctx context.Context, filter miniairflow.VarFilter, max int) (int, error) {
	c := varConditions(filter)
	text := `SELECT count(*) FROM (SELECT FROM vars WHERE ` + c.where() + c.limit(max) + `) counted`
	return queryOne(ctx, s, pgx.RowTo[int], text, c.args...)
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
	found, err := query(ctx, s, scanVar, `SELECT `+varColumns+` FROM vars WHERE name = ANY($1)`, dialect.Names(names))
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
	return query(ctx, s, pgx.RowTo[string], `SELECT name FROM vars WHERE name = ANY($1) ORDER BY name`, dialect.Names(names))
}

// SetSecret implements miniairflow.SecretStore.
func (s *Store) SetSecret(ctx context.Context, secret miniairflow.SealedSecret, by miniairflow.Actor) (*miniairflow.Secret, error) {
	var found *miniairflow.Secret
	err := s.inTx(ctx, func(t *tx) error {
		if err := mayAdd(ctx, t, "secrets", secret.Name, miniairflow.SecretsMax); err != nil {
			return err
		}
		const text = `
			INSERT INTO secrets AS s (name, key_id, sealed, updated_at, updated_by) VALUES ($1, $2, $3, clock_timestamp(), $4)
			ON CONFLICT (name) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed,
				updated_at = excluded.updated_at, updated_by = excluded.updated_by
			WHERE s.sealed <> excluded.sealed
			RETURNING ` + secretColumns
		rows, err := t.Query(ctx, text, secret.Name, secret.KeyID, secret.Sealed, dialect.Text(by.Name))
		if err != nil {
			return fmt.Errorf("save secret: %w", err)
		}
		found, err = pgx.CollectOneRow(rows, scanSecret)
		if !errors.Is(err, pgx.ErrNoRows) {
			return errors.Join(err, audit(ctx, t, by, dialect.Audited{Action: miniairflow.AuditSetSecret, Name: secret.Name}))
		}
		rows, err = t.Query(ctx, `SELECT `+secretColumns+` FROM secrets WHERE name = $1`, secret.Name)
		if err != nil {
			return fmt.Errorf("read secret: %w", err)
		}
		found, err = pgx.CollectOneRow(rows, scanSecret)
		return err
	})
	return found, err
}

// DeleteSecret implements miniairflow.SecretStore.
func (s *Store) DeleteSecret(ctx context.Context, name string, by miniairflow.Actor) error {
	return s.deleteNamed(ctx, `DELETE FROM secrets WHERE name = $1`, name, miniairflow.AuditDeleteSecret, by)
}

const secretColumns = `name, key_id, updated_at, updated_by`

// scanSecret reads secretColumns.
func scanSecret(row pgx.CollectableRow) (*miniairflow.Secret, error) {
	s := &miniairflow.Secret{}
	err := row.Scan(&s.Name, &s.KeyID, &s.UpdatedAt, &s.UpdatedBy)
	return s, err
}

// FindSecrets implements miniairflow.SecretStore.
func (s *Store) FindSecrets(ctx context.Context) ([]*miniairflow.Secret, error) {
	return query(ctx, s, scanSecret, `SELECT `+secretColumns+` FROM secrets ORDER BY name`)
}

// SealedSecrets implements miniairflow.SecretStore.
func (s *Store) SealedSecrets(ctx context.Context, names []string) ([]miniairflow.SealedSecret, error) {
	return query(ctx, s, scanSealed, `SELECT `+sealedColumns+` FROM secrets WHERE name = ANY($1) ORDER BY name`, dialect.Names(names))
}

const sealedColumns = `name, key_id, sealed`

// scanSealed reads sealedColumns.
func scanSealed(row pgx.CollectableRow) (miniairflow.SealedSecret, error) {
	var found miniairflow.SealedSecret
	err := row.Scan(&found.Name, &found.KeyID, &found.Sealed)
	return found, err
}

// ResealSecrets implements miniairflow.SecretStore.
func (s *Store) ResealSecrets(ctx context.Context, reseal func(miniairflow.SealedSecret) (miniairflow.SealedSecret, error), by miniairflow.Actor) (int, error) {
	count := 0
	err := s.inTx(ctx, func(t *tx) error {
		count = 0
		if _, err := t.Exec(ctx, `LOCK TABLE secrets IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return fmt.Errorf("lock secrets: %w", err)
		}
		rows, err := t.Query(ctx, `SELECT `+sealedColumns+` FROM secrets ORDER BY name`)
		if err != nil {
			return fmt.Errorf("read secrets: %w", err)
		}
		found, err := pgx.CollectRows(rows, scanSealed)
		if err != nil {
			return fmt.Errorf("read secrets: %w", err)
		}
		changed, err := dialect.Reseal(found, reseal)
		if err != nil || len(changed) == 0 {
			return err
		}
		for _, secret := range changed {
			if _, err := t.Exec(ctx, `UPDATE secrets SET key_id = $1, sealed = $2 WHERE name = $3`, secret.KeyID, secret.Sealed, secret.Name); err != nil {
				return fmt.Errorf("save secret: %w", err)
			}
		}
		count = len(changed)
		return audit(ctx, t, by, dialect.Audited{Action: miniairflow.AuditRotateSecrets, Name: changed[0].KeyID})
	})
	return count, err
}
