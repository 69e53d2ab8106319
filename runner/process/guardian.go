//go:build linux || darwin

package process

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// silenceDefault is how long a guardian bears with a worker that says nothing.
	silenceDefault = 10 * time.Second
	// markName begins the environment variable by which the processes of a command are known.
	markName = "MINIAIRFLOW_PROCESS="
	// guardianEnv tells the program that it is a guardian, and its silence.
	guardianEnv = "MINIAIRFLOW_GUARDIAN_SILENCE"
	// guardianFD is where a guardian finds the socket to its worker.
	guardianFD = 3
	// closePatience is how long a guardian may take to end everything when its worker does.
	closePatience = 15 * time.Second
)

var errGuardianGone = errors.New("the guardian of the processes died")

// Config says how a Guardian works. The zero value is ready.
type Config struct {
	Silence time.Duration // everything is ended when the worker was silent for so long; 0: 10 s
	Logger  *slog.Logger  // nil: discards
}

// Guardian starts commands through a small process of its own, which ends every
// one of them, with all that it has started, when this process ends, is killed,
// or stops. That process is started with the first command, and again after it
// died. The program must call ServeIfAsked first of all. The methods may be
// called from any goroutine.
type Guardian struct {
	config Config
	ids    atomic.Uint64

	mu     sync.Mutex
	link   *link
	closed bool
}

// NewGuardian returns a Guardian. Its owner must Close it.
func NewGuardian(config Config) *Guardian {
	if config.Silence <= 0 {
		config.Silence = silenceDefault
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Guardian{config: config}
}

// Start starts a command. The error is a *StartError. A Process that was
// started needs no call to release it; if the guardian dies under way, its Exit
// is Lost.
func (g *Guardian) Start(spec Spec) (*Process, error) {
	path, err := spec.resolve()
	if err != nil {
		return nil, err
	}
	link, err := g.current()
	if err != nil {
		return nil, startError(ResourcesExhausted, err, "no guardian for the process can be started: %v", err)
	}
	stream, err := openStreams(spec.Stdin)
	if err != nil {
		return nil, startError(ResourcesExhausted, err, "no pipe can be made: %v", err)
	}
	if spec.Linger <= 0 {
		spec.Linger = lingerDefault
	}
	p := &Process{
		link: link, id: g.ids.Add(1), mark: newMark(), output: spec.Output, stream: stream,
		answered: make(chan frame, 1), ended: make(chan struct{}), done: make(chan struct{}),
	}
	if p.output == nil {
		p.output = discard{}
	}
	link.add(p)
	err = p.start(spec, path)
	stream.closeChildEnds()
	if errors.Is(err, errGuardianGone) {
		link.remove(p)
		stream.close()
		p.finish(Exit{Code: -1, Lost: true})
		close(p.done)
		return p, nil
	}
	if err != nil {
		link.remove(p)
		stream.close()
		return nil, spec.explain(path, err)
	}
	go p.attend(spec.Stdin)
	return p, nil
}

// Close ends every command that still runs, and the guardian. Start fails from
// then on. It may be called again.
func (g *Guardian) Close() {
	g.mu.Lock()
	link := g.link
	g.closed = true
	g.mu.Unlock()
	if link != nil {
		_ = link.wire.conn.CloseWrite() // the guardian sees the end of its worker
		link.await()
	}
}

// current returns the link to a living guardian, which is started if need be.
func (g *Guardian) current() (*link, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, errors.New("it is closed")
	}
	if g.link != nil {
		select {
		case <-g.link.dead:
			g.config.Logger.Warn("Guardian: Died, is replaced")
		default:
			return g.link, nil
		}
	}
	link, err := startGuardian(g.config)
	if err == nil {
		g.link = link
	}
	return link, err
}

// link is the way to one guardian process.
type link struct {
	wire *wire
	cmd  *exec.Cmd
	dead chan struct{} // closed when the guardian has ended
	gone sync.WaitGroup

	mu    sync.Mutex
	procs map[uint64]*Process
}

// startGuardian starts this very program as a guardian. It gets nothing of our
// environment, which tasks could read from it.
func startGuardian(config Config) (*link, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, fmt.Errorf("make socket pair: %w", err)
	}
	for _, fd := range fds {
		syscall.CloseOnExec(fd)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "guardian"), os.NewFile(uintptr(fds[1]), "worker")
	defer ours.Close()
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	self, err := executable()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("find this program: %w", err), conn.Close())
	}
	cmd := &exec.Cmd{
		Path: self, Args: []string{"miniairflow-guardian"}, Dir: "/", Env: []string{guardianEnv + "=" + config.Silence.String()},
		Stderr: os.Stderr, ExtraFiles: []*os.File{theirs}, SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	sealInherited()
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start guardian: %w", err), conn.Close())
	}
	l := &link{wire: &wire{conn: conn.(*net.UnixConn)}, cmd: cmd, dead: make(chan struct{}), procs: map[uint64]*Process{}}
	l.gone.Go(func() { l.tick(config.Silence / 4) })
	l.gone.Go(l.listen)
	return l, nil
}

// tick tells the guardian that we are alive.
func (l *link) tick(every time.Duration) {
	ticker := time.NewTicker(max(every, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-l.dead:
			return
		case <-ticker.C:
			if l.wire.send(frame{Op: opTick}) != nil {
				return
			}
		}
	}
}

// listen hands the guardian's frames to their commands until it has ended, and
// then ends what it has left.
func (l *link) listen() {
	for {
		f, _, err := l.wire.receive()
		if err != nil {
			break
		}
		l.mu.Lock()
		p := l.procs[f.ID]
		if f.Op == opDone {
			delete(l.procs, f.ID)
		}
		l.mu.Unlock()
		if p == nil {
			continue
		}
		switch f.Op {
		case opStarted:
			p.answered <- f
		case opDone:
			p.finish(Exit{Code: f.Code, Signal: f.Signal, LeftBehind: f.Left})
		}
	}
	_ = l.cmd.Process.Kill() // it may have closed the socket only
	_ = l.cmd.Wait()         // how it ended does not matter
	_ = l.wire.conn.Close()
	l.mourn()
	close(l.dead)
}

// mourn ends what a guardian that died has left behind, and only then tells
// those who wait for it.
func (l *link) mourn() {
	l.mu.Lock()
	lost := l.procs
	l.procs = map[uint64]*Process{}
	l.mu.Unlock()
	if len(lost) == 0 {
		return
	}
	marks := make(map[string]bool, len(lost))
	for _, p := range lost {
		marks[p.mark] = true
	}
	killMarked(marks)
	for _, p := range lost {
		p.finish(Exit{Code: -1, Lost: true})
	}
}

func (l *link) add(p *Process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.procs[p.id] = p
}

func (l *link) remove(p *Process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.procs, p.id)
}

// await waits for the end of the guardian, and kills it when that takes too long.
func (l *link) await() {
	timer := time.NewTimer(closePatience)
	defer timer.Stop()
	select {
	case <-l.dead:
	case <-timer.C:
		_ = l.cmd.Process.Kill()
	}
	l.gone.Wait()
}

// newMark returns an environment entry that no other command has.
func newMark() string {
	var random [12]byte
	_, _ = rand.Read(random[:]) // never fails
	return markName + hex.EncodeToString(random[:])
}

// hasMark reports whether an environment, as the system shows it, has the entry.
func hasMark(environ, mark string) bool {
	return strings.Contains("\x00"+environ, "\x00"+mark+"\x00")
}

// discard is an io.Writer that drops everything.
type discard struct{}

// Write implements io.Writer.
func (discard) Write(p []byte) (int, error) { return len(p), nil }
