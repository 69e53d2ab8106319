package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// textSeed makes the text of logs the same in each run.
const textSeed = 42

// logText returns a text like the log of a program, of exactly so many bytes. It
// ends with a line end.
func logText(size int) []byte {
	levels := []string{"DEBUG", "INFO", "INFO", "INFO", "WARN"}
	parts := []string{"loader", "extract.orders", "extract.customers", "transform", "http.client", "warehouse"}
	verbs := []string{"copied", "read", "skipped", "merged", "wrote", "verified"}
	tables := []string{"orders", "order_lines", "customers", "payments", "shipments", "returns", "stock"}
	r := rand.New(rand.NewPCG(textSeed, textSeed))
	choose := func(words []string) string { return words[r.IntN(len(words))] }
	at := time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)
	text := make([]byte, 0, size+256)
	for len(text) < size {
		at = at.Add(time.Duration(r.IntN(50_000)) * time.Microsecond)
		text = at.AppendFormat(text, "2006-01-02T15:04:05.000000Z")
		text = fmt.Appendf(text, " %-5s %s: %s %d rows of %s in %d ms, batch %08x\n",
			choose(levels), choose(parts), choose(verbs), r.IntN(100_000), choose(tables), r.IntN(2000), r.Uint32())
	}
	text = text[:size]
	text[size-1] = '\n'
	return text
}

// numberLines returns what `seq n` prints.
func numberLines(n int) []byte {
	var text []byte
	for i := range n {
		text = append(strconv.AppendInt(text, int64(i+1), 10), '\n')
	}
	return text
}

// comparison is a writer that fails at the first piece that differs from a text
// which is repeated up to a size and followed by an end.
type comparison struct {
	text []byte
	size int64 // of the repeated text
	end  []byte
	at   int64
}

// expected returns what compares the stored log of a task with what it must be:
// all that it has printed, or the first of it and a mark.
func (f *flood) expected() *comparison {
	c := &comparison{text: f.text, size: f.printed()}
	if c.size <= logMax {
		return c
	}
	c.size = logMax
	c.end = []byte("miniairflow: output beyond 256 MiB was dropped\n")
	if f.text[(c.size-1)%int64(len(f.text))] != '\n' {
		c.end = append([]byte("\n"), c.end...) // the mark is a line of its own
	}
	return c
}

// Write implements io.Writer.
func (c *comparison) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		next := c.next()
		n := min(len(rest), len(next))
		if n == 0 {
			return 0, fmt.Errorf("more is stored than the %d bytes that were expected", c.at)
		}
		if !bytes.Equal(rest[:n], next[:n]) {
			return 0, fmt.Errorf("bytes %d to %d are not those that were printed", c.at, c.at+int64(n))
		}
		rest = rest[n:]
		c.at += int64(n)
	}
	return len(p), nil
}

// next returns the beginning of what has yet to come.
func (c *comparison) next() []byte {
	if c.at >= c.size {
		return c.end[c.at-c.size:]
	}
	next := c.text[c.at%int64(len(c.text)):]
	return next[:min(int64(len(next)), c.size-c.at)]
}

// close returns an error unless everything came.
func (c *comparison) close() error {
	if whole := c.size + int64(len(c.end)); c.at != whole {
		return fmt.Errorf("%d of %d bytes are stored", c.at, whole)
	}
	return nil
}
