package logs

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// Chunks stay in the order in which they were added, whoever compresses them.
func TestAideKeepsOrder(t *testing.T) {
	const size = 1000
	q := newQueue(size, 100*size, nil)
	var want, got []byte
	for i := range 20 {
		chunk := bytes.Repeat([]byte{byte('a' + i)}, size)
		want = append(want, chunk...)
		q.aide.all.Wait()
		q.aide.busy.Store(i%3 == 0) // then the chunk is for whoever adds it
		n, _ := q.add(chunk)
		require.Equal(t, size, n)
		if i%3 == 0 {
			require.Nil(t, q.packed[i].ready)
		} else {
			require.NotNil(t, q.packed[i].ready)
		}
	}
	taken := q.take(true)
	require.Empty(t, taken.rest)
	require.EqualValues(t, len(want), taken.size())
	for _, p := range taken.chunks {
		var err error
		got, err = decompress(got, p.await())
		require.NoError(t, err)
	}
	require.Equal(t, string(want), string(got))
}

// What an aide compresses is not overwritten by what comes behind it.
func TestAideOwnsItsChunk(t *testing.T) {
	const size = 64 << 10
	q := newQueue(size, 100*size, nil)
	var want, got []byte
	buf := make([]byte, 3*size/2)
	for i := range 40 {
		for j := range buf { // the caller's buffer is used again
			buf[j] = byte(i ^ j ^ j>>8)
		}
		want = append(want, buf...)
		n, _ := q.add(buf)
		require.Equal(t, len(buf), n)
	}
	taken := q.take(true)
	for _, p := range taken.chunks {
		var err error
		got, err = decompress(got, p.await())
		require.NoError(t, err)
	}
	require.True(t, bytes.Equal(want, append(got, taken.rest...)))
}

// An aide is for a processor that is free, while nothing else moves on.
func TestAideIsForFreeProcessors(t *testing.T) {
	require.True(t, isFree(0, 2))
	require.False(t, isFree(1, 2), "another Writer compresses there")
	require.False(t, isFree(0, 1))
	require.True(t, isFree(6, 8))
	require.False(t, isFree(7, 8))

	c := NewCourtesy()
	g := newGuest(c)
	c.packing.Add(-1 << 20) // processors enough
	require.True(t, g.mayHelp())
	done := g.helped()
	require.EqualValues(t, -1<<20+1, c.packing.Load())
	done()
	require.EqualValues(t, -1<<20, c.packing.Load())
	for g.mayHelp() { // until Moved was within courtesyTime of a look
		c.Moved()
	}
	none := newGuest(nil)
	require.True(t, none.mayHelp())
	none.helped()()
}

// A panic of an aide is one of whoever stores the chunk.
func TestAidePanics(t *testing.T) {
	a := &aide{}
	isDone := false
	p := a.pack([]byte("x"), func([]byte) miniairflow.LogChunk { panic("broken") }, func() { isDone = true })
	a.wait()
	require.True(t, isDone)
	require.False(t, a.busy.Load())
	require.Panics(t, func() { p.await() })
	require.ErrorContains(t, p.fault, "broken")
}
