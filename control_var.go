package miniairflow

import (
	"context"
	"errors"
	"fmt"
)

// SetVar creates a variable or changes it; a nil description leaves the one that
// it has. Errors: CodeInvalid with Field "name" or "value"; CodeConflict where
// there are too many.
func (c *Control) SetVar(ctx context.Context, name string, value any, description *string, by Actor) (*Var, error) {
	if err := CheckVar(name, value); err != nil {
		return nil, err
	}
	v, err := c.Store.SetVar(ctx, Var{Name: name, Value: value}, description, by)
	if err != nil {
		return nil, fmt.Errorf("set variable %s: %w", name, err)
	}
	return v, nil
}

// DeleteVar deletes a variable. Tasks that read it fail from then on.
func (c *Control) DeleteVar(ctx context.Context, name string, by Actor) error {
	err := c.Store.DeleteVar(ctx, name, by)
	if errors.Is(err, ErrNotFound) {
		return Errorf(CodeNotFound, "no variable is called %s", show(name))
	}
	if err != nil {
		return fmt.Errorf("delete variable %s: %w", show(name), err)
	}
	return nil
}

// SetSecret seals a value and keeps it under its name, in the place of an earlier
// one. Errors: CodeInvalid with Field "name" or "value"; CodeConflict where there
// is no key or there are too many.
func (c *Control) SetSecret(ctx context.Context, name, value string, by Actor) (*Secret, error) {
	if err := CheckSecret(name, value); err != nil {
		return nil, err
	}
	if c.Vault == nil {
		return nil, Errorf(CodeConflict, "secrets are not kept here")
	}
	sealed, err := c.Vault.Seal(name, value)
	if err != nil {
		return nil, fmt.Errorf("seal secret %s: %w", name, err)
	}
	s, err := c.Store.SetSecret(ctx, sealed, by)
	if err != nil {
		return nil, fmt.Errorf("set secret %s: %w", name, err)
	}
	return s, nil
}

// RotateSecrets seals all secrets anew with the key with which the vault seals, and
// returns how many others had sealed. Their values, and who set them, stay. An error
// is CodeConflict where one of them does not open: then none is changed.
func (c *Control) RotateSecrets(ctx context.Context, by Actor) (int, error) {
	if c.Vault == nil {
		return 0, Errorf(CodeConflict, "secrets are not kept here")
	}
	count, err := c.Store.ResealSecrets(ctx, func(secret SealedSecret) (SealedSecret, error) {
		value, err := c.Vault.Open(secret)
		if err != nil {
			return SealedSecret{}, err
		}
		return c.Vault.Seal(secret.Name, value)
	}, by)
	if err != nil {
		return 0, fmt.Errorf("seal secrets anew: %w", err)
	}
	return count, nil
}

// DeleteSecret deletes a secret. Tasks that name it fail from then on.
func (c *Control) DeleteSecret(ctx context.Context, name string, by Actor) error {
	err := c.Store.DeleteSecret(ctx, name, by)
	if errors.Is(err, ErrNotFound) {
		return Errorf(CodeNotFound, "no secret is called %s", show(name))
	}
	if err != nil {
		return fmt.Errorf("delete secret %s: %w", show(name), err)
	}
	return nil
}
