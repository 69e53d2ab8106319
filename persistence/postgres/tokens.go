package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

const tokenColumns = `name, created_at, created_by`

// scanToken reads tokenColumns.
func scanToken(row pgx.CollectableRow) (*miniairflow.APIToken, error) {
	k := &miniairflow.APIToken{}
	err := row.Scan(&k.Name, &k.CreatedAt, &k.CreatedBy)
	return k, err
}

// CreateToken implements miniairflow.TokenStore.
func (s *Store) CreateToken(ctx context.Context, name string, hash []byte, by miniairflow.Actor) (*miniairflow.APIToken, error) {
	var token *miniairflow.APIToken
	err := s.inTx(ctx, func(t *tx) error {
		if err := mayAdd(ctx, t, "api_tokens", name, miniairflow.TokensMax); err != nil {
			return err
		}
		const text = `
			INSERT INTO api_tokens (name, hash, created_at, created_by) VALUES ($1, $2, clock_timestamp(), $3)
			ON CONFLICT (name) DO NOTHING RETURNING ` + tokenColumns
		made, err := collect(ctx, t, scanToken, text, name, hash, dialect.Text(by.Name))
		if err != nil {
			return fmt.Errorf("save token: %w", err)
		}
		if len(made) == 0 {
			return dialect.TokenExists(name)
		}
		token = made[0]
		return audit(ctx, t, by, dialect.Audited{Action: miniairflow.AuditCreateToken, Name: name})
	})
	return token, err
}

// RevokeToken implements miniairflow.TokenStore.
func (s *Store) RevokeToken(ctx context.Context, name string, by miniairflow.Actor) error {
	return s.deleteNamed(ctx, `DELETE FROM api_tokens WHERE name = $1`, name, miniairflow.AuditRevokeToken, by)
}

// FindTokens implements miniairflow.TokenStore.
func (s *Store) FindTokens(ctx context.Context) ([]*miniairflow.APIToken, error) {
	return query(ctx, s, scanToken, `SELECT `+tokenColumns+` FROM api_tokens ORDER BY name`)
}

// TokenByHash implements miniairflow.TokenStore.
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (*miniairflow.APIToken, error) {
	return queryOne(ctx, s, scanToken, `SELECT `+tokenColumns+` FROM api_tokens WHERE hash = $1`, hash)
}
