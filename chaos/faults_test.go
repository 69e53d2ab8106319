package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// fault is one kind of harm. do injects it, waits, heals it, and reports whether
// it has landed.
type fault struct {
	name string
	do   func(in *injector) bool
}

// The faults, by who suffers them. Those of one lane come one after the other.
var lanes = [][]fault{
	{ // workers; twice, so that two may be down at a time
		{"kill worker", (*injector).killWorker},
		{"kill guardian", (*injector).killGuardian},
		{"freeze worker", (*injector).freezeWorker},
		{"freeze guardian", (*injector).freezeGuardian},
	},
	{
		{"kill server", (*injector).killServer},
		{"freeze server", (*injector).freezeServer},
	},
	{ // operators
		{"stop worker", (*injector).stopWorker},
	},
	{
		{"cut line", func(in *injector) bool { return in.damage(persistencetest.LineCut) }},
		{"stall line", func(in *injector) bool { return in.damage(persistencetest.LineStalled) }},
		{"half-open line", func(in *injector) bool { return in.damage(persistencetest.LineHalfOpen) }},
		{"slow line", func(in *injector) bool { return in.damage(persistencetest.LineSlow) }},
	},
	{
		{"restart database", (*injector).restartDatabase},
		{"database outage", (*injector).outage},
		{"read-only database", (*injector).readOnly},
	},
}

// faultNames returns the names of all faults, in order.
func faultNames() (names []string) {
	for _, lane := range lanes {
		for _, f := range lane {
			names = append(names, f.name)
		}
	}
	return names
}

// injector harms a cluster in one lane.
type injector struct {
	c      *cluster
	r      *rand.Rand
	landed map[string]int
	kills  []kill   // of workers, with what became of their tasks
	wrong  []string // what must not happen under a fault
}

// kill is a SIGKILL of a worker process.
type kill struct {
	pid int
	at  time.Time
}

// play injects each fault of the lane so often as quota says, in random order.
func (in *injector) play(ctx context.Context, lane []fault, quota int) {
	var due []fault
	for _, f := range lane {
		due = append(due, slices.Repeat([]fault{f}, quota)...)
	}
	in.r.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	for _, f := range due {
		for tries := 0; ; tries++ {
			if ctx.Err() != nil || tries == 20 {
				return // the campaign counts what has landed, and goes on
			}
			if f.do(in) {
				in.landed[f.name]++
				break
			}
			pause(in.c.timers.lease / 4)
		}
		pause(in.part(0, 0.5))
	}
}

// pause waits.
func pause(d time.Duration) { <-time.After(d) }

// part returns a random duration between a and b leases.
func (in *injector) part(a, b float64) time.Duration {
	return time.Duration((a + (b-a)*in.r.Float64()) * float64(in.c.timers.lease))
}

// take finds a node that nobody harms now, for the caller alone.
func (in *injector) take(from []*node) (n *node, release func()) {
	in.c.quiet.RLock()
	for _, i := range in.r.Perm(len(from)) {
		if from[i].lane.TryLock() {
			return from[i], func() {
				from[i].lane.Unlock()
				in.c.quiet.RUnlock()
			}
		}
	}
	in.c.quiet.RUnlock()
	return nil, nil
}

// killWorker kills a worker that has tasks, and starts it again.
func (in *injector) killWorker() bool {
	w, release := in.take(in.c.workers)
	if w == nil {
		return false
	}
	defer release()
	pid := w.pid()
	if in.c.count(openOf, pid) <= 0 {
		return false
	}
	at := time.Now()
	w.kill()
	in.kills = append(in.kills, kill{pid: pid, at: at})
	pause(in.part(0, 1))
	w.start()
	return true
}

const openOf = `SELECT count(*) FROM task_open o JOIN workers w ON w.id = o.session_id WHERE w.pid = $1`

// killGuardian kills the process that keeps a worker's tasks.
func (in *injector) killGuardian() bool {
	w, release := in.take(in.c.workers)
	if w == nil {
		return false
	}
	defer release()
	guardians := children(w.pid())
	for _, pid := range guardians {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return len(guardians) > 0
}

// stopWorker stops a worker as an operator does who installs a new version, and
// starts it again: amid other faults, or without any. In the latter case all that
// it held must be over or given back when it has ended.
func (in *injector) stopWorker() bool {
	if in.r.IntN(2) == 0 {
		w, release := in.take(in.c.workers)
		if w == nil {
			return false
		}
		defer release()
		return in.restart(w, false)
	}
	in.c.quiet.Lock()
	defer in.c.quiet.Unlock()
	in.heal()
	return in.restart(in.c.workers[in.r.IntN(len(in.c.workers))], true)
}

func (in *injector) restart(w *node, alone bool) bool {
	pid := w.pid()
	if in.c.count(openOf, pid) <= 0 {
		return false
	}
	if !w.stop(in.c.timers.drain + in.c.timers.grace + stopPatience) {
		in.wrong = append(in.wrong, fmt.Sprintf("%s does not end after SIGTERM", w.name))
	}
	if left := in.c.count(openOf, pid); alone && left != 0 {
		in.wrong = append(in.wrong, fmt.Sprintf("%s has ended after SIGTERM, and %d of its attempts are open", w.name, left))
	}
	if code := w.exitCode(); alone && code != 0 {
		in.wrong = append(in.wrong, fmt.Sprintf("%s has ended after SIGTERM with exit code %d", w.name, code))
	}
	pause(in.part(0, 0.5))
	w.start()
	return true
}

// freezeGuardian stops the process that keeps a worker's tasks, which go on, for
// up to two and a half leases. Its worker may end it meanwhile, and have another.
func (in *injector) freezeGuardian() bool {
	w, release := in.take(in.c.workers)
	if w == nil {
		return false
	}
	defer release()
	guardians := children(w.pid())
	for _, pid := range guardians {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
	}
	pause(in.part(0.3, 2.5))
	for _, pid := range guardians {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
	return len(guardians) > 0
}

func (in *injector) freezeWorker() bool { return in.freeze(in.c.workers) }
func (in *injector) freezeServer() bool { return in.freeze(in.c.servers) }

// freeze stops a process for up to two and a half leases, and lets it go on.
func (in *injector) freeze(from []*node) bool {
	n, release := in.take(from)
	if n == nil {
		return false
	}
	defer release()
	n.signal(syscall.SIGSTOP)
	pause(in.part(0.3, 2.5))
	n.signal(syscall.SIGCONT)
	return true
}

func (in *injector) killServer() bool {
	s, release := in.take(in.c.servers)
	if s == nil {
		return false
	}
	defer release()
	s.kill()
	pause(in.part(0, 1))
	s.start()
	return true
}

// damage harms one of the lines for up to two and a half leases. Only traffic that was
// harmed counts.
func (in *injector) damage(line persistencetest.Line) bool {
	in.c.quiet.RLock()
	defer in.c.quiet.RUnlock()
	p := in.c.lines[in.r.IntN(len(in.c.lines))]
	before := p.Harmed()
	p.Set(line)
	pause(in.part(0.3, 2.5))
	p.Set(persistencetest.LineGood)
	return p.Harmed() > before || line == persistencetest.LineSlow
}

// restartDatabase ends the server at once and starts it again.
func (in *injector) restartDatabase() bool { return in.withoutDatabase(0) }

// outage leaves the server away for two leases.
func (in *injector) outage() bool { return in.withoutDatabase(2) }

// withoutDatabase stops the database server for so many leases. It costs no
// running task of a worker that reaches the server directly: those know that
// nobody else can have taken it.
func (in *injector) withoutDatabase(leases float64) bool {
	in.c.quiet.Lock() // no other fault may cost a task now
	defer in.c.quiet.Unlock()
	in.heal()
	held, err := in.c.openAttempts(in.c.direct)
	if err != nil || len(held) == 0 {
		return false
	}
	slowest := in.probe()
	in.c.postgres.Stop()
	pause(in.part(leases, leases))
	in.c.postgres.Start()
	// Those who were taken for dead are reaped by the end of this. On a machine that is
	// too busy to answer a connection, be it with a refusal, within half a fence nobody
	// can keep the promise.
	pause(in.part(1.5, 1.5))
	if slowest() > in.c.timers.lease/3 {
		return false
	}
	lost, err := in.c.lostOf(held)
	if err != nil {
		in.wrong = append(in.wrong, fmt.Sprintf("after a stop of the database for %v leases: %v", leases, err))
	}
	for _, a := range lost {
		in.wrong = append(in.wrong, fmt.Sprintf("a stop of the database for %v leases has cost %s", leases, a))
	}
	return true
}

// probe connects to the database again and again until the returned function is
// called, which says how long one try took at most, whether it succeeded or not.
func (in *injector) probe() (slowest func() time.Duration) {
	ended, result := make(chan struct{}), make(chan time.Duration)
	go func() {
		var most time.Duration
		for {
			began := time.Now()
			_ = in.c.connect() // the database may be away; how long that takes to be seen is what counts
			most = max(most, time.Since(began))
			select {
			case <-ended:
				result <- most
				return
			case <-time.After(in.c.timers.lease / 20):
			}
		}
	}()
	return func() time.Duration {
		close(ended)
		return <-result
	}
}

// heal waits until earlier faults can cost nothing more: what they have cost is
// given back, and no transaction is left of a line that was harmed, which would hold
// its locks until the server ends it. The caller keeps all other faults away.
func (in *injector) heal() {
	pause(in.part(2, 2))
	const old = `SELECT count(*) FROM pg_stat_activity WHERE xact_start < now() - interval '1 second' AND pid <> pg_backend_pid() AND backend_type = 'client backend'`
	for deadline := time.Now().Add(patience); in.c.count(old) != 0 && time.Now().Before(deadline); {
		pause(in.c.timers.lease / 10)
	}
}

// readOnly makes the database refuse every write, as the old primary does after
// a failover.
func (in *injector) readOnly() bool {
	in.c.quiet.RLock()
	defer in.c.quiet.RUnlock()
	if !in.c.setReadOnly(true) {
		return false
	}
	pause(in.part(0.3, 2))
	for !in.c.setReadOnly(false) {
		pause(in.c.timers.lease / 10)
	}
	return true
}
