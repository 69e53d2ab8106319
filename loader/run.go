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
			w.doubt = false
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
}

// nextRenewal returns when to renew the lease next, which leaves time for another
// try if that fails. A pass may have taken a while since the last one.
func (l *Loader) nextRenewal(now time.Time) time.Time {
	left := l.config.Lease*2/5 - now.Sub(l.renewed)
	return now.Add(l.config.Wait(max(left, l.config.Lease/10)))
}

// namedMax is how many files are looked at one by one; of more the whole folder is.
const namedMax = 1_000

// plan says when Run does what next.
type plan struct {
	loader *Loader
	whole  time.Time       // the next pass over the whole folder
	rescan bool            // that is one which nothing has asked for
	some   time.Time       // the next pass over named; zero: nothing has changed
	named  map[string]bool // what events have named
	isAll  bool            // and more, so that the whole folder is to be looked at
	latest time.Time       // a pass over named is not put off beyond this by further events
	lease  time.Time       // the next renewal
	retry  time.Duration
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
		p.whole, p.rescan = time.Now(), false
	}
}

// pass makes a pass, over what is named if that is not nil, and plans the next one.
func (p *plan) pass(ctx context.Context, w *watch, named map[string]bool) {
	l := p.loader
	isRescan := p.rescan && named == nil && p.some.IsZero()
	if isRescan {
		w.confirm(ctx)
	}
	report, err := l.pass(ctx, l.config.Debounce, named)
	if ctx.Err() != nil {
		return
	}
	w.doubt = w.doubt || isRescan && report.hasChanges()
	isWhole := report.isWhole || report.Standby
	added := isWhole && w.follow(ctx, report.folders)
	now := time.Now()
	p.forget()
	p.lease = l.nextRenewal(now)
	if isWhole {
		p.whole = now.Add(rescanAfter(report.took, l.config.Rescan, w.tellsAll() && !report.isUnsure))
		p.rescan = !report.Standby
	}
	if err != nil {
		if p.retry == retryMin {
			l.config.Logger.WarnContext(ctx, "Loader: Sync failed, trying again", "dir", l.config.Dir, "error", err)
		}
		p.whole, p.rescan = now.Add(p.retry), false
		p.retry = min(2*p.retry, retryMax)
		return
	}
	p.retry = retryMin
	if report.again || added {
		// A folder may have got files between the look at it and its watch.
		p.whole, p.rescan = now.Add(min(l.config.Debounce, l.config.Rescan)), false
	}
	for _, name := range report.young {
		p.changed(now, name)
	}
}

// Listing the files of a folder that is watched takes a rescanShare-th of the time
// at most, as far as that need not be more than rescanMax times as rare for that.
const (
	rescanShare = 2_000
	rescanMax   = 4
)

// rescanAfter returns how long to wait after a look at all files whose list took so
// long. Where watches tell of all changes they seldom miss any, and with many files
// the looks are the most of what an idle server does.
func rescanAfter(took, rescan time.Duration, toldAll bool) time.Duration {
	if !toldAll {
		return rescan
	}
	return min(max(rescan, rescanShare*took), rescanMax*rescan)
}

// watch follows changes of folders, as far as the operating system tells them.
type watch struct {
	loader  *Loader
	watcher *fsnotify.Watcher // nil: not available
	events  <-chan fsnotify.Event
	errors  <-chan error
	limited bool // some folders cannot be watched
	doubt   bool // the last look at all files has found a change, and nothing has told of any since
	misses  bool // it has missed a change
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

// tellsAll reports whether it has told of all changes so far, and can.
func (w *watch) tellsAll() bool { return w.watcher != nil && !w.limited && !w.doubt && !w.misses }

// confirm notes that the change of the last look at all files was one of which
// nothing tells, as on file systems that other machines write to: an event that was
// only late would have come by now.
func (w *watch) confirm(ctx context.Context) {
	if w.doubt && w.watcher != nil && !w.misses {
		w.misses = true
		w.loader.config.Logger.InfoContext(ctx, "Loader: Nothing told of a change, all files are looked at more often",
			"dir", w.loader.config.Dir, "every", w.loader.config.Rescan)
	}
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
