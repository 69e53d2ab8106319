package limit

import (
	"context"
	"errors"

	"github.com/sauravritesh63/miniairflow"
)

// BurnDown ends everything that is queued in the product's database with the
// product's own statements and nothing around them: one loop that claims tasks
// and reports them as successful with the next call.
func BurnDown(ctx context.Context, address string, slots int) (err error) {
	s, err := openSession(ctx, address, slots)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	var claims []miniairflow.Claim
	for {
		if claims, err = s.exchange(ctx, claims, slots); err != nil || len(claims) == 0 {
			return err
		}
	}
}
