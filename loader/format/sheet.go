package format

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// step is how much deeper each level stands.
const step = 2

// sheet is a text whose lines get new places.
type sheet struct {
	lines  [][]rune
	starts map[int]place  // the lines that begin with a key or a dash
	blocks map[int]block  // the lines with the head of a block scalar
	edits  map[int][]edit // what changes within a line
}

// place is an entry of a map or a list. Columns and indentation count from 0,
// lines from 1, as YAML does.
type place struct {
	line   int
	old    int // where it stood
	indent int // where it stands
}

// block is a text of several lines that begins with | or >.
type block struct {
	owner    place
	explicit int  // its indentation as a digit says it; 0: as its first line has it
	keeps    bool // the blank lines at its end are part of it
}

// edit replaces the runes from start up to end.
type edit struct {
	start, end int
	text       string
}

func newSheet(text string) *sheet {
	s := &sheet{starts: map[int]place{}, blocks: map[int]block{}, edits: map[int][]edit{}}
	for line := range strings.SplitSeq(text, "\n") {
		s.lines = append(s.lines, []rune(line))
	}
	return s
}

// line returns line n, counted from 1.
func (s *sheet) line(n int) []rune {
	if n < 1 || n > len(s.lines) {
		return nil
	}
	return s.lines[n-1]
}

// indentOf returns how many spaces a line begins with.
func indentOf(line []rune) int {
	n := 0
	for n < len(line) && line[n] == ' ' {
		n++
	}
	return n
}

func isBlank(line []rune) bool { return strings.Trim(string(line), " \t") == "" }

// isMarker reports whether a line begins or ends a document, or is a directive.
func isMarker(line []rune) bool {
	text := string(line)
	return strings.HasPrefix(text, "---") || strings.HasPrefix(text, "...") || strings.HasPrefix(text, "%")
}

// walk finds the places of everything below a node that belongs to owner.
func (s *sheet) walk(n *yaml.Node, owner place) {
	switch {
	case n.Kind == yaml.AliasNode:
	case n.Kind == yaml.ScalarNode:
		if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			s.blocks[n.Line] = s.newBlock(n, owner)
		}
	case n.Style&yaml.FlowStyle != 0:
		s.flow(n)
	case n.Kind == yaml.MappingNode:
		s.mapping(n, owner.indent+step)
	case n.Kind == yaml.SequenceNode:
		s.sequence(n, owner.indent+step)
	}
}

func (s *sheet) mapping(n *yaml.Node, indent int) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, content := n.Content[i], n.Content[i+1]
		entry := place{line: key.Line, old: key.Column - 1, indent: indent}
		s.start(entry)
		if content.Line == key.Line {
			s.squeeze(content)
		}
		s.walk(content, entry)
	}
}

func (s *sheet) sequence(n *yaml.Node, indent int) {
	if len(n.Content) == 0 {
		return
	}
	column := s.dashColumn(n)
	for _, item := range n.Content {
		entry := place{line: s.dashLine(item, column), old: column, indent: indent}
		s.start(entry)
		if item.Line == entry.line {
			s.squeeze(item)
		}
		s.walk(item, entry)
	}
}

// dashColumn returns where the dashes of a list stand. A list with an anchor or a
// tag begins with that.
func (s *sheet) dashColumn(n *yaml.Node) int {
	if n.Anchor == "" && n.Style&yaml.TaggedStyle == 0 {
		return n.Column - 1
	}
	for line := n.Content[0].Line; line > 0; line-- {
		if first := indentOf(s.line(line)); first < len(s.line(line)) && s.line(line)[first] == '-' {
			return first
		}
	}
	return n.Column - 1
}

// dashLine returns the line of an item's dash, which may stand above it.
func (s *sheet) dashLine(item *yaml.Node, column int) int {
	for line := item.Line; line > 0; line-- {
		if text := s.line(line); column < len(text) && text[column] == '-' {
			return line
		}
	}
	return item.Line
}

// start notes an entry that is the first thing of its line.
func (s *sheet) start(entry place) {
	if indentOf(s.line(entry.line)) == entry.old {
		s.starts[entry.line] = entry
	}
}

// squeeze leaves one space before a value.
func (s *sheet) squeeze(n *yaml.Node) {
	line, end := s.line(n.Line), n.Column-1
	if end > len(line) || n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 && n.Anchor == "" {
		return // nothing stands there
	}
	begin := end
	for begin > 0 && (line[begin-1] == ' ' || line[begin-1] == '\t') {
		begin--
	}
	if end-begin > 1 && begin > 0 {
		s.edits[n.Line] = append(s.edits[n.Line], edit{begin, end, " "})
	}
}

// newBlock reads the head of a block scalar, such as |2+.
func (s *sheet) newBlock(n *yaml.Node, owner place) block {
	b := block{owner: owner}
	line := s.line(n.Line)
	at := slices.IndexFunc(line[min(n.Column-1, len(line)):], func(r rune) bool { return r == '|' || r == '>' })
	if at < 0 {
		return b
	}
	for _, r := range line[n.Column+at:] {
		switch {
		case r >= '1' && r <= '9':
			b.explicit = int(r - '0')
		case r == '+':
			b.keeps = true
		case r != '-':
			return b
		}
	}
	return b
}
