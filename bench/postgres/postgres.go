// Package postgres starts a PostgreSQL server for the benchmarks: a private one
// in a directory of its own, on a free loopback port, with full durability.
package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	serverUser = "miniairflow"
	startMax   = time.Minute
)

// settings are those of a small production server: what a commit promises, it
// keeps. Statements are counted only while a benchmark asks for it.
const settings = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 256MB
max_wal_size = 2GB
checkpoint_timeout = 15min
shared_preload_libraries = 'pg_stat_statements'
pg_stat_statements.track = none
`

// script starts the server as its child, and stops it and removes its directory
// when its standard input ends: whatever ends the benchmarks, ends that.
const script = `
"$1/postgres" -D "$2/data" -p "$3" >"$2/server.log" 2>&1 &
server=$!
read -r _
kill -INT "$server" 2>/dev/null
wait "$server"
rm -rf "$2/data"
`

// Server is a running PostgreSQL.
type Server struct {
	programs string // the directory of initdb and postgres
	dir      string
	port     int
	password string
	cmd      *exec.Cmd
	input    io.WriteCloser

	made      int
	positions map[string]string // in the log, when a database was made, by its address
}

// Start makes a database cluster below dir and starts its server. The caller
// must Stop it.
func Start(ctx context.Context, dir string) (*Server, error) {
	programs, err := findPrograms()
	if err != nil {
		return nil, err
	}
	s := &Server{programs: programs, positions: map[string]string{}}
	if s.dir, err = os.MkdirTemp(dir, "postgres-"); err != nil {
		return nil, fmt.Errorf("make a directory for the database: %w", err)
	}
	if err := s.initialize(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// findPrograms returns the directory of initdb and postgres: the one on PATH, or
// the newest that Debian has installed.
func findPrograms() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.Join(errors.New("these benchmarks need PostgreSQL's server programs (initdb, postgres): `make setup` installs them"), err)
	}
	return filepath.Dir(slices.Max(found)), nil
}

// Program returns the path of one of PostgreSQL's programs, such as pgbench.
func (s *Server) Program(name string) string { return filepath.Join(s.programs, name) }

func (s *Server) initialize(ctx context.Context) error {
	secret := make([]byte, 16)
	_, _ = rand.Read(secret) // never fails
	s.password = hex.EncodeToString(secret)
	file := filepath.Join(s.dir, "password")
	if err := os.WriteFile(file, []byte(s.password), 0o600); err != nil {
		return fmt.Errorf("write the password: %w", err)
	}
	attributes, err := attributes()
	if err != nil {
		return err
	}
	if owner := attributes.Credential; owner != nil {
		for _, path := range []string{s.dir, file} {
			if err := os.Chown(path, int(owner.Uid), int(owner.Gid)); err != nil {
				return fmt.Errorf("hand %s to an unprivileged user: %w", path, err)
			}
		}
	}
	data := filepath.Join(s.dir, "data")
	cmd := exec.CommandContext(ctx, s.Program("initdb"), "-D", data, "-U", serverUser, "-A", "password", "--pwfile", file, "-E", "UTF8", "--locale=C")
	cmd.Dir, cmd.SysProcAttr = s.dir, attributes
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	conf, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open the server's settings: %w", err)
	}
	_, err = conf.WriteString(settings)
	return errors.Join(err, conf.Close())
}

func (s *Server) start(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("find a free port: %w", err)
	}
	s.port = listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		return fmt.Errorf("find a free port: %w", err)
	}
	attributes, err := attributes()
	if err != nil {
		return err
	}
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", "-c", script, "postgres", s.programs, s.dir, strconv.Itoa(s.port))
	s.cmd.Dir, s.cmd.SysProcAttr = s.dir, attributes
	if s.input, err = s.cmd.StdinPipe(); err != nil {
		return fmt.Errorf("make a pipe to the server: %w", err)
	}
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return fmt.Errorf("start postgres: %w", err)
	}
	return s.await(ctx)
}

// await connects until the server answers.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startMax)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "server.log"))
			return fmt.Errorf("start postgres: %w: %s", err, log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server and removes its directory.
func (s *Server) Stop() error {
	if s.cmd == nil {
		return os.RemoveAll(s.dir)
	}
	if err := s.input.Close(); err != nil {
		return fmt.Errorf("tell the server to stop: %w", err)
	}
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("wait for the server's end: %w", err)
	}
	return os.RemoveAll(s.dir)
}

// URL returns the address of a database on the server.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(serverUser, s.password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: "/" + database,
		RawQuery: url.Values{"sslmode": {"disable"}}.Encode(),
	}
	return u.String()
}

// NewDatabase makes an empty database and returns its address. What earlier ones
// left to be written is written before.
func (s *Server) NewDatabase(ctx context.Context) (string, error) {
	return s.makeDatabase(ctx, "template1")
}

// CopyDatabase is NewDatabase with a copy of one that nobody uses.
func (s *Server) CopyDatabase(ctx context.Context, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	return s.makeDatabase(ctx, u.Path[1:])
}

func (s *Server) makeDatabase(ctx context.Context, template string) (string, error) {
	s.made++
	name := fmt.Sprintf("bench_%d", s.made)
	if err := s.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template, "CHECKPOINT"); err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return "", fmt.Errorf("connect to the private PostgreSQL: %w", err)
	}
	defer conn.Close(ctx)
	var position string
	if err := conn.QueryRow(ctx, "SELECT pg_current_wal_lsn()::text").Scan(&position); err != nil {
		return "", fmt.Errorf("read the position in the log: %w", err)
	}
	s.positions[s.URL(name)] = position
	return s.URL(name), nil
}

// DropDatabase removes a database that NewDatabase made, with whoever uses it.
func (s *Server) DropDatabase(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	return s.Exec(ctx, "DROP DATABASE "+u.Path[1:]+" WITH (FORCE)")
}

// Exec runs statements one by one in the server's maintenance database.
func (s *Server) Exec(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the private PostgreSQL: %w", err)
	}
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", statement, err), conn.Close(ctx))
		}
	}
	return conn.Close(ctx)
}

// attributes gives the server a process group of its own and, as PostgreSQL
// refuses to run as root, an unprivileged user where we are root.
func attributes() (*syscall.SysProcAttr, error) {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return attributes, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if uidErr == nil && gidErr == nil {
			attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
			return attributes, nil
		}
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody to run it")
}
