package artifacts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/sauravritesh63/miniairflow"
)

// Content reads an artifact, one piece of it in memory at a time. It is an
// io.ReadSeeker, for one goroutine.
type Content struct {
	ctx    context.Context //nolint:containedctx // of whoever reads: io.Reader takes none
	depot  Depot
	key    miniairflow.AttemptKey
	of     *miniairflow.Artifact
	offset int64
	piece  []byte // that was read last
	start  int64  // where it begins
}

// Open returns the content of an artifact of an attempt.
func Open(ctx context.Context, depot Depot, key miniairflow.AttemptKey, a *miniairflow.Artifact) *Content {
	return &Content{ctx: ctx, depot: depot, key: key, of: a}
}

// Read implements io.Reader.
func (c *Content) Read(p []byte) (int, error) {
	if c.offset >= c.of.Size {
		return 0, io.EOF
	}
	if c.offset < c.start || c.offset >= c.start+int64(len(c.piece)) {
		piece, start, err := c.depot.Read(c.ctx, c.key, c.of, c.offset)
		if err != nil {
			return 0, err
		}
		if start > c.offset || start+int64(len(piece)) <= c.offset || start+int64(len(piece)) > c.of.Size {
			return 0, fmt.Errorf("artifact %q is damaged at %d", c.of.Name, c.offset)
		}
		c.piece, c.start = piece, start
	}
	n := copy(p, c.piece[c.offset-c.start:])
	c.offset += int64(n)
	return n, nil
}

// Seek implements io.Seeker.
func (c *Content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.offset
	case io.SeekEnd:
		offset += c.of.Size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	c.offset = offset
	return offset, nil
}

// Copy writes an artifact to w and checks its hash: after an error w has a part of
// it, or what is not it.
func Copy(ctx context.Context, w io.Writer, depot Depot, key miniairflow.AttemptKey, a *miniairflow.Artifact) error {
	whole := sha256.New()
	// The buffer of io.Copy is smaller than a piece.
	n, err := io.Copy(io.MultiWriter(w, whole), Open(ctx, depot, key, a))
	if err != nil {
		return fmt.Errorf("copy artifact %q: %w", a.Name, err)
	}
	want, err := hex.DecodeString(a.SHA256)
	if err != nil || n != a.Size || !bytes.Equal(want, whole.Sum(nil)) {
		return fmt.Errorf("artifact %q is damaged: it has not the hash that it had", a.Name)
	}
	return nil
}
