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
	config  Config
	ids     atomic.Uint64
	hanging atomic.Int64 // starts that nobody waits for any more

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
