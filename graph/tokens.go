package graph

import (
	"context"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// mayHandleTokens refuses who comes with a token that has a name: with a second one
// anybody could take the name of an approver.
func mayHandleTokens(ctx context.Context) error {
	if caller := miniairflow.Caller(ctx); caller != miniairflow.ServerActor {
		return miniairflow.Errorf(miniairflow.CodeForbidden, "tokens are made, listed and revoked with the server's own token, not with that of %s", caller)
	}
	return nil
}

func (r *Resolver) tokens(ctx context.Context) ([]*miniairflow.APIToken, error) {
	if err := mayHandleTokens(ctx); err != nil {
		return nil, err
	}
	return r.store.FindTokens(ctx)
}

func (r *Resolver) createToken(ctx context.Context, input model.CreateTokenInput) (*model.CreateTokenPayload, error) {
	payload := &model.CreateTokenPayload{}
	err := mayHandleTokens(ctx)
	if err == nil {
		var text string
		if text, payload.Token, err = r.control.CreateToken(ctx, input.Name, actor(ctx, nil)); err == nil {
			payload.Text = &text
		}
	}
	payload.UserErrors, err = userErrors(err, "name")
	return payload, err
}

func (r *Resolver) revokeToken(ctx context.Context, input model.RevokeTokenInput) (*model.RevokeTokenPayload, error) {
	err := mayHandleTokens(ctx)
	if err == nil {
		err = r.control.RevokeToken(ctx, input.Name, actor(ctx, input.Reason))
	}
	isRevoked := err == nil
	problems, err := userErrors(err, "name")
	return &model.RevokeTokenPayload{IsRevoked: isRevoked, UserErrors: problems}, err
}
