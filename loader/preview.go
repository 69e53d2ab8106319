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
	cancel context.CancelFunc
	done   chan struct{} // closed when the rest is known
	found  scanned
	err    error
	ended  time.Time
}

// NewPreview begins to look, for the Loader that gets the same config with the
// Preview in it. The store is not needed yet; a Loader without a Version uses none.
// Stop must be called in any case.
func NewPreview(ctx context.Context, config Config) *Preview {
	config = config.withDefaults()
	return newPreview(ctx, config, config.Debounce)
}

func newPreview(ctx context.Context, config Config, quiet time.Duration) *Preview {
	ctx, cancel := context.WithCancel(ctx)
	p := &Preview{ahead: newReadAhead(config, quiet), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.found, p.err = scan(config.Dir, config.readAround(nil), func(file plainFile) scannedFile { return p.ahead.look(ctx, file) })
		p.ended = time.Now()
	}()
	return p
}

// Stop ends the look and returns when it has ended. It may be called again, and does
// nothing to a look that is over.
func (p *Preview) Stop() {
	p.cancel()
	<-p.done
}

// await hands over what was found, once. A file that was not read is only listed.
func (p *Preview) await() (found scanned, err error) {
	<-p.done
	found, p.found = p.found, scanned{}
	return found, p.err
}

// isOld reports whether the look was over too long ago.
func (p *Preview) isOld() bool {
	select {
	case <-p.done:
		return time.Since(p.ended) > previewAge
	default:
		return false
	}
}

// preview returns a look at the files that has begun, perhaps long before the pass.
func (s *syncPass) preview(ctx context.Context) *Preview {
	p := s.config.Preview
	s.config.Preview = nil
	if p == nil {
		return newPreview(ctx, s.config, s.quiet)
	}
	if !p.isOld() {
		return p
	}
	p.Stop()
	return newPreview(ctx, s.config, s.quiet)
}
