package format

import (
	"slices"
	"strings"
)

// writer writes the lines of a sheet at their new places.
type writer struct {
	*sheet
	out     []string
	content []int   // by line: the first one from it on that is neither blank nor looks like a comment
	open    []place // the entries that the last one stands in, and it
	blank   bool    // a blank line is due before the next one
	inBlock bool    // the last line that was written is one of a block scalar
}

// text returns the whole text at its new places.
func (s *sheet) text() string {
	w := &writer{sheet: s, content: make([]int, len(s.lines)+2)}
	w.content[len(s.lines)+1] = len(s.lines) + 1
	for n := len(s.lines); n > 0; n-- {
		w.content[n] = n
		if line := s.line(n); isBlank(line) || line[indentOf(line)] == '#' {
			w.content[n] = w.content[n+1]
		}
	}
	for n := 1; n <= len(s.lines); n++ {
		n = w.write(n)
	}
	text := strings.Join(w.out, "\n")
	if endsOpen := len(s.lines[len(s.lines)-1]) > 0; text == "" || endsOpen && w.inBlock {
		return text // a line end more would be one of the block scalar's text
	}
	return text + "\n"
}

// write writes line n and, after the head of a block scalar, its lines. It returns
// the last one that is written.
func (w *writer) write(n int) int {
	line := w.line(n)
	switch entry, isStart := w.starts[n]; {
	case isBlank(line):
		w.blankLine(n)
		return n
	case isStart:
		w.push(entry)
		w.add(entry.indent, w.edited(n)[indentOf(line):])
	case w.isComment(n):
		w.add(w.commentIndent(n), line[indentOf(line):])
	case len(w.open) > 0 && !isMarker(line):
		// The value of the entry goes on: it moves with it.
		last := w.open[len(w.open)-1]
		w.add(max(0, indentOf(line)+last.indent-last.old), w.edited(n)[indentOf(line):])
	default:
		w.open = nil
		w.add(indentOf(line), w.edited(n)[indentOf(line):])
	}
	if b, ok := w.blocks[n]; ok {
		return w.block(n, b)
	}
	return n
}

// push notes an entry; those that are not above it have ended.
func (w *writer) push(entry place) {
	for len(w.open) > 0 && w.open[len(w.open)-1].old >= entry.old {
		w.open = w.open[:len(w.open)-1]
	}
	w.open = append(w.open, entry)
}

// add writes a line, and the blank one before it that is due.
func (w *writer) add(indent int, content []rune) {
	if w.blank && len(w.out) > 0 {
		w.out = append(w.out, "")
	}
	w.blank, w.inBlock = false, false
	w.out = append(w.out, strings.Repeat(" ", indent)+strings.TrimRight(string(content), " \t"))
}

// blankLine keeps one of several blank lines, and all of them inside a value.
func (w *writer) blankLine(n int) {
	if w.goesOn(n) {
		if w.blank {
			w.out = append(w.out, "")
		}
	}
	w.blank = true
}

// goesOn reports whether the first line from n on that is neither blank nor looks
// like a comment belongs to a value that began before.
func (w *writer) goesOn(n int) bool {
	n = w.content[n]
	if n > len(w.lines) {
		return false
	}
	_, isStart := w.starts[n]
	return !isStart && !isMarker(w.line(n)) && len(w.open) > 0
}

// isComment reports whether a line is a comment, not part of a value.
func (w *writer) isComment(n int) bool {
	line := w.line(n)
	return line[indentOf(line)] == '#' && !w.goesOn(n)
}

// commentIndent returns where a comment goes: with the entry that it stands in one
// column with, be it the next one or one that is still open, else with the next.
func (w *writer) commentIndent(n int) int {
	old := indentOf(w.line(n))
	next, hasNext := w.nextStart(n)
	if hasNext && next.old == old {
		return next.indent
	}
	for _, entry := range slices.Backward(w.open) {
		if entry.old == old {
			return entry.indent
		}
	}
	switch {
	case hasNext:
		return next.indent
	case len(w.open) > 0:
		return w.open[len(w.open)-1].indent
	default:
		return 0
	}
}

// nextStart returns the next entry of the document.
func (w *writer) nextStart(n int) (place, bool) {
	entry, ok := w.starts[w.content[n]]
	return entry, ok
}

// edited returns a line with its edits. Those lie behind its indentation.
func (w *writer) edited(n int) []rune {
	line := w.line(n)
	edits := slices.Clone(w.edits[n])
	slices.SortFunc(edits, func(a, b edit) int { return b.start - a.start })
	for _, e := range edits {
		line = slices.Concat(line[:e.start], []rune(e.text), line[e.end:])
	}
	return line
}

// block writes the lines of a block scalar whose head is line n, two spaces
// deeper than the entry that has it, and returns the last one.
func (w *writer) block(n int, b block) int {
	old := w.contentIndent(n, b)
	if old < 0 {
		return n
	}
	indent := b.owner.indent + step
	if b.explicit > 0 {
		indent = b.owner.indent + b.explicit
	}
	indent = max(indent, 0)
	last := w.blockEnd(n, old, b.keeps)
	for i := n + 1; i <= last; i++ {
		line := w.line(i)
		if len(line) <= old {
			w.out = append(w.out, "")
			continue
		}
		w.out = append(w.out, strings.Repeat(" ", indent)+string(line[old:]))
	}
	w.inBlock = last > n
	return last
}

// contentIndent returns how deep the lines of a block scalar stand; -1 if it has none.
func (w *writer) contentIndent(n int, b block) int {
	if b.explicit > 0 {
		return max(0, b.owner.old) + b.explicit
	}
	for i := n + 1; i <= len(w.lines); i++ {
		if line := w.line(i); !isBlank(line) {
			if indentOf(line) <= b.owner.old {
				return -1
			}
			return indentOf(line)
		}
	}
	return -1
}

// blockEnd returns the last line of a block scalar.
func (w *writer) blockEnd(n, old int, keeps bool) int {
	last := n
	for i := n + 1; i <= len(w.lines); i++ {
		line := w.line(i)
		switch {
		case !isBlank(line) && indentOf(line) < old:
			return last
		case !isBlank(line) || keeps && i < len(w.lines):
			last = i
		}
	}
	return last
}
