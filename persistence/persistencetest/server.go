package persistencetest

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
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	serverUser     = "miniairflow"
	serverStartMax = time.Minute
)

// serverScript starts the server as its child and ends with it. Its standard
// input is a pipe that only the test process holds: whatever ends that process,
// even SIGKILL, ends the input, and then the script stops the server and removes
// the directory, unless it was told (by a line) to keep it for the next start.
// The script has a process group of its own, so that Ctrl-C leaves it to its work.
const serverScript = `
"$1/postgres" -D "$2/data" -p "$3" >"$2/server.log" 2>&1 &
server=$!
read -r keep
kill -QUIT "$server" 2>/dev/null
wait "$server"
[ "$keep" = keep ] || rm -rf "$2"
`

// serverSettings are for databases that live for one test. Commits are real
// transactions, but nothing is forced to disk: a machine that loses power loses
// the test with it.
const serverSettings = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 64MB
fsync = off
full_page_writes = off
max_wal_size = 1GB
timezone = 'Asia/Kathmandu'
log_lock_waits = on
`

// server is a private PostgreSQL in a directory of its own, on a free loopback port.
type server struct {
	programs string // the directory of initdb and postgres
	dir      string
	port     int
	password string
	strategy string // an option of CREATE DATABASE

	mu    sync.Mutex
	cmd   *exec.Cmd
	input io.WriteCloser
}

// newServer makes a database cluster and starts its server.
func newServer() (*server, error) {
	programs, err := findPrograms()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(memoryDir(), "miniairflow-postgres-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the database: %w", err)
	}
	s := &server{programs: programs, dir: dir}
	if err := s.initialize(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	// Another process may take the free port before the server does.
	for try := 1; ; try++ {
		if s.port, err = freePort(); err == nil {
			err = s.start()
		}
		if err == nil {
			return s, nil
		}
		if try == 3 {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
}

// initialize runs initdb.
func (s *server) initialize() error {
	secret := make([]byte, 16)
	if _, err := rand.Read(secret); err != nil {
		return fmt.Errorf("make a password: %w", err)
	}
	s.password = hex.EncodeToString(secret)
	passwordFile := filepath.Join(s.dir, "password")
	if err := os.WriteFile(passwordFile, []byte(s.password), 0o600); err != nil {
		return fmt.Errorf("write the password: %w", err)
	}
	attributes, err := s.attributes()
	if err != nil {
		return err
	}
	if c := attributes.Credential; c != nil {
		for _, path := range []string{s.dir, passwordFile} {
			if err := os.Chown(path, int(c.Uid), int(c.Gid)); err != nil {
				return fmt.Errorf("hand %s to an unprivileged user: %w", path, err)
			}
		}
	}
	data := filepath.Join(s.dir, "data")
	cmd := exec.Command(filepath.Join(s.programs, "initdb"), "-D", data, "-U", serverUser, "-A", "password",
		"--pwfile", passwordFile, "-E", "UTF8", "--locale=C", "--no-sync")
	cmd.Dir, cmd.SysProcAttr = s.dir, attributes
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	settings, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open the server's settings: %w", err)
	}
	_, err = settings.WriteString(serverSettings)
	if err = errors.Join(err, settings.Close()); err != nil {
		return fmt.Errorf("write the server's settings: %w", err)
	}
	return nil
}

// start starts the server and waits until it answers.
func (s *server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	attributes, err := s.attributes()
	if err != nil {
		return err
	}
	cmd := exec.Command("/bin/sh", "-c", serverScript, "postgres", s.programs, s.dir, strconv.Itoa(s.port))
	cmd.Dir, cmd.SysProcAttr = s.dir, attributes
	input, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("make a pipe to the server: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	s.cmd, s.input = cmd, input
	if err := s.awaitAnswer(); err != nil {
		out, readErr := os.ReadFile(filepath.Join(s.dir, "server.log"))
		return errors.Join(fmt.Errorf("start postgres: %w: %s", err, out), readErr, s.stopLocked(true))
	}
	return nil
}

// awaitAnswer connects until the server answers.
func (s *server) awaitAnswer() error {
	ctx, cancel := context.WithTimeout(context.Background(), serverStartMax)
	defer cancel()
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.url("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return err
		case <-pause.C:
		}
	}
}

// stop ends the server at once, as a crash of the machine would; with keep it can start again.
func (s *server) stop(keep bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopLocked(keep)
}

func (s *server) stopLocked(keep bool) error {
	if s.cmd == nil {
		return nil
	}
	if keep {
		if _, err := io.WriteString(s.input, "keep\n"); err != nil {
			return fmt.Errorf("tell the server to stop: %w", err)
		}
	}
	if err := s.input.Close(); err != nil {
		return fmt.Errorf("tell the server to stop: %w", err)
	}
	err := s.cmd.Wait()
	s.cmd = nil
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) { // the exit code of a killed server says nothing
		return fmt.Errorf("wait for the server's end: %w", err)
	}
	return nil
}

// close ends the server for good and removes its directory.
func (s *server) close() error {
	return errors.Join(s.stop(false), os.RemoveAll(s.dir))
}

// url returns the address of a database on the server.
func (s *server) url(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(serverUser, s.password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: "/" + database,
	}
	u.RawQuery = url.Values{"sslmode": {"disable"}}.Encode()
	return u.String()
}

// exec runs one statement in the server's maintenance database.
func (s *server) exec(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the private PostgreSQL: %w", err)
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// findStrategy makes new databases copies of the template's files, which takes half the
// time of writing them to the log. PostgreSQL 14 knows no other way, nor the option.
func (s *server) findStrategy(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the private PostgreSQL: %w", err)
	}
	var version int
	err = conn.QueryRow(ctx, `SELECT CAST(current_setting('server_version_num') AS integer)`).Scan(&version)
	if version >= 150000 {
		s.strategy = " STRATEGY FILE_COPY"
	}
	return errors.Join(err, conn.Close(ctx))
}

// attributes gives the server its own process group and, as PostgreSQL refuses
// to run as root, an unprivileged user where the tests run as root.
func (s *server) attributes() (*syscall.SysProcAttr, error) {
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
		if uidErr != nil || gidErr != nil {
			continue
		}
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return attributes, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody to run it: add one, or run the tests as another user")
}

// freePort returns a loopback port that nobody listens on now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return port, nil
}
