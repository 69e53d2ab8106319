package logs

import (
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// courtesyTime is how long after other work has moved on output steps back.
	courtesyTime = 10 * time.Millisecond
	// courtesyShare is how many times as long as a chunk takes a Writer then pauses
	// that is the only one to print much. Several share that, down to courtesyLeast
	// times for each: where many print, they wait for each other anyway.
	courtesyShare = 18
	courtesyLeast = 3
	// courtesyMax bounds a pause.
	courtesyMax = 3 * time.Millisecond
)

// Courtesy keeps the output of tasks that print without end from slowing down
// everything else: it is the only work here that can fill a processor by itself,
// and short tasks, which need one for a moment, would wait for it at each step.
// Where other work has just moved on, and Writers take half of the processors or
// more, each pauses after every chunk, the fewer they are the longer; its task then
// waits in turn. Where nothing else happens, or there are processors enough, nobody
// waits.
type Courtesy struct {
	began   time.Time
	moved   atomic.Int64 // when other work last has, as a time since began; 0: never
	packing atomic.Int32 // Writers that compress now
	floods  atomic.Int32 // Writers that print much: they have had a chunk compressed, and are not closed
}

// NewCourtesy returns a Courtesy for the Writers of a process.
func NewCourtesy() *Courtesy { return &Courtesy{began: time.Now()} }

// Moved notes that other work has moved on: an attempt has begun or ended.
func (c *Courtesy) Moved() { c.moved.Store(int64(time.Since(c.began))) }

// guest is a Writer to a Courtesy.
type guest struct {
	of       *Courtesy     // nil: nobody is to be waited for
	since    int64         // what moved was when the Writer came: that was its own attempt
	quickest time.Duration // that a chunk took: more than that was spent waiting for a processor
	owed     time.Duration // for how long the Writer is to pause
	floods   bool          // it is counted among the floods
}

func newGuest(of *Courtesy) guest {
	if of == nil {
		return guest{}
	}
	return guest{of: of, since: of.moved.Load()}
}

// pack compresses a chunk.
func (g *guest) pack(compress func()) {
	if g.of == nil {
		compress()
		return
	}
	g.enter()
	packing := int(g.of.packing.Add(1))
	defer g.of.packing.Add(-1)
	began := time.Now()
	compress()
	now := time.Now()
	if busy := now.Sub(began); g.quickest == 0 || busy < g.quickest {
		g.quickest = busy
	}
	if g.areOthersMoving(now) {
		g.owed += pause(g.quickest, packing, int(g.of.floods.Load()), runtime.GOMAXPROCS(0))
	}
}

// areOthersMoving reports whether other work has just moved on.
func (g *guest) areOthersMoving(now time.Time) bool {
	moved := g.of.moved.Load()
	return moved != g.since && now.Sub(g.of.began)-time.Duration(moved) <= courtesyTime
}

// mayHelp reports whether a second processor may be taken for what the Writer
// compresses: one is free beside those where Writers compress, and nothing else moves on.
func (g *guest) mayHelp() bool {
	if g.of == nil {
		return true
	}
	return isFree(int(g.of.packing.Load()), runtime.GOMAXPROCS(0)) && !g.areOthersMoving(time.Now())
}

// isFree reports whether a processor is free for an aide: beside those on which Writers
// compress now, and that of the Writer that asks.
func isFree(packing, processors int) bool { return packing+1 < processors }

// helped counts an aide that begins to compress, and returns what to call at its end.
func (g *guest) helped() (done func()) {
	if g.of == nil {
		return func() {}
	}
	g.enter()
	g.of.packing.Add(1)
	return func() { g.of.packing.Add(-1) }
}

// enter counts the Writer among those that print much.
func (g *guest) enter() {
	if !g.floods {
		g.floods = true
		g.of.floods.Add(1)
	}
}

// leave tells that the Writer compresses no more.
func (g *guest) leave() {
	if g.floods {
		g.floods = false
		g.of.floods.Add(-1)
	}
}

// take returns what is owed.
func (g *guest) take() time.Duration {
	owed := g.owed
	g.owed = 0
	return owed
}

// pause returns how long a Writer pauses that was busy, one of so many that compress
// now and so many that print much, where other work moves on.
func pause(busy time.Duration, packing, floods, processors int) time.Duration {
	if 2*packing < processors {
		return 0
	}
	share := max(courtesyShare/max(floods, 1), courtesyLeast)
	return min(time.Duration(share)*busy, courtesyMax)
}
