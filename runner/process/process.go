//go:build linux || darwin

package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// lingerDefault is how long output of a background process is waited for after
// the leader has exited.
const lingerDefault = 2 * time.Second

// Spec describes a command.
type Spec struct {
	Argv   []string      // the program, looked up in the PATH of Env unless it has a slash, and its arguments
	Env    []string      // "NAME=value"; the whole environment, but for the mark that its guardian adds
	Dir    string        // working directory, absolute
	Stdin  string        // of any size; the child sees its end, or end of file at once
	Hold   bool          // stdin stays open after Stdin, which is not empty, until the command has ended
	Output io.Writer     // takes stdout and stderr; nil drops them. Its Write must return in bounded time; after an error of it the rest is dropped
	Stdout io.Writer     // takes stdout alone, like Output; nil: Output gets it, in order with stderr
	Linger time.Duration // how long processes that hold the output may outlive the leader; 0: 2 s

	NotAfter time.Time // the command is not started later, whatever stood still until then; zero: no limit
}

// Exit is how a command ended.
type Exit struct {
	Code       int            // if Signal is 0
	Signal     syscall.Signal // that ended the leader; 0: it exited by itself
	LeftBehind bool           // other processes still held the output when Linger was over
	Lost       bool           // the guardian died, and the command with it: nothing else is known
}

// Process is a running command. Its methods may be called from any goroutine.
type Process struct {
	link   *link
	id     uint64
	mark   string
	output io.Writer
	stdout io.Writer // used if it has a pipe of its own
	hold   bool
	stream *streams
	pid    int  // noted by listen before it hands on the answer
	born   span // when that process began

	open     atomic.Int32  // of the end and the output, how many are still to come
	answered chan frame    // the answer to the start
	ended    chan struct{} // closed when exit is known
	done     chan struct{} // closed when the output is written, too
	once     sync.Once
	exit     Exit
}

// PID returns the process id of the leader, which is also that of its group and session.
func (p *Process) PID() int { return p.pid }

// Done is closed when the command has ended with everything that it started,
// and its output is written.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for Done and returns how the command ended.
func (p *Process) Wait() Exit {
	<-p.done
	return p.exit
}

// Stop ends the command and waits for Done: SIGTERM to all of its processes, and
// SIGKILL to what is left of them after grace. All have the grace, not just the
// leader. A later call may shorten it.
func (p *Process) Stop(grace time.Duration) {
	// A guardian that takes no more frames is dying, and everything with it.
	_ = p.link.wire.send(frame{Op: opStop, ID: p.id, Grace: grace})
	timer := time.NewTimer(min(grace, graceMax) + killPatience + stopPatience)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		p.link.end("it does not end a command")
	}
	<-p.done
}

// latest returns a point in time on the clock that worker and guardian share, 0
// for none. The clock is read first: who stands still in between makes it earlier.
func latest(notAfter time.Time) time.Duration {
	if notAfter.IsZero() {
		return 0
	}
	now := sinceBoot()
	return max(now+time.Until(notAfter), 1)
}

// start sends the command to the guardian and waits for its answer. When waiting
// is done, it asks for the end of the command.
func (p *Process) start(waiting context.Context, spec Spec, path string) error {
	request := frame{
		Op: opStart, ID: p.id, Path: path, Argv: spec.Argv, Dir: spec.Dir, Mark: p.mark, Linger: spec.Linger,
		Env: append(slices.Clip(spec.Env), p.mark), Latest: latest(spec.NotAfter), OwnInput: p.stream.stdin != nil, OwnStdout: p.stream.stdout != nil,
	}
	switch err := p.link.wire.send(request, p.stream.childEnds()...); {
	case errors.Is(err, syscall.E2BIG):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", errGuardianGone, err)
	}
	select {
	case answer := <-p.answered:
		return answer.problem()
	case <-p.link.dead:
		return errGuardianGone
	case <-waiting.Done():
	}
	_ = p.link.wire.send(frame{Op: opStop, ID: p.id})
	select {
	case answer := <-p.answered:
		return answer.problem()
	case <-p.link.dead:
		return errGuardianGone
	}
}

// problem returns why the command of an opStarted was not started.
func (f frame) problem() error {
	switch {
	case f.Late:
		return errTooLate
	case f.Errno != 0:
		return f.Errno
	case f.Error != "":
		return errors.New(f.Error)
	default:
		return nil
	}
}

// attend feeds and drains the command until nobody holds its output, or it has
// ended.
func (p *Process) attend(stdin string) {
	p.stream.feed(stdin, p.hold)
	p.stream.drain(p.output, p.stdout)
	p.settle()
}

// settle closes done after the second of its two calls: whoever comes last does it,
// so that nobody has to be woken for it.
func (p *Process) settle() {
	if p.open.Add(-1) > 0 {
		return
	}
	p.stream.close()
	if p.stream.fed == nil {
		close(p.done)
		return
	}
	go func() {
		<-p.stream.fed
		close(p.done)
	}()
}

// tellDrained tells the guardian, which has asked for it, when nobody holds the
// output any more.
func (p *Process) tellDrained() {
	select {
	case <-p.stream.drained:
		_ = p.link.wire.send(frame{Op: opDrained, ID: p.id}) // one that takes no frames is dying
	case <-p.ended:
	}
}

// finish notes how the command ended; only the first call counts.
func (p *Process) finish(exit Exit) {
	p.once.Do(func() {
		p.exit = exit
		close(p.ended)
		p.stream.expire()
		p.settle()
	})
}
