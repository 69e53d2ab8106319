package loader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// look is a file that may have changed.
type look struct {
	scannedFile
	known knownFile // zero: nothing is known
}

// finding is what a look at a file has found.
type finding struct {
	sync   miniairflow.FileSync
	state  knownFile // what is known when the store has it
	size   int
	waits  bool // it may still be being written
	isHeld bool // it is good, but the defaults that it takes are not
	isSame bool // the store has this content already
}

// tells reports whether the file is as it is known, without a look into it.
func (k knownFile) tells(file scannedFile) bool {
	return k.settled && k.conflict == "" && k.stamp == file.stamp && file.refused == "" &&
		k.takes.around == file.takes.around && (k.takes.env == "" || k.takes.env == file.takes.env)
}

// isStill reports whether the file is as it is known, and so are those that it carries.
func (s *syncPass) isStill(k knownFile, file scannedFile) bool {
	return k.tells(file) && (k.carries == nil || k.carries.isAs(s.config.Dir, file.path))
}

// isAs reports whether a file that was read is as it is known.
func (k knownFile) isAs(read knownFile) bool {
	return read.hash != "" && read.hash == k.hash && k.conflict == ""
}

// parse looks at files on all cores and sends what it finds in the order of the
// files, some at a time. It is at most two sends ahead of who reads them. The
// channel is closed at the end, or early when ctx is done; the caller must call
// stop, which ends it and waits.
func (s *syncPass) parse(ctx context.Context, looks []look) (found <-chan []finding, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	out := make(chan []finding, 1)
	var running sync.WaitGroup
	running.Go(func() {
		defer close(out)
		for len(looks) > 0 {
			n := chunkLength(looks)
			seen := s.examineAll(ctx, looks[:n])
			if ctx.Err() != nil { // it may have gaps
				return
			}
			select {
			case out <- seen:
			case <-ctx.Done():
			}
			looks = looks[n:]
		}
	})
	return out, func() {
		cancel()
		running.Wait()
	}
}

// chunkLength returns how many of the first files make a batch for the store.
func chunkLength(looks []look) int {
	size := int64(0)
	for i, l := range looks {
		if size += l.stamp.size; i == batchFiles || i > 0 && size > batchBytes {
			return i
		}
	}
	return len(looks)
}

// examineAll examines files, each on a core that is free. When ctx is done the
// result has gaps.
func (s *syncPass) examineAll(ctx context.Context, looks []look) []finding {
	found := make([]finding, len(looks))
	onAllCores(len(looks), func(i int) {
		if ctx.Err() == nil {
			found[i] = s.examine(looks[i])
		}
	})
	return found
}

// onAllCores calls do with 0 to n-1, each on a core that is free, and waits.
func onAllCores(n int, do func(i int)) {
	var taken atomic.Int64
	var running sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		running.Go(func() {
			for i := int(taken.Add(1)) - 1; i < n; i = int(taken.Add(1)) - 1 {
				do(i)
			}
		})
	}
	running.Wait()
}

// examine reads and parses a file. Many goroutines do so at once, so that it must
// change nothing of the pass.
func (s *syncPass) examine(file look) finding {
	found := finding{sync: miniairflow.FileSync{Path: file.path}}
	age := time.Since(file.stamp.modified)
	var data []byte
	if file.refused == "" {
		var err error
		// The list may be from before: what counts is how the file is now.
		wants := func(now stamp) bool {
			file.stamp, age = now, time.Since(now.modified)
			found.waits = age >= 0 && age < s.quiet
			return !found.waits
		}
		data, _, err = appendBounded(nil, filepath.Join(s.config.Dir, filepath.FromSlash(file.path)), 0, s.config.Limits.Bytes, wants)
		switch {
		case errors.Is(err, fs.ErrNotExist): // gone since
			found.waits = true
		case err != nil:
			file.refused = unreadable(err)
		}
		if found.waits {
			return found
		}
	}
	found.size = len(data)
	takes := file.takes.of(data)
	found.state = knownFile{stamp: file.stamp, hash: s.hash(data, file.refused, takes), settled: age >= clockStep && file.refused == "", takes: takes}
	if file.known.isAs(found.state) {
		found.isSame = true
		return found
	}
	if file.refused != "" {
		found.sync.Problems = []miniairflow.ImportError{{File: file.path, Message: file.refused}}
		found.sync.Hash = found.state.hash
	} else if s.parseInto(&found, file, data, takes); found.isSame || found.waits {
		return found
	}
	if s.config.Version == "" {
		found.sync.Hash = ""
	}
	found.waits = len(found.sync.Problems) > 0 && age >= 0 && age < problemQuiet*s.quiet
	return found
}

// parseInto parses the text of a file into found, with the files that it carries.
func (s *syncPass) parseInto(found *finding, file look, data []byte, takes taken) {
	carrier, checkout := newCarrier(s.config.Dir, file.path), s.checkout()
	if checkout != nil {
		carrier.sum = checkout.nameOf
	}
	from := source{name: file.path, below: file.path, around: s.surroundings.of(file.path), carrier: carrier}
	var timedOut bool
	found.sync.Definitions, found.sync.Problems, timedOut = parseTimed(from, data, s.config.Limits)
	if found.waits = carrier.isYoung(s.quiet); found.waits {
		return
	}
	if found.state.carries = carrier.carried(); found.state.carries != nil {
		found.state.hash = s.hash(data, carrier.mark(), takes)
		found.state.settled = found.state.settled && !carrier.isYoung(clockStep)
	}
	if found.isSame = file.known.isAs(found.state); found.isSame {
		return
	}
	found.sync.Hash, found.sync.Commit = found.state.hash, checkout.of(file.path, data, carrier.read)
	if timedOut {
		found.state, found.sync.Hash = knownFile{}, "" // the next look at it tries again
	}
	found.isHeld = from.around.isBroken && len(found.sync.Problems) == 0
}

// hash names what a file was read as: by its bytes, by what reads them, by what that
// is allowed to cost, and by what the file takes from others.
func (s *syncPass) hash(data []byte, refused string, takes taken) string {
	h := sha256.New()
	h.Write([]byte(s.config.hashHead(refused)))
	h.Write(data)
	h.Write([]byte(takes.mark()))
	return hex.EncodeToString(h.Sum(nil))
}

// hashHead is what a hash is of beside the bytes of the file: what reads it, and what
// that may cost.
func (c Config) hashHead(refused string) string {
	return fmt.Sprintf("%s\n%v\n%s\n", c.Version, c.Limits, refused)
}
