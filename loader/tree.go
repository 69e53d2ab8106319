package loader

import (
	"gopkg.in/yaml.v3"
)

type node = yaml.Node

func at(n *node) position { return position{n.Line, n.Column} }

// checkTree finds what is wrong with a document whatever it means: nesting,
// aliases, tags, keys. It reports whether the tree is safe to read on.
func (d *document) checkTree(root *node) bool {
	c := &treeCheck{document: d, open: map[*node]bool{}, checked: map[*node]bool{}}
	c.visit(root, 1, nil)
	d.positions, d.keys = make(map[string]position, c.count/2), make(map[string]position, c.count/2)
	return !d.halted && !c.unsafe
}

type treeCheck struct {
	*document
	open    map[*node]bool // the anchored values that lead to the current one
	checked map[*node]bool // so that what aliases repeat is told once
	count   int
	unsafe  bool
}

// visit checks n and what is below it. via is the alias in the file through
// which it was reached, if any.
func (c *treeCheck) visit(n *node, depth int, via *node) {
	if c.count++; c.count%1024 == 0 && c.late() || c.halted {
		return
	}
	if via != nil && !c.expand(at(via), 1) {
		return
	}
	if depth > c.limits.Depth {
		c.halt(at(n), "the nesting is deeper than %d levels", c.limits.Depth)
		return
	}
	if n.Kind == yaml.AliasNode {
		c.visitAlias(n, depth, via)
		return
	}
	if !c.checked[n] {
		c.checked[n] = true
		c.checkTag(n)
		if n.Kind == yaml.MappingNode {
			c.checkKeys(n)
		}
	}
	if n.Anchor != "" {
		c.open[n] = true
		defer delete(c.open, n)
	}
	for _, child := range n.Content {
		c.visit(child, depth+1, via)
	}
}

func (c *treeCheck) visitAlias(n *node, depth int, via *node) {
	if c.open[n.Alias] {
		c.fail(at(n), "the alias *%s stands inside the value that it names", n.Value)
		c.unsafe = true
		return
	}
	if via == nil {
		via = n
	}
	c.visit(n.Alias, depth, via)
}

// expand counts values that the file does not spell out.
func (f *file) expand(at position, n int) bool {
	if f.expanded += n; f.expanded > f.limits.Expanded {
		f.halt(at, "aliases, defaults and templates expand to more than %d values", f.limits.Expanded)
	}
	return !f.halted
}

func (c *treeCheck) checkTag(n *node) {
	if n.Style&yaml.TaggedStyle != 0 && n.Tag != "!!str" && n.Tag != "!!merge" {
		c.fail(at(n), "the YAML tag %s is not supported: remove it", n.Tag)
	}
}

// checkKeys finds keys that are no text and keys that stand there twice.
func (c *treeCheck) checkKeys(n *node) {
	first := make(map[string]*node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := resolve(n.Content[i])
		if key.Kind != yaml.ScalarNode {
			c.fail(at(n.Content[i]), "a key must be plain text%s", braceHint(n))
			c.unsafe = true
			continue
		}
		earlier, twice := first[key.Value]
		switch {
		case twice && isMerge(key):
			c.fail(at(n.Content[i]), "a second << in one map: write << once, with a list: <<: [*a, *b]")
		case twice:
			c.fail(at(n.Content[i]), "the key %q is here twice; the first one is at line %d", key.Value, earlier.Line)
		default:
			first[key.Value] = n.Content[i]
		}
	}
}

// braceHint helps those who write {{ … }} as other template languages do, which
// YAML reads as a map in a map.
func braceHint(n *node) string {
	if n.Style&yaml.FlowStyle != 0 {
		return "; if this is an expression, put it in quotes: \"${{ … }}\""
	}
	return ""
}

func isMerge(key *node) bool { return key.Tag == "!!merge" }

// resolve follows an alias to its value.
func resolve(n *node) *node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}
