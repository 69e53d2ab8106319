package runner

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// mute is a catalog that never answers.
type mute struct{ miniairflow.CatalogStore }

func (mute) FindSelectedDAG(ctx context.Context, _ uuid.UUID, _ *miniairflow.Selection) (*miniairflow.DAG, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Who waits for a version that is never read waits as long as it wants to, and
// the read itself ends.
func TestReadOfAVersionIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, id := newVersions(mute{}), uuid.New()
		ctx, cancel := context.WithCancelCause(t.Context())
		left := errors.New("the fence")
		hurried := make(chan error, 1)
		go func() {
			_, err := v.dag(ctx, id)
			hurried <- err
		}()
		patient := make(chan error, 1)
		go func() {
			_, err := v.dag(t.Context(), id)
			patient <- err
		}()
		synctest.Wait()
		began := time.Now()
		cancel(left)
		require.ErrorIs(t, <-hurried, left)
		require.Zero(t, time.Since(began))
		err := <-patient
		require.True(t, isTransient(err), err)
		require.Equal(t, versionTimeout, time.Since(began))
	})
}
