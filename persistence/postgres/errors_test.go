package postgres_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/postgres"
)

// A server without room on its disk is told apart from one that does not answer, and
// is tried again all the same.
func TestFullDiskIsNamed(t *testing.T) {
	err := postgres.MapError(fmt.Errorf("insert: %w", &pgconn.PgError{Code: "53100", Message: "could not extend file"}))
	require.ErrorIs(t, err, miniairflow.ErrFull)
	require.Equal(t, miniairflow.CodeUnavailable, miniairflow.ErrorCode(err))
	for _, code := range []string{"53000", "53200", "53300", "57P01"} {
		require.NotErrorIs(t, postgres.MapError(&pgconn.PgError{Code: code}), miniairflow.ErrFull, code)
	}
}
