package persistencetest

import (
	"context"

	"github.com/sauravritesh63/miniairflow"
)

// CreateToken implements miniairflow.TokenStore.
func (f *Faulty) CreateToken(ctx context.Context, name string, hash []byte, by miniairflow.Actor) (*miniairflow.APIToken, error) {
	return try(f, "CreateToken", func() (*miniairflow.APIToken, error) { return f.inner.CreateToken(ctx, name, hash, by) })
}

// RevokeToken implements miniairflow.TokenStore.
func (f *Faulty) RevokeToken(ctx context.Context, name string, by miniairflow.Actor) error {
	return tryOnly(f, "RevokeToken", func() error { return f.inner.RevokeToken(ctx, name, by) })
}

// FindTokens implements miniairflow.TokenStore.
func (f *Faulty) FindTokens(ctx context.Context) ([]*miniairflow.APIToken, error) {
	return try(f, "FindTokens", func() ([]*miniairflow.APIToken, error) { return f.inner.FindTokens(ctx) })
}

// TokenByHash implements miniairflow.TokenStore.
func (f *Faulty) TokenByHash(ctx context.Context, hash []byte) (*miniairflow.APIToken, error) {
	return try(f, "TokenByHash", func() (*miniairflow.APIToken, error) { return f.inner.TokenByHash(ctx, hash) })
}
