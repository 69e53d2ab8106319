package loader

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

// value is a value of a document, with aliases resolved.
type value struct {
	doc  *document
	node *node
	path []string
	at   position // where problems of it are placed
}

// joined returns a path as a key of document.positions.
func joined(path []string) string { return strings.Join(path, "\x00") }

// label is what messages call the value: its key.
func (v value) label() string {
	for i := len(v.path) - 1; i >= 0; i-- {
		if _, err := strconv.Atoi(v.path[i]); err != nil {
			return v.path[i]
		}
	}
	return "the workflow"
}

// fail records a problem of the value.
func (v value) fail(format string, args ...any) { v.failAt(v.at, format, args...) }

func (v value) failAt(at position, format string, args ...any) {
	v.doc.fault(v.path)
	v.doc.fail(at, format, args...)
}

// child returns the value under a key or an index and notes its position. key
// is nil in a list.
func (v value) child(name string, key, content *node) value {
	path := slices.Concat(v.path, []string{name})
	resolved := resolve(content)
	place := at(content)
	if key != nil && resolved.Kind != yaml.ScalarNode {
		place = at(key)
	}
	v.doc.positions[joined(path)] = place
	if key != nil {
		v.doc.keys[joined(path)] = at(key)
	}
	return value{doc: v.doc, node: resolved, path: path, at: place}
}

// entry is a key of a map with its value.
type entry struct {
	name string
	key  *node
	value
}

// entries returns the entries of a map in file order, merge keys resolved: a
// key that the map has itself wins over a merged one, and an earlier merged map
// over a later one. ok is false if the value is no map; shape then says in the
// message how it is written.
func (v value) entries(shape string) (list []entry, ok bool) {
	if v.node.Kind != yaml.MappingNode {
		v.mismatch("a map: write " + shape)
		return nil, false
	}
	list = make([]entry, 0, len(v.node.Content)/2)
	if !slices.ContainsFunc(v.node.Content, func(n *node) bool { return isMerge(resolve(n)) }) {
		return v.plainEntries(list), true
	}
	own := map[string]bool{}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		if key := resolve(v.node.Content[i]); !isMerge(key) {
			own[key.Value] = true
		}
	}
	seen := map[string]bool{}
	v.collect(v.node, func(key, content *node, merged bool) {
		name := resolve(key).Value
		if seen[name] || merged && own[name] {
			return
		}
		seen[name] = true
		list = append(list, entry{name: name, key: key, value: v.child(name, key, content)})
	})
	return list, true
}

// plainEntries is entries for a map without merge keys.
func (v value) plainEntries(list []entry) []entry {
	const few = 16 // so many are compared faster than noted
	seen := map[string]bool{}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key, content := v.node.Content[i], v.node.Content[i+1]
		name := resolve(key).Value
		isTwice := seen[name]
		if len(v.node.Content) <= 2*few {
			isTwice = slices.ContainsFunc(list, func(e entry) bool { return e.name == name })
		} else {
			seen[name] = true
		}
		if !isTwice {
			list = append(list, entry{name: name, key: key, value: v.child(name, key, content)})
		}
	}
	return list
}

func (v value) collect(n *node, add func(key, content *node, merged bool)) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, content := n.Content[i], n.Content[i+1]
		if !isMerge(resolve(key)) {
			add(key, content, n != v.node)
			continue
		}
		sources := []*node{content}
		if list := resolve(content); list.Kind == yaml.SequenceNode {
			sources = list.Content
		}
		for _, source := range sources {
			if resolved := resolve(source); resolved.Kind == yaml.MappingNode {
				v.collect(resolved, func(key, content *node, _ bool) { add(key, content, true) })
				continue
			}
			v.failAt(at(source), "<< merges a map or a list of maps, not %s", describe(resolve(source)))
		}
	}
}

// items returns the values of a list; a single scalar counts as a list of one.
func (v value) items(shape string) []value {
	switch v.node.Kind {
	case yaml.SequenceNode:
		list := make([]value, len(v.node.Content))
		for i, content := range v.node.Content {
			list[i] = v.child(strconv.Itoa(i), nil, content)
		}
		return list
	case yaml.ScalarNode:
		if !v.isNull() {
			v.doc.positions[joined(append(v.path, "0"))] = v.at
			return []value{v}
		}
	}
	v.mismatch(shape)
	return nil
}

// text returns the text of a scalar, exactly as the file has it.
func (v value) text() (string, bool) { return v.textFor("text") }

// textFor is text for what is read further; want says in the message what is needed.
func (v value) textFor(want string) (string, bool) {
	if v.node.Kind != yaml.ScalarNode || v.isNull() {
		v.mismatch(want)
		return "", false
	}
	if v.isPlain() && strings.Count(v.node.Value, "${{") > strings.Count(v.node.Value, "}}") {
		v.cut("expression")
		return "", false
	}
	return v.node.Value, true
}

// cut explains a plain scalar that YAML ended too early, at what it takes for a
// comment.
func (v value) cut(what string) {
	line := v.doc.lines.line(v.node.Line)
	message := fmt.Sprintf("YAML cuts the unquoted %s off at \" #\"", what)
	if fixed, ok := quoteValue(line); ok {
		message += "; write " + strings.TrimSpace(fixed)
	}
	v.fail("%s", message)
}

func (v value) texts(shape string) []string {
	var list []string
	for _, item := range v.items(shape) {
		if text, ok := item.text(); ok {
			list = append(list, text)
		}
	}
	return list
}

func (v value) isNull() bool {
	return v.node.Kind == yaml.ScalarNode && v.node.Tag == "!!null" && v.isPlain()
}

func (v value) isPlain() bool {
	return v.node.Kind == yaml.ScalarNode && v.node.Style == 0
}

// boolean takes true and false, and nothing that other YAML readers take for them.
func (v value) boolean() bool {
	text, ok := v.textFor("true or false")
	if !ok {
		return false
	}
	lower := strings.ToLower(text)
	switch {
	case v.isPlain() && (lower == "true" || lower == "false"):
		return lower == "true"
	case slices.Contains([]string{"true", "yes", "on", "y", "1"}, lower):
		v.fail("%s is %s, not a boolean: write %s: true", v.label(), describe(v.node), v.label())
	case slices.Contains([]string{"false", "no", "off", "n", "0"}, lower):
		v.fail("%s is %s, not a boolean: write %s: false", v.label(), describe(v.node), v.label())
	default:
		v.fail("%s is %s, not a boolean: write true or false", v.label(), describe(v.node))
	}
	return false
}

var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// integer takes a decimal number without quotes.
func (v value) integer() int {
	text, ok := v.textFor("a whole number")
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(text)
	switch {
	case v.isPlain() && decimal.MatchString(text) && err == nil:
		return n
	case !v.isPlain() && decimal.MatchString(text) && err == nil:
		v.fail("%s is text, not a number: write %s: %d", v.label(), v.label(), n)
	case decimal.MatchString(text):
		v.fail("%s is too large", text)
	default:
		v.fail("%s is %s, not a whole number", v.label(), describe(v.node))
	}
	return 0
}

// duration takes what time.ParseDuration takes, and days of 24 hours in front:
// 90s, 1h30m, 2d, 1d12h.
func (v value) duration() miniairflow.Duration {
	text, ok := v.textFor("a duration such as 90s, 10m, 1h30m or 2d")
	if !ok {
		return 0
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil && text != "0" {
		v.fail("%s: %s has no unit: write %s: %ss", v.label(), text, v.label(), text)
		return 0
	}
	d, err := miniairflow.ParseDuration(text)
	if err != nil {
		v.fail("%s: %s is not a duration: write one such as 90s, 10m, 1h30m or 2d", v.label(), quoted(text))
	}
	return d
}

// deadline reads a time of day, or a time after the start of the run; nil: none.
func (v value) deadline() *miniairflow.Deadline {
	text, ok := v.textFor(`a time of day such as "06:00", a time after the start such as "+2h", or usual`)
	if !ok {
		return nil
	}
	d, err := miniairflow.ParseDeadline(text)
	if err != nil {
		v.fail("%s: %v", v.label(), err)
		return nil
	}
	return &d
}

// mismatch records that the value is not what its key needs.
func (v value) mismatch(want string) {
	switch {
	case v.node.Style&yaml.TaggedStyle != 0:
		v.doc.fault(v.path) // the tag is told already
	case v.isNull() && len(v.path) == 0:
		v.fail("the document is empty")
	case v.isNull():
		v.fail("%s has no value: it needs %s", v.label(), want)
	default:
		v.fail("%s is %s, not %s", v.label(), describe(v.node), want)
	}
}

// describe names the kind of a node in words.
func describe(n *node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.Tag == "!!null" {
		return "empty"
	}
	return quoted(n.Value)
}

const quotedMax = 60

// quoted returns a text in quotes, shortened.
func quoted(text string) string {
	if runes := []rune(text); len(runes) > quotedMax {
		text = string(runes[:quotedMax]) + "…"
	}
	return strconv.Quote(text)
}
