package graph

import (
	"context"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

func (r *Resolver) vars(ctx context.Context, first *int, after, name *string) (*model.VarConnection, error) {
	f := miniairflow.VarFilter{Name: valueOr(name, "")}
	list := query[*miniairflow.Var, string]{encode: encodeVarCursor, decode: decodeVarCursor}
	list.find = func(ctx context.Context, after *string, limit int) ([]*miniairflow.Var, error) {
		page := f
		page.AfterName, page.Limit = valueOr(after, ""), limit
		return r.store.FindVars(ctx, page)
	}
	list.count = func(ctx context.Context, max int) (int, error) { return r.store.CountVars(ctx, f, max) }
	return list.page(ctx, first, after)
}

// named returns what the latest version of a workflow names, as find tells it.
func (r *Resolver) named(ctx context.Context, w *miniairflow.Workflow, find func(context.Context, *miniairflow.Definition) ([]*miniairflow.NamedValue, error)) ([]*miniairflow.NamedValue, error) {
	v, err := r.versions.find(ctx, w.VersionID)
	if err != nil {
		return nil, err
	}
	return find(ctx, v.Definition)
}

func (r *Resolver) setVar(ctx context.Context, input model.SetVarInput) (*model.SetVarPayload, error) {
	v, err := r.control.SetVar(ctx, input.Name, input.Value, input.Description, actor(ctx, nil))
	problems, err := userErrors(err, "name")
	return &model.SetVarPayload{Var: v, UserErrors: problems}, err
}

func (r *Resolver) deleteVar(ctx context.Context, input model.DeleteVarInput) (*model.DeleteVarPayload, error) {
	err := r.control.DeleteVar(ctx, input.Name, actor(ctx, input.Reason))
	isDeleted := err == nil
	problems, err := userErrors(err, "name")
	return &model.DeleteVarPayload{IsDeleted: isDeleted, UserErrors: problems}, err
}

func (r *Resolver) setSecret(ctx context.Context, input model.SetSecretInput) (*model.SetSecretPayload, error) {
	s, err := r.control.SetSecret(ctx, input.Name, input.Value, actor(ctx, nil))
	problems, err := userErrors(err, "name")
	return &model.SetSecretPayload{Secret: s, UserErrors: problems}, err
}

func (r *Resolver) deleteSecret(ctx context.Context, input model.DeleteSecretInput) (*model.DeleteSecretPayload, error) {
	err := r.control.DeleteSecret(ctx, input.Name, actor(ctx, input.Reason))
	isDeleted := err == nil
	problems, err := userErrors(err, "name")
	return &model.DeleteSecretPayload{IsDeleted: isDeleted, UserErrors: problems}, err
}
