package miniairflow

import "context"

// TokenStore keeps the tokens of the API. It never sees their texts.
type TokenStore interface {
	// CreateToken keeps a token by its hash, see TokenHash. CodeConflict: there is
	// one with that name, or there are TokensMax.
	CreateToken(ctx context.Context, name string, hash []byte, by Actor) (*APIToken, error)
	// RevokeToken deletes a token: who comes with it is let in no more.
	RevokeToken(ctx context.Context, name string, by Actor) error
	// FindTokens returns all tokens, ordered by name.
	FindTokens(ctx context.Context) ([]*APIToken, error)
	// TokenByHash returns the token with a hash.
	TokenByHash(ctx context.Context, hash []byte) (*APIToken, error)
}
