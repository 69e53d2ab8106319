package loader_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
)

// FuzzParse requires of any bytes that Parse neither panics nor hangs, that its
// problems lie in the file, and that what it returns is valid.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.yaml", "testdata/bad/*.yaml"} {
		files, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, file := range files {
			f.Add(read(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { parseAnything(t, data) })
}

func parseAnything(t *testing.T, data []byte) {
	t.Helper()
	definitions, problems := loader.Parse("any.yaml", data, loader.Limits{})
	require.False(t, len(definitions) == 0 && len(problems) == 0, "neither a workflow nor a problem")
	for _, definition := range definitions {
		wrong := slices.DeleteFunc(definition.Validate(), func(p miniairflow.Problem) bool { return p.IsWarning })
		require.Empty(t, wrong)
		require.NotEmpty(t, definition.Hash())
	}
	lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + 1
	for _, problem := range problems {
		require.LessOrEqual(t, problem.Line, lines, problem)
		require.Equal(t, problem.Line > 0, problem.Column > 0, "a place, or the whole file: %v", problem)
		require.NotContains(t, problem.Message, "runtime error")
	}
}

// skipUnderRace skips a test that reads thousands of files one after the other, in
// which nothing happens at once.
func skipUnderRace(t *testing.T) {
	t.Helper()
	if isRace {
		t.Skip("takes minutes under the race detector: the run without it does it")
	}
}

// A good file that is cut off anywhere is a good file or has problems in it.
func TestParseTruncated(t *testing.T) {
	skipUnderRace(t)
	for _, file := range glob(t, "testdata/good/*.yaml") {
		data := read(t, file)
		for n := range data {
			parseAnything(t, data[:n])
		}
	}
}

// A good file in which any one byte is replaced by a mark of YAML is a good file
// or has problems in it.
func TestParseMutated(t *testing.T) {
	skipUnderRace(t)
	data := read(t, "testdata/good/02_daily_etl.yaml")
	for i := range data {
		for _, mark := range []byte("\t:[\"'*") {
			mutated := bytes.Clone(data)
			mutated[i] = mark
			parseAnything(t, mutated)
		}
	}
}

// Inputs made to cost much end with problems, whatever they cost elsewhere: the
// limits, not patience, end them.
func TestParseBombs(t *testing.T) {
	skipUnderRace(t)
	const size = 1 << 20
	fill := func(part string) string { return strings.Repeat(part, size/len(part)) }
	most := strings.Repeat("a,", size/2-100)
	bombs := map[string]string{
		"lists":                   fill("["),
		"maps":                    fill("{"),
		"dashes":                  fill("- "),
		"questions":               fill("? "),
		"colons":                  fill(":"),
		"same keys":               fill("a: b\n"),
		"comments":                fill("#\n"),
		"key comments":            fill("a: #\n"),
		"anchors":                 fill("&a "),
		"tags":                    fill("!a "),
		"flow list":               "tags: [" + fill("a,") + "]",
		"quote":                   "\"" + fill("\n"),
		"plain lines":             fill("a\n"),
		"documents":               fill("---\n"),
		"small ones":              fill("--- a\n"),
		"steps":                   stairs(size),
		"block scalar":            "a: |\n" + fill(" \n"),
		"tasks":                   "tasks:\n" + numbered(60_000, "  t%d: {noop: true}\n"),
		"broken lines":            "tasks:\n" + numbered(60_000, "  t%d: a: b\n"),
		"slow and broken":         numbered(90_000, "k%d: #\n") + numbered(30, "t%d: a: b\n"),
		"open quotes":             "tasks:\n" + numbered(60_000, "  t%d: \"\n"),
		"unknown keys":            numbered(60_000, "key%d: x\n"),
		"unknown tasks":           "tasks:\n  a:\n    command: x\n    depends_on:\n" + numbered(60_000, "      - task%d\n"),
		"env of all":              "defaults:\n  env:\n" + numbered(3_000, "    E%d: x\n") + "tasks:\n" + numbered(5_000, "  t%d: {noop: true}\n"),
		"aliases":                 "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + fill("b: *a\n"),
		"merges":                  "defaults: &d {timeout: 1s}\ntasks:\n" + numbered(20_000, "  t%d: {<<: *d, <<: [*d, *d, *d]}\n"),
		"expressions":             "tasks: {a: {command: [" + fill("\"${{ run.id }}\",") + "]}}",
		"expressions in one text": "tasks: {a: {command: [cat], stdin: \"" + strings.Repeat("${{1}}", 170_000) + "\"}}",
		"expressions in a script": "tasks: {a: {command: \"" + numbered(90_000, "${{%d}}") + "\"}}",
		"different expressions":   "tasks: {a: {command: [" + numbered(60_000, "'${{%d}}',") + "]}}",
		"zones":                   "tasks: {a: {command: [" + numbered(17_000, "\"${{formatDate('2026-01-31','%%F','A%d')}}\",") + "]}}",
		"calls":                   "tasks: {a: {command: [" + numbered(20_001, "\"${{sort(unique(split('%d','a')))}}\",") + "]}}",
		"items of a param":        "params: {a: {type: list, default: [" + most + "]}}\ntasks: {a: {noop: true}}",
		"values of an enum":       "params: {a: {type: string, pattern: 'a.{999}', enum: [" + most + "]}}",
		"patterns":                "params:\n" + numbered(40_000, "  p%d: {type: string, pattern: 'a.{999}'}\n"),
		"a thousand patterns":     "params:\n" + numbered(1_000, "  p%d: {type: string, pattern: '(a.{0,190}|b){5}', default: '"+strings.Repeat("ab", 200)+"'}\n"),
		"values of a pattern":     "params: {a: {type: string, pattern: '(a{0,190}|b){5}', enum: [" + numbered(60_000, "aaaaaaaaaa%d,") + "]}}",
		"long patterns":           "params:\n" + numbered(1_000, "  p%d: {type: string, pattern: '"+strings.Repeat(".{0,1000}", 100)+"'}\n"),
		"long cron":               "schedule: \"" + fill("1,") + "\"",
		"schedules and params":    "params: {" + numbered(20_000, "p%d: 1, ") + "}\nschedule: [" + numbered(80_000, "a%d,") + "]\ntasks: {a: {noop: true}}",
		"strange schedule params": "params: {" + numbered(1_000, "p%d: 1, ") + "}\nschedule: {cron: '@daily', params: {" + numbered(70_000, "x%d: 1, ") + "}}\ntasks: {a: {noop: true}}",
		"templates of schedules": "params: {" + numbered(900, "p%d: 1, ") + "}\nschedule:\n- {name: a, cron: '@daily', params: &p {" + numbered(700, "p%d: '${{ run.idd }}', ") + "}}\n" +
			numbered(99, "- {name: s%d, cron: '@daily', params: *p}\n") + "tasks: {a: {noop: true}}",
		"patterns of schedules": "params: {p: {type: string, pattern: '(?:.*,){330}x', required: false}}\nschedule:\n- {name: a, cron: '@daily', params: {p: &p '" + strings.Repeat(",", 16_000) + "'}}\n" +
			numbered(99, "- {name: s%d, cron: '@daily', params: {p: *p}}\n") + "tasks: {a: {noop: true}}",
		"groups":            "groups:\n" + numbered(9_000, "  g%d: {depends_on: [g1, x]}\n") + "tasks:\n" + numbered(9_000, "  t%d: {noop: true, group: h}\n"),
		"group after group": "groups: {a: {}, b: {depends_on: [a]}}\ntasks:\n" + numbered(4_900, "  a%d: {noop: true, group: a}\n") + numbered(4_900, "  b%d: {noop: true, group: b}\n"),
		"edge of a kind":    "tasks:\n" + numbered(9_000, "  t%d: {command: echo, depends_on: [t1, t2, t3, t4]}\n"),
	}
	for name, bomb := range bombs {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			require.Less(t, len(bomb), 2*size)
			definitions, problems := loader.Parse("bomb.yaml", []byte(bomb[:min(len(bomb), size)]), loader.Limits{})
			require.NotEmpty(t, problems)
			require.Empty(t, definitions)
			require.LessOrEqual(t, len(problems), 1_000)
			t.Logf("%s: %s", time.Since(start).Round(time.Millisecond), clip(problems[0].String()))
		})
	}
}

func stairs(size int) string {
	var text strings.Builder
	for i := 0; text.Len() < size; i++ {
		text.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return text.String()
}

func numbered(count int, format string) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, format, i)
	}
	return text.String()
}

func clip(text string) string { return text[:min(len(text), 120)] }
