package loader

import (
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// fixesMax bounds how many syntax errors of one file are corrected to read on.
const fixesMax = 20

var errLate = errors.New("out of time")

// decode parses the file's lines into one tree per document; empty documents are left
// out. At a syntax error it records the place and, where quotes or spaces
// repair the line, the corrected line, with which it reads on, so that the
// other problems of the file are told too. whole counts the trees before the
// first syntax error: only they may become workflows.
func (f *file) decode() (trees []*node, whole int) {
	lines := slices.Clone(f.lines)
	var unharmed []*node
	for broken := 0; ; broken++ {
		found, err := f.parseTrees(strings.Join(lines, "\n"))
		if broken == 0 {
			unharmed, whole = found, len(found)
		}
		copy(found, unharmed) // a repaired line may begin with the end of one of them
		if err == nil || errors.Is(err, errLate) {
			return found, whole
		}
		fault := f.locate(lines)
		if f.late() {
			return found, whole
		}
		fixed, ok := f.repair(lines, fault)
		f.fail(fault.at(lines, ok), "%s", fault.message(lines.line(fault.line), fixed))
		if !ok || broken == fixesMax {
			return found, whole
		}
		f.repaired[fault.line] = true
		lines[fault.line-1] = fixed
	}
}

// parseTrees parses as far as it can. The reader ends it when time is up.
func (f *file) parseTrees(text string) (trees []*node, err error) {
	decoder := yaml.NewDecoder(&timedReader{file: f, rest: text})
	for !f.late() {
		tree := new(node)
		if err := decoder.Decode(tree); err != nil {
			if errors.Is(err, io.EOF) {
				return trees, nil
			}
			if f.late() {
				break
			}
			return trees, err
		}
		if root := tree.Content[0]; root.Kind != yaml.ScalarNode || root.Tag != "!!null" || root.Style != 0 {
			trees = append(trees, root)
		}
		if len(trees) > f.limits.Documents {
			f.halt(at(tree), "the file has more than %d documents", f.limits.Documents)
		}
	}
	return trees, errLate
}

// timedReader hands out a text in pieces until its file is late, because the
// YAML parser cannot be interrupted otherwise.
type timedReader struct {
	*file
	rest string
}

func (r *timedReader) Read(buffer []byte) (int, error) {
	if r.rest == "" {
		return 0, io.EOF
	}
	if time.Now().After(r.deadline) {
		return 0, errLate
	}
	n := copy(buffer, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// repair returns the line of a fault such that the file can be read further
// than before.
func (f *file) repair(lines lines, fault fault) (string, bool) {
	line := lines.line(fault.line)
	if len(line) > repairMax {
		return "", false
	}
	changed := slices.Clone(lines)
	for _, candidate := range fault.candidates(line) {
		if candidate == line || f.late() {
			continue
		}
		changed[fault.line-1] = candidate
		_, err := f.parseTrees(strings.Join(changed, "\n"))
		if err == nil || !f.late() && f.locate(changed).line > fault.line && !f.late() {
			return candidate, true
		}
	}
	return "", false
}

// repairMax bounds the lines that are repaired: longer ones were not written by hand.
const repairMax = 1_000
