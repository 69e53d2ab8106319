package loader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// readAhead reads files only to tell whether they are as the store has them, before
// it is known what the store has: at a start that asks for all files, most of
// which will not have changed. It keeps none of their bytes.
type readAhead struct {
	bytes   int           // of a file at most
	quiet   time.Duration // since the last change of a file that is read
	head    []byte        // of what each hash is, before the bytes of the file
	buffers sync.Pool
	isVain  atomic.Bool // the store turns out to know no file
}

func newReadAhead(config Config, quiet time.Duration) *readAhead {
	return &readAhead{bytes: config.Limits.Bytes, quiet: quiet, head: []byte(config.hashHead(""))}
}

// look reads a file. Many goroutines do so at once. What it cannot read, or shall
// not yet, it leaves to examine, which tells why.
func (a *readAhead) look(ctx context.Context, p plainFile) scannedFile {
	if a.isVain.Load() || ctx.Err() != nil {
		return p.stat()
	}
	buffer, _ := a.buffers.Get().(*[]byte)
	if buffer == nil {
		begun := slices.Clone(a.head)
		buffer = &begun
	}
	defer a.buffers.Put(buffer)
	head := (*buffer)[:len(a.head)]
	var age time.Duration
	wants := func(found stamp) bool {
		age = time.Since(found.modified)
		return age < 0 || age >= a.quiet
	}
	// The folder has called it a file, so that a link by now is not followed.
	data, found, err := appendBounded(head, p.real, syscall.O_NOFOLLOW, a.bytes, wants)
	if err != nil {
		return p.stat()
	}
	file := scannedFile{path: p.below, stamp: found}
	if len(data) > len(head) {
		takes := p.takes.of(data[len(head):])
		data = append(data, takes.mark()...)
		sum := sha256.Sum256(data)
		file.ahead = knownFile{stamp: found, hash: hex.EncodeToString(sum[:]), settled: age >= clockStep, takes: takes}
	}
	*buffer = data
	return file
}
