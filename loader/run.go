package loader

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Delays between attempts while the store or the folder does not answer.
const (
	retryMin = 100 * time.Millisecond
	retryMax = 5 * time.Second
)

// Run keeps the store in step until ctx is done, and then gives the lease back
// and returns nil. No error of the folder, the watch or the store ends it:
// passes are repeated, with growing delays, until they succeed.
func (l *Loader) Run(ctx context.Context) error {
	w := l.newWatch(ctx)
	defer w.close()
	defer l.release(ctx)
	plan := plan{loader: l, retry: retryMin, named: map[string]bool{}}
	plan.pass(ctx, w, nil)
	for {
		timer := time.NewTimer(time.Until(plan.due()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case event := <-w.events:
			if event.Op != fsnotify.Chmod {
				plan.changed(time.Now(), event.Name)
			}
		case err := <-w.errors:
			// Events were lost, so anything may have changed.
			l.config.Logger.WarnContext(ctx, "Loader: Events lost", "dir", l.config.Dir, "error", err)
			plan.lost(time.Now())
		case <-timer.C:
			plan.tick(ctx, w)
		}
		timer.Stop()
	}
}

// release lets the next loader begin at once.
func (l *Loader) release(ctx context.Context) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if !l.ourLease {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if _, err := l.config.Store.TryLease(ctx, leaseName, l.holder, time.Millisecond); err != nil {
		l.config.Logger.WarnContext(ctx, "Loader: Lease not given back", "error", err)
	}
	l.ourLease, l.known, l.poolsHash = false, nil, ""
	l.surroundings, l.aroundTold = nil, nil
}

// nextRenewal returns when to renew the lease next, which leaves time for another
// try if that fails. A pass may have taken a while since the last one.
func (l *Loader) nextRenewal(now time.Time) time.Time {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	left := l.config.Lease*2/5 - now.Sub(l.renewed)
	return now.Add(l.config.Wait(max(left, l.config.Lease/10)))
}

// namedMax is how many files are looked at one by one; of more the whole folder is.
const namedMax = 1_000

// plan says when Run does what next.
type plan struct {
	loader *Loader
	whole  time.Time       // the next pass over the whole folder
	some   time.Time       // the next pass over named; zero: nothing has changed
	named  map[string]bool // what events have named
	isAll  bool            // and more, so that the whole folder is to be looked at
	latest time.Time       // a pass over named is not put off beyond this by further events
	lease  time.Time       // the next renewal
	retry  time.Duration
	young  map[string]time.Time // files that are being written, since when; zero: that was told
}

func (p *plan) due() time.Time {
	due := p.whole
	if p.lease.Before(due) {
		due = p.lease
	}
	if !p.some.IsZero() && p.some.Before(due) {
		due = p.some
	}
	return due
}

// changed plans a pass over what has changed.
func (p *plan) changed(now time.Time, name string) {
	if len(p.named) < namedMax {
		p.named[name] = true
	} else {
		p.isAll = true
	}
	p.soon(now)
}

// lost plans a pass over the whole folder, since nobody knows what has changed.
func (p *plan) lost(now time.Time) {
	p.isAll = true
	p.soon(now)
}

// soon puts the pass a quiet time after the last change, but not off for ever.
func (p *plan) soon(now time.Time) {
	debounce := p.loader.config.Debounce
	if p.latest.IsZero() {
		p.latest = now.Add(10 * debounce)
	}
	p.some = now.Add(debounce)
	if p.some.After(p.latest) {
		p.some = p.latest
	}
}

func (p *plan) forget() {
	clear(p.named)
	p.isAll, p.some, p.latest = false, time.Time{}, time.Time{}
}

func (p *plan) tick(ctx context.Context, w *watch) {
	now := time.Now()
	switch {
	case !now.Before(p.whole), p.isAll && !now.Before(p.some):
		p.pass(ctx, w, nil)
		return
	case !p.some.IsZero() && !now.Before(p.some):
		p.pass(ctx, w, p.named)
		return
	}
	l := p.loader
	l.mutex.Lock()
	had := l.ourLease
	held, err := l.renew(ctx)
	l.mutex.Unlock()
	p.lease = l.nextRenewal(time.Now())
	if err == nil && held && !had {
		p.whole = time.Now()
	}
}

// pass makes a pass, over what is named if that is not nil, and plans the next one.
func (p *plan) pass(ctx context.Context, w *watch, named map[string]bool) {
	l := p.loader
	report, err := l.pass(ctx, l.config.Debounce, named)
	if ctx.Err() != nil {
		return
	}
	isWhole := report.isWhole || report.Standby
	added := isWhole && w.follow(ctx, report.folders)
	now := time.Now()
	p.forget()
	p.lease = l.nextRenewal(now)
	if isWhole {
		p.whole = now.Add(l.config.Wait(l.config.Rescan))
	}
	if err != nil {
		if p.retry == retryMin {
			l.config.Logger.WarnContext(ctx, "Loader: Sync failed, trying again", "dir", l.config.Dir, "error", err)
		}
		p.whole = now.Add(p.retry)
		p.retry = min(2*p.retry, retryMax)
		return
	}
	p.retry = retryMin
	if report.again || added {
		// A folder may have got files between the look at it and its watch.
		p.whole = now.Add(min(l.config.Debounce, l.config.Rescan))
	}
	p.wait(ctx, now, report.young)
}

// youngMax is how long a file, or one that it carries, may be being written before
// people are told: until it comes to rest they see what was there before.
const youngMax = 30 * time.Second

// wait plans another look at files that are being written.
func (p *plan) wait(ctx context.Context, now time.Time, young []string) {
	before := p.young
	p.young = make(map[string]time.Time, len(young))
	for _, name := range young {
		p.changed(now, name)
		since, isKnown := before[name]
		if !isKnown {
			since = now
		}
		if isKnown && !since.IsZero() && now.Sub(since) > youngMax {
			p.loader.config.Logger.WarnContext(ctx, "Loader: File, or one that it carries, is being written all the time, and waits to be read", "file", name, "for", now.Sub(since))
			since = time.Time{}
		}
		p.young[name] = since
	}
}

// watch follows changes of folders, as far as the operating system tells them.
type watch struct {
	loader  *Loader
	watcher *fsnotify.Watcher // nil: not available
	events  <-chan fsnotify.Event
	errors  <-chan error
	limited bool // some folders cannot be watched
}

// newWatch returns a watch, which never sends if watching is not possible.
func (l *Loader) newWatch(ctx context.Context) *watch {
	w := &watch{loader: l}
	if l.config.NoWatch {
		return w
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		w.limit(ctx, err)
		return w
	}
	w.watcher, w.events, w.errors = watcher, watcher.Events, watcher.Errors
	return w
}

// follow watches exactly the given folders, and reports whether some of them
// were not watched before.
func (w *watch) follow(ctx context.Context, folders []string) (added bool) {
	if w.watcher == nil {
		return false
	}
	wanted := make(map[string]bool, len(folders))
	for _, folder := range folders {
		wanted[folder] = true
	}
	for _, folder := range w.watcher.WatchList() {
		if !wanted[folder] {
			// It may be gone already, and then there is nothing to remove.
			_ = w.watcher.Remove(folder)
		}
		delete(wanted, folder)
	}
	for _, folder := range folders {
		if !wanted[folder] {
			continue
		}
		switch err := w.watcher.Add(folder); {
		case err == nil:
			added = true
		case !errors.Is(err, fs.ErrNotExist):
			w.limit(ctx, err)
		}
	}
	return added
}

// limit says once that changes show only at the next look at all files.
func (w *watch) limit(ctx context.Context, err error) {
	if !w.limited {
		w.limited = true
		w.loader.config.Logger.WarnContext(ctx, "Loader: Folder cannot be watched, changes show at the next scan",
			"dir", w.loader.config.Dir, "every", w.loader.config.Rescan, "error", err)
	}
}

func (w *watch) close() {
	if w.watcher != nil {
		_ = w.watcher.Close()
	}
}
