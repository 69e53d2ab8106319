// Package format brings workflow files into one form: two spaces for each level,
// one space where spaces mean nothing, no blank lines but single ones. What people
// chose stays as it is: comments and where they stand, the order of keys, quotes,
// the form of lists, maps and texts of several lines.
package format

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
)

// File returns the formatted text of a workflow file, or of a file beside the
// workflows. It has the same content as data: a text that would be read
// otherwise, that would give its workflows another content, or that a second
// formatting would change again, is refused with CodeConflict. A file with an error
// of syntax is refused with the error of loader.ParseError; mistakes in what it
// means are left in it, and a file without content stays as it is. path names the file in messages, and the workflow that has
// no name of its own.
func File(path string, data []byte, limits loader.Limits) ([]byte, error) {
	before, problems := loader.Parse(path, data, limits)
	for _, problem := range problems {
		if problem.Line == 0 && saysNothing(data) { // an empty defaults file is sound
			return data, nil
		}
		if problem.Line == 0 { // of the file as a whole: too large, no text, too slow to read
			return nil, loader.ParseError(problems)
		}
	}
	read, formatted, err := reform(data)
	if err != nil {
		return nil, loader.ParseError(problems)
	}
	after, _ := loader.Parse(path, formatted, limits)
	reread, again, err := reform(formatted)
	switch {
	case err != nil || !slices.EqualFunc(read, reread, isSame) || !slices.Equal(hashes(before), hashes(after)):
		return nil, miniairflow.Errorf(miniairflow.CodeConflict,
			"%s: formatting would change what it says, so it stays as it is: write it in a plainer form, without values that go on in further lines", path)
	case !bytes.Equal(again, formatted):
		return nil, miniairflow.Errorf(miniairflow.CodeConflict, "%s: formatting it twice gives two texts, so it stays as it is: please report it", path)
	}
	return formatted, nil
}

// saysNothing reports whether a file has nothing but comments and empty lines.
func saysNothing(data []byte) bool {
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return false
		}
	}
	return true
}

func hashes(definitions []miniairflow.DefinitionAt) []string {
	list := make([]string, len(definitions))
	for i := range definitions {
		list[i] = definitions[i].Hash()
	}
	return list
}

// isSame reports whether two trees say the same, in the same quotes and brackets.
func isSame(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.Tag == b.Tag && a.Value == b.Value && a.Anchor == b.Anchor && a.Style == b.Style &&
		slices.EqualFunc(a.Content, b.Content, isSame)
}

// reform is File without its promises. It returns what it has read as well.
func reform(data []byte) (documents []*yaml.Node, formatted []byte, err error) {
	text := strings.TrimPrefix(string(data), "\ufeff")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	s := newSheet(text)
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return documents, []byte(s.text()), nil
		}
		if err != nil {
			return nil, nil, err
		}
		documents = append(documents, &document)
		for _, root := range document.Content {
			s.walk(root, place{line: root.Line, indent: -step, old: -1})
		}
	}
}
