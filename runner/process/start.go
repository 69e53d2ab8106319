//go:build linux || darwin

package process

import (
	"context"
	"errors"
	"time"
)

const (
	// startPatience is how long a start may still take when its context is done,
	// and again when it was told to stop. Nearly all are through by then, and end
	// like any other command.
	startPatience = time.Second
	// hangingMax bounds the starts that hang though nobody waits for them.
	hangingMax = 100
)

// Start starts a command. The error is a *StartError, or the cause of ctx if
// that is done before the command runs, be it that a disk does not answer; then
// the command does not run later either, or is ended as soon as it does. Once
// started, it does not depend on ctx. A Process needs no call to release it; if
// the guardian dies under way, its Exit is Lost.
func (g *Guardian) Start(ctx context.Context, spec Spec) (*Process, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if n := g.hanging.Load(); n >= hangingMax {
		return nil, startError(ResourcesExhausted, nil, "%d commands before it still wait for a disk that does not answer", n)
	}
	s := &startup{results: make(chan started), left: make(chan struct{})}
	waiting, abandon := context.WithCancel(context.WithoutCancel(ctx))
	go g.run(waiting, spec, s)
	defer abandon()
	select {
	case r := <-s.results:
		return r.take(spec.Stdin)
	case <-ctx.Done():
	}
	patience := time.NewTimer(startPatience)
	defer patience.Stop()
	for range 2 {
		select {
		case r := <-s.results:
			p, err := r.take(spec.Stdin)
			if waiting.Err() != nil && err != nil {
				err = context.Cause(ctx)
			}
			return p, err
		case <-patience.C:
			abandon()
			patience.Reset(startPatience)
		}
	}
	g.hanging.Add(1)
	close(s.left)
	return nil, context.Cause(ctx)
}

// started is the outcome of a start.
type started struct {
	p   *Process
	err error
}

// take makes the outcome the caller's.
func (s started) take(stdin string) (*Process, error) {
	if s.p != nil {
		go s.p.attend(stdin)
	}
	return s.p, s.err
}

// startup is a start that somebody waits for until left is closed.
type startup struct {
	results chan started
	left    chan struct{}
}

// run starts the command, and ends it when nobody waits for it any more.
func (g *Guardian) run(waiting context.Context, spec Spec, s *startup) {
	p, err := g.start(waiting, spec)
	select {
	case s.results <- started{p, err}:
		return
	case <-s.left:
	}
	g.hanging.Add(-1)
	if p != nil {
		p.output, p.stdout = discard{}, discard{} // the caller's may be closed
		go p.attend(spec.Stdin)
		p.Stop(0)
	}
}

// start starts a command as Start does, until waiting is done. The Process must
// be attended.
func (g *Guardian) start(waiting context.Context, spec Spec) (*Process, error) {
	path, err := spec.resolve()
	if err != nil {
		return nil, err
	}
	touch(spec.Dir, path)
	link, err := g.current()
	if err != nil {
		return nil, startError(ResourcesExhausted, err, "no guardian for the process can be started: %v", err)
	}
	if waiting.Err() != nil {
		return nil, context.Cause(waiting)
	}
	stream, err := openStreams(spec.Stdin, spec.Stdout != nil)
	if err != nil {
		return nil, startError(ResourcesExhausted, err, "no pipe can be made: %v", err)
	}
	if spec.Linger <= 0 {
		spec.Linger = lingerDefault
	}
	p := &Process{
		link: link, id: g.ids.Add(1), mark: newMark(), output: spec.Output, stdout: spec.Stdout, hold: spec.Hold, stream: stream,
		answered: make(chan frame, 1), ended: make(chan struct{}), done: make(chan struct{}),
	}
	if p.output == nil {
		p.output = discard{}
	}
	p.open.Store(2)
	p.born.from = clock()
	link.add(p)
	err = p.start(waiting, spec, path)
	stream.closeChildEnds()
	if errors.Is(err, errGuardianGone) {
		link.remove(p)
		p.finish(Exit{Code: -1, Lost: true})
		return p, nil
	}
	if err != nil {
		link.remove(p)
		stream.close()
		return nil, spec.explain(path, err)
	}
	return p, nil
}
