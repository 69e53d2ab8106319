package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// Config holds what a Store needs besides its database. The zero value is ready.
type Config struct {
	Logger *slog.Logger     // nil: nothing is logged
	Bus    *miniairflow.Bus // nil: one of its own
	// PollOnly leaves out the wake-ups between processes. A url with
	// pgbouncer=true does so too: such a pooler cannot listen.
	PollOnly bool
	// CallTimeout bounds the wait for an answer; 75 s.
	CallTimeout time.Duration
}

// Limits that the server enforces for each session, so that a client that
// stops in the middle of a transaction cannot hold up the others.
const (
	lockTimeout      = 10 * time.Second
	statementTimeout = 60 * time.Second
	idleTimeout      = 15 * time.Second
	connectTimeout   = 5 * time.Second
)

// callTimeout bounds a read, and a try of a transaction, on our side: no limit of
// the server's helps where its answer is lost on the way.
const callTimeout = 75 * time.Second

// Store is a miniairflow.Store on PostgreSQL.
type Store struct {
	pool     *pgxpool.Pool
	beats    *pgxpool.Pool // one connection for heartbeats: a busy pool must not silence a worker
	appends  dialect.Gather[dialect.LogPart]
	bus      *miniairflow.Bus
	log      *slog.Logger
	graphs   *dialect.Graphs
	notifier *notifier // nil: polling alone
	settings []string  // to be made local to each transaction; empty: the session has them
	contact  *contact
	patience time.Duration // bounds the wait for an answer
	moreDue  atomic.Bool   // the last step of FireDue has most likely left due cursors: a hint
	// heldDue are the workflows that somebody has held in the last step of FireDue: a hint.
	heldDue atomic.Pointer[[]uuid.UUID]
}

// Open connects to the database that url names and migrates it. Besides the
// parameters of libpq and pgx (pool_max_conns, …) the url may have
// pgbouncer=true, for a pooler in transaction mode: then nothing relies on what
// a session remembers. The caller must Close the store.
func Open(ctx context.Context, url string, config Config) (*Store, error) {
	poolConfig, settings, err := parse(url)
	if err != nil {
		return nil, err
	}
	contact := newContact(poolConfig.ConnConfig)
	register := poolConfig.AfterConnect
	poolConfig.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		contact.learn(ctx, c)
		return register(ctx, c)
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Bus == nil {
		config.Bus = &miniairflow.Bus{}
	}
	if config.CallTimeout <= 0 {
		config.CallTimeout = callTimeout
	}
	pool, err := pgxpool.NewWithConfig(ctx, poolConfig)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", mapError(err))
	}
	m := &Migrator{pool: pool}
	if err := m.Up(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	// Until the first release version 1 has grown: a database of before lacks its last column.
	const last = `SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('seen_files') AND attname = 'gone_at' AND NOT attisdropped)`
	var isThere bool
	if err := pool.QueryRow(ctx, last).Scan(&isThere); err != nil || !isThere {
		pool.Close()
		return nil, errors.Join(mapError(err), dialect.OtherTables(poolConfig.ConnConfig.Database))
	}
	beatsConfig := poolConfig.Copy()
	beatsConfig.MaxConns, beatsConfig.MinConns, beatsConfig.MinIdleConns = 1, 0, 0
	beats, err := pgxpool.NewWithConfig(ctx, beatsConfig) // connects with the first heartbeat
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open database: %w", mapError(err))
	}
	s := &Store{
		pool: pool, beats: beats, bus: config.Bus, log: config.Logger, graphs: dialect.NewGraphs(), settings: settings, contact: contact,
		patience: config.CallTimeout,
	}
	s.appends = dialect.Gather[dialect.LogPart]{Do: s.storeLogs, Size: dialect.LogPart.Size, Most: logPartsMax}
	if !config.PollOnly && settings == nil {
		s.notifier = startNotifier(pool.Config().ConnConfig, s.bus, s.log)
	}
	return s, nil
}

// parse reads the url. The second result are the settings that every
// transaction has to make itself because the pooler in between forgets them.
func parse(url string) (*pgxpool.Config, []string, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, nil, invalidURLError(err)
	}
	conn := config.ConnConfig
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = connectTimeout
	}
	conn.DialFunc = dialer(conn.ConnectTimeout).DialContext
	if config.PingTimeout == 0 {
		// The pool asks a connection that was idle whether it is alive, and waits for
		// the answer even when nobody else does, not least when it closes.
		config.PingTimeout = conn.ConnectTimeout
	}
	config.ShouldPing = shouldPing
	config.AfterConnect = func(_ context.Context, c *pgx.Conn) error {
		c.TypeMap().RegisterType(&pgtype.Type{
			Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
		})
		registerUUID(c.TypeMap())
		return nil
	}
	limits := map[string]time.Duration{
		"lock_timeout": lockTimeout, "statement_timeout": statementTimeout, "idle_in_transaction_session_timeout": idleTimeout,
	}
	if conn.RuntimeParams["pgbouncer"] == "true" {
		delete(conn.RuntimeParams, "pgbouncer")
		conn.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
		var settings []string
		for name, limit := range limits {
			settings = append(settings, fmt.Sprintf("SET LOCAL %s = %d", name, limit.Milliseconds()))
		}
		return config, settings, nil
	}
	for name, limit := range limits {
		setDefault(conn.RuntimeParams, name, fmt.Sprint(limit.Milliseconds()))
	}
	setDefault(conn.RuntimeParams, "application_name", "miniairflow")
	conn.RuntimeParams["timezone"] = "UTC"
	return config, nil, nil
}

func setDefault(params map[string]string, name, value string) {
	if _, ok := params[name]; !ok {
		params[name] = value
	}
}

// Bus implements miniairflow.Store.
func (s *Store) Bus() *miniairflow.Bus { return s.bus }

// Now implements miniairflow.Store.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	return queryOne(ctx, s, pgx.RowTo[time.Time], `SELECT clock_timestamp()`)
}

// Close implements miniairflow.Store.
func (s *Store) Close() error {
	s.appends.Wait()
	s.pool.Close() // waits for the calls that run, and their events
	s.beats.Close()
	if s.notifier != nil {
		s.notifier.stop()
	}
	return nil
}

// publish tells this process and the others what a committed transaction may
// have changed.
func (s *Store) publish(events []miniairflow.Event) {
	if len(events) == 0 {
		return
	}
	s.bus.Publish(events...)
	if s.notifier != nil {
		s.notifier.send(events)
	}
}
