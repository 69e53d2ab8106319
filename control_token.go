package miniairflow

import (
	"context"
	"errors"
	"fmt"
)

// CreateToken makes a token with a name that no other has, and returns its text,
// which nobody can read again. Errors: CodeInvalid with Field "name"; CodeConflict
// where there is one with that name or there are too many.
func (c *Control) CreateToken(ctx context.Context, name string, by Actor) (text string, token *APIToken, err error) {
	if err := CheckTokenName(name); err != nil {
		return "", nil, err
	}
	if text, err = NewTokenText(); err != nil {
		return "", nil, fmt.Errorf("make token %s: %w", name, err)
	}
	if token, err = c.Store.CreateToken(ctx, name, TokenHash(text), by); err != nil {
		return "", nil, fmt.Errorf("create token %s: %w", name, err)
	}
	return text, token, nil
}

// RevokeToken takes a token away from its holder.
func (c *Control) RevokeToken(ctx context.Context, name string, by Actor) error {
	err := c.Store.RevokeToken(ctx, name, by)
	if errors.Is(err, ErrNotFound) {
		return Errorf(CodeNotFound, "no token is called %s", show(name))
	}
	if err != nil {
		return fmt.Errorf("revoke token %s: %w", show(name), err)
	}
	return nil
}
