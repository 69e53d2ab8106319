package postgres

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// KeepConnected is what keeps the connections of wake-ups alive, with work of a test.
func KeepConnected(ctx context.Context, url string, log *slog.Logger, work func() error) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	n := &notifier{config: config, log: log}
	n.keep(ctx, "test", func(context.Context, *pgx.Conn) error { return work() })
	return nil
}

// IsDirect is isDirect for a server that tells host and port, on this machine or not.
func IsDirect(remote net.Addr, host string, port int, isLocal bool) bool {
	return isDirect(remote, endpoint{host: host, port: port}, func(int) bool { return isLocal })
}

// IsRefusal is isRefusal.
var IsRefusal = isRefusal

// MapError is mapError.
var MapError = mapError

// RegisterUUID is what each connection knows of UUIDs.
var RegisterUUID = registerUUID

// IsQuiet is isQuiet.
var IsQuiet = isQuiet

// ShouldPing is shouldPing for a connection of a pool.
func ShouldPing(conn *pgx.Conn, idle time.Duration) bool {
	return shouldPing(context.Background(), pgxpool.ShouldPingParams{Conn: conn, IdleDuration: idle})
}

// MigrationLock is the key of the lock of those who migrate.
const MigrationLock = int32(migrationLock)
