package artifacts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/sauravritesh63/miniairflow"
)

// batchBytes is how many bytes are stored at once, and what an Upload holds at most.
const batchBytes = 4 * pieceSize

// Upload keeps the files of one attempt. It is for one goroutine.
type Upload struct {
	depot    Depot
	key      miniairflow.AttemptKey
	number   int    // of the next file
	buffer   []byte // of the pieces, used again after each batch
	pieces   []Piece
	complete []miniairflow.Artifact
}

// NewUpload returns an Upload of an attempt that has none yet.
func NewUpload(depot Depot, key miniairflow.AttemptKey) *Upload {
	return &Upload{depot: depot, key: key}
}

// Add keeps the bytes of r, which are as many as size says, under a name. They are
// durable when Flush has returned. After an error the Upload can only be dropped.
func (u *Upload) Add(ctx context.Context, name string, r io.Reader, size int64) error {
	whole := sha256.New()
	var offset int64
	for offset < size {
		n, err := u.add(ctx, whole, r, offset, min(size-offset, pieceSize))
		if err != nil {
			return err
		}
		offset += n
	}
	if n, err := r.Read(make([]byte, 1)); n > 0 || err != nil && !errors.Is(err, io.EOF) {
		return errors.Join(ErrChanged, ignoreEOF(err))
	}
	u.complete = append(u.complete, miniairflow.Artifact{
		Name: name, Number: u.number, Size: size, SHA256: hex.EncodeToString(whole.Sum(nil)),
	})
	u.number++
	return u.makeRoom(ctx, 0)
}

// makeRoom stores what there is if a piece of that size, and the file that it may
// complete, would be too much with it.
func (u *Upload) makeRoom(ctx context.Context, size int64) error {
	if len(u.buffer)+int(size) > batchBytes || len(u.complete)+len(u.pieces)+2 > miniairflow.ArtifactRowsMax {
		return u.Flush(ctx)
	}
	return nil
}

// ErrChanged says of a file that it was written to while it was read.
var ErrChanged = errors.New("it changed while it was read: end what writes it before the command ends")

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// add reads one piece of the file.
func (u *Upload) add(ctx context.Context, whole hash.Hash, r io.Reader, offset, size int64) (int64, error) {
	if err := u.makeRoom(ctx, size); err != nil {
		return 0, err
	}
	if u.buffer == nil {
		u.buffer = make([]byte, 0, batchBytes)
	}
	end := len(u.buffer)
	u.buffer = u.buffer[:end+int(size)]
	data := u.buffer[end:]
	if _, err := io.ReadFull(r, data); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = ErrChanged
		}
		return 0, err
	}
	whole.Write(data) // a hash takes everything
	u.pieces = append(u.pieces, Piece{Number: u.number, Offset: offset, Data: data})
	return size, nil
}

// Flush makes all that was added durable.
func (u *Upload) Flush(ctx context.Context) error {
	if len(u.pieces)+len(u.complete) == 0 {
		return nil
	}
	if err := u.depot.Save(ctx, u.key, u.complete, u.pieces); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	u.buffer, u.pieces, u.complete = u.buffer[:0], u.pieces[:0], u.complete[:0]
	return nil
}
