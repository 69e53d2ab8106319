package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
)

// statementsMax bounds how many texts are kept prepared. The store has fewer;
// what is beyond it works too, at the price of being parsed each time.
const statementsMax = 500

// pool is a pool of connections to one file that parses each text once per
// connection: parsing takes longer than most statements run.
type pool struct {
	*sql.DB
	log     *slog.Logger
	wal     string // path of the write-ahead log
	commits atomic.Int64

	mu    sync.Mutex
	known map[string]*sql.Stmt
}

func newPool(db *sql.DB, path string, log *slog.Logger) *pool {
	return &pool{DB: db, log: log, wal: path + "-wal", known: map[string]*sql.Stmt{}}
}

// find returns the prepared statement of a text, or nil.
func (p *pool) find(text string) *sql.Stmt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[text]
}

// learn prepares texts. It needs a free connection, so it must not be called
// inside a transaction of the one writing connection. A text that cannot be
// prepared now stays unknown.
func (p *pool) learn(ctx context.Context, texts []string) {
	for _, text := range texts {
		if p.find(text) != nil {
			continue
		}
		stmt, err := p.PrepareContext(ctx, text)
		if err != nil {
			return
		}
		p.keep(text, stmt)
	}
}

func (p *pool) keep(text string, stmt *sql.Stmt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[text] != nil || len(p.known) >= statementsMax {
		_ = stmt.Close() // nobody has used it
		return
	}
	p.known[text] = stmt
}

// QueryContext is that of sql.DB, with a prepared statement.
func (p *pool) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	stmt := p.find(text) //nolint:sqlclosecheck // kept as long as the pool
	if stmt == nil {
		p.learn(ctx, []string{text})
		stmt = p.find(text) //nolint:sqlclosecheck // kept as long as the pool
	}
	if stmt == nil {
		return p.DB.QueryContext(ctx, text, args...)
	}
	return stmt.QueryContext(ctx, args...)
}

// brief is a pool for the looks that are taken again and again. Where nothing is to
// be done they read few rows, and they are not interrupted: an idle process would
// start and wake more goroutines and threads for that than for the rest of the look.
// So a stop waits for one that has begun.
type brief struct{ *pool }

// QueryContext is that of pool.
func (b brief) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return b.pool.QueryContext(context.WithoutCancel(ctx), text, args...)
}

// transaction is a sql.Tx that uses the prepared statements of its pool.
type transaction struct {
	*sql.Tx
	conn    *sql.Conn
	pool    *pool
	whole   context.Context // of each statement if they are not interrupted; else nil
	unknown []string        // texts to be learned when it has ended
}

// begin starts a transaction that reads. The caller passes its unknown to learn at
// the end.
func (p *pool) begin(ctx context.Context, options *sql.TxOptions) (*transaction, error) {
	inner, err := p.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return &transaction{Tx: inner, pool: p}, nil
}

// beginWrite is begin for a transaction that writes. Each statement looks at its
// context before it begins, and is not interrupted after that: to be able to, the
// driver starts a goroutine for each, and another for its rows, which costs more
// than most statements take. The wait for the connection ends with ctx.
func (p *pool) beginWrite(ctx context.Context) (*transaction, error) {
	conn, err := p.Conn(ctx)
	if err != nil {
		return nil, err
	}
	whole := context.WithoutCancel(ctx)
	inner, err := conn.BeginTx(whole, nil)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &transaction{Tx: inner, conn: conn, pool: p, whole: whole}, nil
}

// release gives the connection of an ended transaction back. It may be called again.
func (t *transaction) release() {
	if t.conn != nil {
		_ = t.conn.Close() // it only goes back to the pool
	}
}

// statement returns the context of the next statement.
func (t *transaction) statement(ctx context.Context) (context.Context, error) {
	if t.whole == nil {
		return ctx, nil
	}
	return t.whole, ctx.Err()
}

// prepared returns the statement of a text as part of the transaction, or nil.
func (t *transaction) prepared(ctx context.Context, text string) *sql.Stmt {
	stmt := t.pool.find(text)
	if stmt == nil {
		t.unknown = append(t.unknown, text)
		return nil
	}
	return t.StmtContext(ctx, stmt)
}

// ExecContext is that of sql.Tx, with a prepared statement.
func (t *transaction) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	ctx, err := t.statement(ctx)
	if err != nil {
		return nil, err
	}
	if stmt := t.prepared(ctx, text); stmt != nil { //nolint:sqlclosecheck // ends with the transaction
		return stmt.ExecContext(ctx, args...)
	}
	return t.Tx.ExecContext(ctx, text, args...)
}

// QueryContext is that of sql.Tx, with a prepared statement.
func (t *transaction) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	ctx, err := t.statement(ctx)
	if err != nil {
		return nil, err
	}
	if stmt := t.prepared(ctx, text); stmt != nil { //nolint:sqlclosecheck // ends with the transaction
		return stmt.QueryContext(ctx, args...)
	}
	return t.Tx.QueryContext(ctx, text, args...)
}

// QueryRowContext is that of sql.Tx, with a prepared statement.
func (t *transaction) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	if whole, err := t.statement(ctx); err == nil { // a context that has ended says so in the row
		ctx = whole
	}
	if stmt := t.prepared(ctx, text); stmt != nil { //nolint:sqlclosecheck // ends with the transaction
		return stmt.QueryRowContext(ctx, args...)
	}
	return t.Tx.QueryRowContext(ctx, text, args...)
}
