package dialect

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/sauravritesh63/miniairflow"
)

// BlobGrace is how long contents live that no version names, in microseconds.
const BlobGrace = int64(time.Hour / time.Microsecond)

// What one transaction writes of contents at most.
const (
	blobsMax     = 100
	blobBytesMax = 1 << 20
)

// Blob is a content as it is stored.
type Blob struct {
	Hash string
	Size int
	Data []byte // zstd
}

// blobCodec is kept: to make one costs more than to use it.
var blobCodec = sync.OnceValues(func() (*zstd.Encoder, *zstd.Decoder) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(fmt.Sprintf("zstd encoder options: %v", err)) // constants: cannot happen
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(miniairflow.WorkflowFileBytesMax+1))
	if err != nil {
		panic(fmt.Sprintf("zstd decoder options: %v", err))
	}
	return encoder, decoder
})

// NewBlob returns a content as it is stored.
func NewBlob(content []byte) Blob {
	encoder, _ := blobCodec()
	sum := sha256.Sum256(content)
	return Blob{Hash: hex.EncodeToString(sum[:]), Size: len(content), Data: encoder.EncodeAll(content, []byte{})}
}

// Content returns what was stored. The hash is checked: nothing is executed that is
// not what its version names.
func (b Blob) Content() ([]byte, error) {
	_, decoder := blobCodec()
	content, err := decoder.DecodeAll(b.Data, make([]byte, 0, min(max(b.Size, 0), miniairflow.WorkflowFileBytesMax)))
	if err != nil {
		return nil, fmt.Errorf("content %s: %w", b.Hash, err)
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != b.Hash {
		return nil, fmt.Errorf("content %s was changed in the store", b.Hash)
	}
	return content, nil
}

// Contents returns what the blobs are of, by hash. One that was asked for and is not
// there is ErrNotFound.
func Contents(hashes []string, blobs []Blob) (map[string][]byte, error) {
	contents := make(map[string][]byte, len(blobs))
	for _, b := range blobs {
		content, err := b.Content()
		if err != nil {
			return nil, err
		}
		contents[b.Hash] = content
	}
	for _, hash := range hashes {
		if _, isThere := contents[hash]; !isThere {
			return nil, fmt.Errorf("content %s: %w", hash, miniairflow.ErrNotFound)
		}
	}
	return contents, nil
}

// AddFiles is miniairflow.FileStore's. add stores some contents in a transaction, and
// gets as many as one should carry.
func AddFiles(contents [][]byte, add func([]Blob) error) error {
	var part []Blob
	size := 0
	flush := func() error {
		if len(part) == 0 {
			return nil
		}
		if err := add(part); err != nil {
			return fmt.Errorf("add contents of files: %w", err)
		}
		part, size = nil, 0
		return nil
	}
	for _, content := range contents {
		if len(part) == blobsMax || len(part) > 0 && size+len(content) > blobBytesMax {
			if err := flush(); err != nil {
				return err
			}
		}
		part, size = append(part, NewBlob(content)), size+len(content)
	}
	return flush()
}

// CommitRow is what a version keeps of a commit; the zero value of none.
type CommitRow struct {
	Hash, Author string
	AuthoredAt   time.Time
	IsDirty      bool
}

// NewCommitRow returns the columns of a commit, which may be nil.
func NewCommitRow(c *miniairflow.Commit) CommitRow {
	if c == nil {
		return CommitRow{}
	}
	return CommitRow{Hash: Text(c.Hash), Author: Text(c.Author), AuthoredAt: c.AuthoredAt, IsDirty: c.IsDirty}
}

// CommitRows are the columns of the commits of some versions.
type CommitRows struct {
	Hashes, Authors []string
	Times           []*time.Time
	Dirty           []bool
}

// Add adds those of one version, which may have no commit.
func (r *CommitRows) Add(c *miniairflow.Commit) {
	row := NewCommitRow(c)
	var at *time.Time
	if c != nil {
		at = &row.AuthoredAt
	}
	r.Hashes, r.Authors = append(r.Hashes, row.Hash), append(r.Authors, row.Author)
	r.Times, r.Dirty = append(r.Times, at), append(r.Dirty, row.IsDirty)
}
