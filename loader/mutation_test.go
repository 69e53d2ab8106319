package loader_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/loader"
)

var mutations = flag.Int("mutations", 500, "how many mutated files TestParseMutations reads; make mutations has many")

// parseBytesMax is how much memory the reading of one small file may ask for in all.
const parseBytesMax = 64 << 20

// Workflow files that people really have, harmed in ways in which editors, merges and
// templating harm them: whatever comes of that is read without a panic, in bounded
// memory, and never ended by the limit of time. Each mutation has its own seed, so that
// the number in a failure is enough to have it again.
func TestParseMutations(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../runner/testdata/*.yaml", "../dags/*.yaml", "testdata/good/*.yaml"} {
		for _, file := range glob(t, pattern) {
			files = append(files, string(read(t, file)))
		}
	}
	require.GreaterOrEqual(t, len(files), 100)
	var most uint64
	var slowest time.Duration
	for seed := range *mutations {
		text := newMutator(uint64(seed), files).text()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, problems := loader.Parse("any.yaml", []byte(text), loader.Limits{})
		slowest = max(slowest, time.Since(start))
		runtime.ReadMemStats(&after)
		used := after.TotalAlloc - before.TotalAlloc
		most = max(most, used)
		require.LessOrEqual(t, used, uint64(parseBytesMax), "mutation %d:\n%s", seed, text)
		for _, problem := range problems {
			require.NotContains(t, problem.Message, "the file cannot be read", "mutation %d:\n%s", seed, text)
			require.NotContains(t, problem.Message, "the file takes longer", "mutation %d:\n%s", seed, text)
		}
		parseAnything(t, []byte(text))
	}
	t.Logf("%d files, at most %d KiB of memory and %s", *mutations, most>>10, slowest.Round(time.Millisecond))
}

// mutator harms a text.
type mutator struct {
	random *rand.Rand
	files  []string
}

func newMutator(seed uint64, files []string) *mutator {
	return &mutator{random: rand.New(rand.NewPCG(seed, 0)), files: files}
}

// tokens are what YAML, templates and this language give a meaning.
var tokens = []string{
	":", ": ", "- ", "? ", "|", ">", "|2-", "&a ", "*a", "<<: *a", "!!binary ", "!x ", "[", "]", "{", "}", ",", "#", " #", "'", "\"", "\\", "`", "\t", "\n", "\r\n", "\r",
	"\n---\n", "\n...\n", "%YAML 1.2\n", "\ufeff", "\x00", "\xff", "\u2028", "ä", "😀", "~", "null", "yes", "0x1F", "007", "1e999", ".inf", ".nan", "-", "9223372036854775808",
	"${{", "}}", "$${{", "${{ tasks.a.outputs.b }}", "${{ params.x }}", "${{ (((((( }}", "2026-01-31", "30", "30s", "-1h", "@daily", "* * * * *", "Europe/Berlin",
	"tasks:", "depends_on: ", "command: ", "for_each: ", "when: ", "env: ", "retry: ", "wait: ", "finally:", "defaults: ", "groups: ", "template: x", "noop: true", "name: ",
}

// text returns one of the files with one to eight harms.
func (m *mutator) text() string {
	text := m.pick(m.files)
	for range 1 + m.random.IntN(8) {
		text = m.harm(text)
	}
	return text
}

func (m *mutator) pick(list []string) string { return list[m.random.IntN(len(list))] }

// span returns a part of a text that is not longer than most.
func (m *mutator) span(text string, most int) (from, to int) {
	from = m.random.IntN(len(text) + 1)
	return from, min(len(text), from+m.random.IntN(most+1))
}

func (m *mutator) harm(text string) string {
	from, to := m.span(text, 80)
	part := text[from:to]
	lines := strings.SplitAfter(text, "\n")
	at := m.random.IntN(len(lines))
	switch m.random.IntN(9) {
	case 0: // something is gone
		return text[:from] + text[to:]
	case 1: // something is there twice, or very often
		return text[:from] + strings.Repeat(part, 1+m.random.IntN(3)*m.random.IntN(60)) + text[from:]
	case 2:
		return text[:from] + m.pick(tokens) + text[from:]
	case 3:
		return text[:from] + m.pick(tokens) + text[to:]
	case 4: // another indentation
		lines[at] = strings.Repeat(" ", m.random.IntN(8)) + strings.TrimLeft(lines[at], " ")
	case 5: // two lines change places
		other := m.random.IntN(len(lines))
		lines[at], lines[other] = lines[other], lines[at]
	case 6: // a merge of two files
		other := m.pick(m.files)
		start, end := m.span(other, 400)
		return text[:from] + other[start:end] + text[from:]
	case 7: // what is below becomes deeper
		for i := at; i < min(len(lines), at+1+m.random.IntN(10)); i++ {
			lines[i] = "  " + lines[i]
		}
	case 8: // any byte
		mutated := []byte(text)
		if len(mutated) > 0 {
			mutated[m.random.IntN(len(mutated))] = byte(m.random.UintN(256))
		}
		return string(mutated)
	}
	return strings.Join(lines, "")
}

// A mutation is the same each time, or nobody could look into one that fails.
func TestMutationsAreTheSame(t *testing.T) {
	files := []string{"tasks:\n  a: {noop: true}\n", "name: x\n"}
	var texts []string
	for seed := range uint64(50) {
		text := newMutator(seed, files).text()
		require.Equal(t, text, newMutator(seed, files).text(), fmt.Sprint(seed))
		texts = append(texts, text)
	}
	slices.Sort(texts)
	require.Greater(t, len(slices.Compact(texts)), 40)
}
