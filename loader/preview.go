package loader

import (
	"context"
	"time"
)

// previewAge is how old a preview may be that is still worth something: a loader that
// had to wait longer for the store looks again.
const previewAge = 5 * time.Second

// Preview is a look at the files of a folder that need not wait for the store which
// says what it has of them. At the start of a process both take their time, and
// neither needs the other.
type Preview struct {
	ahead  *readAhead
	began  time.Time
	cancel context.CancelFunc
	done   chan struct{} // closed when found and err are known
	found  scanned
	err    error
}

// NewPreview begins to look, for the Loader that gets the same config with the
// Preview in it. The store is not needed yet. Stop must be called in any case.
func NewPreview(ctx context.Context, config Config) *Preview {
	config = config.withDefaults()
	return newPreview(ctx, config, config.Debounce)
}

func newPreview(ctx context.Context, config Config, quiet time.Duration) *Preview {
	ctx, cancel := context.WithCancel(ctx)
	p := &Preview{ahead: newReadAhead(config, quiet), began: time.Now(), cancel: cancel, done: make(chan struct{})}
	p.ahead.isVain.Store(config.Version == "") // nothing is known by its hash
	go func() {
		defer close(p.done)
		p.found, p.err = scan(config.Dir, func(file plainFile) scannedFile { return p.ahead.look(ctx, file) })
	}()
	return p
}

// Stop ends the look and returns when it has ended. It may be called again, and does
// nothing to a look that is over.
func (p *Preview) Stop() {
	p.cancel()
	<-p.done
}

// await returns what was found. A file that was not read is only listed.
func (p *Preview) await() (scanned, error) {
	<-p.done
	return p.found, p.err
}

// preview returns a look at the files that has begun, perhaps long before the pass.
func (s *syncPass) preview(ctx context.Context) *Preview {
	p := s.config.Preview
	s.config.Preview = nil
	if p == nil {
		return newPreview(ctx, s.config, s.quiet)
	}
	if time.Since(p.began) < previewAge {
		return p
	}
	p.Stop()
	return newPreview(ctx, s.config, s.quiet)
}
