//go:build linux || darwin

package process

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
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
	// ticksPerSilence is how many signs of life a worker and its guardian exchange
	// within the time in which each of them expects one.
	ticksPerSilence = 4
	// stopPatience is how much longer than the grace and killPatience a guardian
	// may take to end a command before it is taken for broken.
	stopPatience = 10 * time.Second
	// graceMax keeps sums of durations in their range.
	graceMax = 365 * 24 * time.Hour
	// closePatience is how long a guardian may take to end everything when its worker does.
	closePatience = 15 * time.Second
)

var errGuardianGone = errors.New("the guardian of the processes died")

// Config says how a Guardian works. The zero value is ready.
type Config struct {
	Silence time.Duration // everything is ended when worker or guardian was silent for so long; 0: 10 s
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
