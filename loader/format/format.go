// Package format brings workflow files into one form: two spaces for each level,
// one space where spaces mean nothing, no blank lines but single ones. What people
// chose stays as it is: comments and where they stand, the order of keys, quotes,
// the form of lists, maps and texts of several lines.
package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
)

// File returns the formatted text of a workflow file. Its workflows mean what
// they meant: a text that would change them, or that a second formatting would
// change again, is refused with CodeConflict. A file with problems is refused
// with the error of loader.ParseError. path names the file in messages, and the
// workflow that has no name of its own.
func File(path string, data []byte, limits loader.Limits) ([]byte, error) {
	before, problems := loader.Parse(path, data, limits)
	if len(problems) > 0 {
		return nil, loader.ParseError(problems)
	}
	formatted, err := reform(data)
	if err != nil {
		return nil, fmt.Errorf("format %q: %w", path, err)
	}
	after, problems := loader.Parse(path, formatted, limits)
	if len(problems) > 0 || !slices.Equal(hashes(before), hashes(after)) {
		return nil, miniairflow.Errorf(miniairflow.CodeConflict,
			"%s: formatting would change what it means, so it stays as it is: write it in a plainer form, without values that go on in further lines", path)
	}
	again, err := reform(formatted)
	if err != nil || !bytes.Equal(again, formatted) {
		return nil, miniairflow.Errorf(miniairflow.CodeConflict, "%s: formatting it twice gives two texts, so it stays as it is: please report it", path)
	}
	return formatted, nil
}

func hashes(definitions []miniairflow.DefinitionAt) []string {
	list := make([]string, len(definitions))
	for i := range definitions {
		list[i] = definitions[i].Hash()
	}
	return list
}

// reform is File without its promises.
func reform(data []byte) ([]byte, error) {
	text := strings.TrimPrefix(string(data), "\ufeff")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	s := newSheet(text)
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return []byte(s.text()), nil
		}
		if err != nil {
			return nil, err
		}
		for _, root := range document.Content {
			s.walk(root, place{line: root.Line, indent: -step, old: -1})
		}
	}
}
