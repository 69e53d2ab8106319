//go:build linux || darwin

package process

import (
	"errors"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// treePoll is how often a command that is ending is looked at.
const treePoll = 20 * time.Millisecond

// garbagePercent lets the few hundred kilobytes that a guardian holds grow to some
// ten megabytes before they are cleared, which stops all of its threads.
const garbagePercent = 400

// ServeIfAsked makes this process a guardian, and does not return, if a Guardian
// has started it as one. It must be called before anything else is done.
func ServeIfAsked() {
	silence, err := time.ParseDuration(os.Getenv(guardianEnv))
	if err != nil {
		return
	}
	_ = os.Unsetenv(guardianEnv)
	file := os.NewFile(guardianFD, "worker")
	conn, err := net.FileConn(file)
	if err != nil {
		os.Exit(1)
	}
	_ = file.Close()
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		os.Exit(1)
	}
	sealInherited()
	// Taken and dropped, not ignored: a child would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	null, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		os.Exit(1)
	}
	s := &server{
		wire: &wire{conn: unix, patience: silence}, silence: silence, null: null,
		turns: make(chan struct{}, spawners()), jobs: map[uint64]*job{}, starting: map[uint64]int{},
	}
	s.serve()
	os.Exit(0)
}

// server is the guardian's side.
type server struct {
	wire    *wire
	silence time.Duration
	null    int           // the stdin of a command that gets none
	turns   chan struct{} // has one element for each child that is being made
	isOver  atomic.Bool   // the worker is silent or gone: what ends from now on ends because of that

	mu        sync.Mutex      // never held while anything is waited for
	jobs      map[uint64]*job // that were asked for and are not done
	starting  map[uint64]int  // of jobs whose child is being made, and not noted yet, the thread that does
	isReaping bool            // reapAdopted runs
}

// phase is how far the start of a command has come.
type phase int

const (
	startWaiting phase = iota // for its turn
	startBegun                // its child is being made or was
	startRefused              // it was stopped before
)

// job is one command.
type job struct {
	frame
	files   []int         // its output and, with OwnInput and OwnStdout, its stdin and its stdout
	phase   phase         // under the server's mu
	pid     int           // 0: not started; likewise
	drained chan struct{} // closed when nobody holds the output
	once    sync.Once

	stop   chan struct{} // has one element after a call of stopIn
	mu     sync.Mutex
	killAt time.Time // zero: nobody has asked for the end
	leader *watch    // nil: not started
}

// stopIn asks for the end of the command, by force when grace is over. Of
// several calls the earliest end counts, in whatever order they come.
func (j *job) stopIn(grace time.Duration) {
	at := time.Now().Add(grace)
	j.mu.Lock()
	if j.killAt.IsZero() || at.Before(j.killAt) {
		j.killAt = at
	}
	if j.leader != nil {
		j.leader.interrupt()
	}
	j.mu.Unlock()
	select {
	case j.stop <- struct{}{}:
	default: // it has one to see
	}
}

// attended notes who tells of the leader's end. It reports whether nobody has
// asked for that before.
func (j *job) attended(leader *watch) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.leader = leader
	return j.killAt.IsZero()
}

// patience returns how long the command may still take to end.
func (j *job) patience() time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return time.Until(j.killAt)
}

// serve does what the worker asks until it is silent or gone, and then ends
// everything that was ever started.
func (s *server) serve() {
	// A child that is being made keeps a processor from everybody else.
	runtime.GOMAXPROCS(spawners() + 1)
	debug.SetGCPercent(garbagePercent)
	adopt()
	for s.wire.conn.SetReadDeadline(time.Now().Add(s.silence)) == nil {
		f, files, err := s.wire.receive()
		if err != nil {
			break
		}
		s.handle(f, files)
	}
	s.mu.Lock() // whoever begins before this is seen as starting, and nobody begins after
	s.isOver.Store(true)
	s.mu.Unlock()
	s.killEverything()
}

func (s *server) handle(f frame, files []int) {
	if f.Op == opStart {
		j := &job{frame: f, files: files, drained: make(chan struct{}), stop: make(chan struct{}, 1)}
		s.mu.Lock()
		s.jobs[f.ID] = j
		if !s.isReaping {
			s.isReaping = true
			go s.reapAdopted()
		}
		s.mu.Unlock()
		go s.run(j)
		return
	}
	s.mu.Lock() // also for a tick, so that a guardian that is stuck here answers none
	j := s.jobs[f.ID]
	s.mu.Unlock()
	switch {
	case f.Op == opTick:
		_ = s.wire.send(frame{Op: opTick})
	case j == nil:
	case f.Op == opDrained:
		j.once.Do(func() { close(j.drained) })
	case f.Op == opStop && !s.refuse(j):
		j.stopIn(f.Grace)
	}
}

func (s *server) forget(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.jobs, j.ID)
}

// attend waits for the end of a command's leader, or ends it, and then sees to
// it that nothing of the command is left.
func (s *server) attend(j *job, leader *watch) {
	defer leader.close()
	done := frame{Op: opDone, ID: j.ID}
	if j.attended(leader) && leader.await() {
		if len(s.remaining(j)) > 0 {
			done.Left = s.linger(j)
			s.kill(j)
		}
	} else {
		s.end(j)
		if slices.Contains(s.kill(j), j.pid) { // it waits in the kernel, and nobody is to wait with it
			done.Signal, done.Left = syscall.SIGKILL, true
			_ = s.wire.send(done)
			leader.awaitEnd()
			reap(j.pid)
			s.forget(j)
			return
		}
		leader.awaitEnd()
	}
	if status := reap(j.pid); status.Signaled() {
		done.Signal = status.Signal()
	} else {
		done.Code = status.ExitStatus()
	}
	s.forget(j)
	if !s.isOver.Load() { // a worker that stood still would take our kill for the command's own end
		_ = s.wire.send(done)
	}
}

// reap takes the exit of a dead leader. Until then its number cannot be given to
// anybody else.
func reap(pid int) (status syscall.WaitStatus) {
	for {
		if _, err := syscall.Wait4(pid, &status, 0, nil); !errors.Is(err, syscall.EINTR) {
			return status
		}
	}
}

// linger gives what outlives the leader some time: until nobody holds the
// output, which it asks the worker about, or nothing is left. It reports whether
// the output was still held.
func (s *server) linger(j *job) (left bool) {
	_ = s.wire.send(frame{Op: opLinger, ID: j.ID})
	timer, poll := time.NewTimer(j.Linger), time.NewTicker(treePoll)
	defer timer.Stop()
	defer poll.Stop()
	for {
		select {
		case <-j.drained:
			return false
		case <-j.stop:
			s.end(j)
			return false
		case <-timer.C:
			return true
		case <-poll.C:
			if len(s.remaining(j)) == 0 {
				return false
			}
		}
	}
}

// end asks every process of the command to end, and waits for that until the
// grace is over.
func (s *server) end(j *job) {
	// The leader's group gets it as one, as from a terminal: a shell must not see
	// its child die before its own trap runs.
	members := []int{-j.pid}
	for _, pid := range s.members(j) {
		if group, err := syscall.Getpgid(pid); err == nil && group != j.pid {
			members = append(members, pid)
		}
	}
	for _, pid := range members {
		_ = syscall.Kill(pid, syscall.SIGTERM)
		_ = syscall.Kill(pid, syscall.SIGCONT) // a stopped process gets the SIGTERM only when it goes on
	}
	over := time.NewTimer(j.patience())
	defer over.Stop()
	poll := time.NewTicker(treePoll)
	defer poll.Stop()
	for len(s.members(j)) > 0 {
		select {
		case <-over.C:
			return
		case <-j.stop:
			over.Reset(j.patience())
		case <-poll.C:
		}
	}
}

// kill ends the command for good and returns what not even that ends.
func (s *server) kill(j *job) (left []int) {
	return killAll(func() []int { return s.members(j) }, syscall.Kill, killPatience)
}

// killEverything ends whatever was started, also what is being started.
func (s *server) killEverything() {
	again := time.NewTicker(killPoll)
	defer again.Stop()
	for deadline := time.Now().Add(killPatience); time.Now().Before(deadline); <-again.C {
		idle := s.isIdle() // before the look: who is noted by then is found
		left := killAll(s.everything, s.signal, time.Until(deadline))
		if idle || len(left) > 0 {
			return
		}
	}
}

// signal is syscall.Kill, but who would be stopped while it is being made is killed
// at once. As long as a child has not become its command, the thread that makes it
// waits for it in the kernel, and the runtime for that thread, as soon as it wants to
// clear memory: stopped, the child would hold up the whole guardian for ever.
func (s *server) signal(pid int, sig syscall.Signal) error {
	if sig == syscall.SIGSTOP && s.isBeingMade(pid) {
		sig = syscall.SIGKILL
	}
	return syscall.Kill(pid, sig)
}

// isIdle reports whether no child is being made.
func (s *server) isIdle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.starting) == 0
}
