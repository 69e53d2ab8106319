package persistencetest

import (
	"context"

	"github.com/sauravritesh63/miniairflow"
)

// AfterEnds implements miniairflow.AfterStore.
func (f *Faulty) AfterEnds(ctx context.Context, limit int) ([]miniairflow.AfterEnd, error) {
	return try(f, "AfterEnds", func() ([]miniairflow.AfterEnd, error) { return f.inner.AfterEnds(ctx, limit) })
}

// ForgetAfterEnds implements miniairflow.AfterStore.
func (f *Faulty) ForgetAfterEnds(ctx context.Context, ends []miniairflow.AfterEnd, faults map[miniairflow.AfterEnd]string) error {
	return tryOnly(f, "ForgetAfterEnds", func() error { return f.inner.ForgetAfterEnds(ctx, ends, faults) })
}

// Followers implements miniairflow.AfterStore.
func (f *Faulty) Followers(ctx context.Context, workflows []string, max int) (map[string][]string, error) {
	return try(f, "Followers", func() (map[string][]string, error) { return f.inner.Followers(ctx, workflows, max) })
}
