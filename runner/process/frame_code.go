//go:build linux || darwin

package process

import (
	"encoding/binary"
	"errors"
	"syscall"
	"time"
)

// errFrame is a frame that no worker and no guardian has sent.
var errFrame = errors.New("a frame that nobody can read")

// encode appends the frame as it goes over the wire: its fields in the order of
// the struct, a number as a varint, text as its length and its bytes, a list as
// its length and its texts. Text is what the system takes for one: any bytes.
func (f *frame) encode(b []byte) []byte {
	b = append(b, byte(f.Op), byte(bit(f.Late)|bit(f.Left)<<1|bit(f.OwnInput)<<2|bit(f.OwnStdout)<<3))
	b = binary.AppendUvarint(b, f.ID)
	b = appendTexts(b, f.Argv)
	b = appendTexts(b, f.Env)
	for _, text := range []string{f.Path, f.Dir, f.Mark, f.Error} {
		b = appendText(b, text)
	}
	for _, number := range []int64{
		int64(f.Linger), int64(f.Latest), int64(f.Grace), int64(f.PID), int64(f.Errno), int64(f.Code), int64(f.Signal),
	} {
		b = binary.AppendVarint(b, number)
	}
	return b
}

// decode reads what encode has written.
func (f *frame) decode(b []byte) error {
	r := reader{rest: b}
	f.Op = op(r.byte())
	bits := r.byte()
	f.Late, f.Left, f.OwnInput, f.OwnStdout = bits&1 != 0, bits&2 != 0, bits&4 != 0, bits&8 != 0
	f.ID = r.uint()
	f.Argv, f.Env = r.texts(), r.texts()
	for _, text := range []*string{&f.Path, &f.Dir, &f.Mark, &f.Error} {
		*text = r.text()
	}
	f.Linger, f.Latest, f.Grace = time.Duration(r.int()), time.Duration(r.int()), time.Duration(r.int())
	f.PID, f.Errno, f.Code, f.Signal = int(r.int()), syscall.Errno(r.int()), int(r.int()), syscall.Signal(r.int())
	if r.broken || len(r.rest) > 0 {
		return errFrame
	}
	return nil
}

func bit(is bool) int {
	if is {
		return 1
	}
	return 0
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func appendTexts(b []byte, texts []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(texts)))
	for _, text := range texts {
		b = appendText(b, text)
	}
	return b
}

// reader reads a frame from front to back. Once something is wrong, all that
// follows is zero.
type reader struct {
	rest   []byte
	broken bool
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.broken = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) uint() uint64 {
	value, n := binary.Uvarint(r.rest)
	return take(r, value, n)
}

func (r *reader) int() int64 {
	value, n := binary.Varint(r.rest)
	return take(r, value, n)
}

// take goes on behind a number of n bytes.
func take[T int64 | uint64](r *reader, value T, n int) T {
	if n <= 0 {
		r.broken, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return value
}

func (r *reader) text() string {
	size := r.uint()
	if size > uint64(len(r.rest)) {
		r.broken, r.rest = true, nil
		return ""
	}
	text := string(r.rest[:size])
	r.rest = r.rest[size:]
	return text
}

func (r *reader) texts() []string {
	n := r.uint()
	if n > uint64(len(r.rest)) { // each has a byte at least
		r.broken, r.rest = true, nil
		return nil
	}
	texts := make([]string, n)
	for i := range texts {
		texts[i] = r.text()
	}
	return texts
}
