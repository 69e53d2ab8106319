package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// WALBytes returns how much the server has written to its log since the
// database was made: the database must be the only one that anybody writes to.
func (s *Server) WALBytes(ctx context.Context, address string) (float64, error) {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return 0, fmt.Errorf("connect to the private PostgreSQL: %w", err)
	}
	defer conn.Close(ctx)
	var bytes float64
	if err := conn.QueryRow(ctx, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1::pg_lsn)", s.positions[address]).Scan(&bytes); err != nil {
		return 0, fmt.Errorf("read the position in the log: %w", err)
	}
	return bytes, nil
}
