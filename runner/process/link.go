//go:build linux || darwin

package process

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// link is the way to one guardian process.
type link struct {
	wire   *wire
	cmd    *exec.Cmd
	logger *slog.Logger
	dead   chan struct{} // closed when the guardian has ended
	gone   sync.WaitGroup

	ticks      chan struct{} // has one element when the guardian is to be told that we are alive
	unanswered atomic.Int32  // ticks since its last answer
	ending     sync.Once     // taken by whoever kills it
	heirs      *search       // what it leaves behind; belongs to listen when ending is taken

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
	l := &link{
		wire: &wire{conn: conn.(*net.UnixConn)}, cmd: cmd, logger: config.Logger,
		dead: make(chan struct{}), procs: map[uint64]*Process{}, ticks: make(chan struct{}, 1), heirs: newSearch(),
	}
	l.gone.Go(func() { l.watch(config.Silence / ticksPerSilence) })
	l.gone.Go(l.tick)
	l.gone.Go(l.listen)
	return l, nil
}

// watch has the guardian told that we are alive, and kills it when it does not
// answer for Silence: what stands still cannot end anything. It counts ticks
// and not time, so that a worker that stood still itself does not blame its guardian.
func (l *link) watch(every time.Duration) {
	ticker := time.NewTicker(max(every, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-l.dead:
			return
		case <-ticker.C:
		}
		if l.unanswered.Add(1) > ticksPerSilence {
			l.end("it does not answer")
			return
		}
		select {
		case l.ticks <- struct{}{}:
		default: // the last one is still to be sent
		}
	}
}

// tick tells the guardian that we are alive. It may block as long as the
// guardian does, and therefore watches over nothing itself.
func (l *link) tick() {
	for {
		select {
		case <-l.dead:
			return
		case <-l.ticks:
			if l.wire.send(frame{Op: opTick}) != nil {
				return
			}
		}
	}
}

// end kills a guardian that does not do its work; listen then ends what it has
// left. As long as it is there, everything that it answers for is below it.
func (l *link) end(reason string) {
	l.ending.Do(func() {
		l.logger.Error("the guardian of the processes is killed, its tasks are lost", "reason", reason)
		_ = l.cmd.Process.Signal(syscall.SIGSTOP) // it starts nothing more
		l.heirs.adopt(l.cmd.Process.Pid)
		_ = l.cmd.Process.Kill()
		// A child that is not yet the command may hold the other end of the socket.
		_ = l.wire.conn.SetDeadline(time.Now())
	})
}

// listen hands the guardian's frames to their commands until it has ended, and
// then ends what it has left.
func (l *link) listen() {
	for {
		f, _, err := l.wire.receive()
		if err != nil {
			break
		}
		if f.Op == opTick {
			l.unanswered.Store(0)
			continue
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
			p.pid, p.born.to = f.PID, clock()
			p.answered <- f
		case opLinger:
			l.gone.Go(p.tellDrained)
		case opDone:
			p.finish(Exit{Code: f.Code, Signal: f.Signal, LeftBehind: f.Left})
		}
	}
	l.ending.Do(func() { _ = l.cmd.Process.Kill() }) // it may have closed the socket only
	_ = l.cmd.Wait()                                 // how it ended does not matter
	_ = l.wire.conn.Close()
	lost := l.mourn()
	close(l.dead) // before anybody learns of a loss: who does may start the next command at once
	for _, p := range lost {
		p.finish(Exit{Code: -1, Lost: true})
	}
}

// lostCommand is what the worker knows of a command whose guardian is gone.
type lostCommand struct {
	mark string
	pid  int  // of its leader; 0: not known
	born span // when that began
}

// span is between when and when something was, on the clock of birth.
type span struct{ from, to uint64 }

func (s span) has(at uint64) bool { return s.from <= at && at <= s.to }

// mourn ends what a guardian that died has left behind, and returns the commands
// that were lost with it: only then those who wait for them may know.
func (l *link) mourn() map[uint64]*Process {
	l.mu.Lock()
	lost := l.procs
	l.procs = map[uint64]*Process{}
	l.mu.Unlock()
	if len(lost) == 0 {
		return nil
	}
	for _, p := range lost {
		l.heirs.commands = append(l.heirs.commands, lostCommand{mark: p.mark, pid: p.pid, born: p.born})
	}
	if left := killAll(l.heirs.find, syscall.Kill, killPatience); len(left) > 0 {
		l.logger.Error("processes of a dead guardian cannot be ended", "pids", left)
	}
	return lost
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
		l.end("it does not close")
	}
	l.gone.Wait()
}
