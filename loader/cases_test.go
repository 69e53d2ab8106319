package loader_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
)

func TestParseCases(t *testing.T) {
	file, problems := loader.ParseCases("x.test.yaml", []byte(`
workflow: x
cases:
  one:
    params: {a: 007, b: [1, x, 2.5, true, ~, 007], c: {d: 2026-01-31, e: 3.10, f: yes}}
    logical_date: 2026-01-31T06:00:00Z
    tasks:
      t: {outputs: {n: 3.10, l: [1, "2", 007, 3.10], o: {k: "v"}}}
      u: [{exit_code: 3}, {timed_out: true}, {}]
    expect:
      status: failed
      order: [t, u]
      tasks:
        t: success
        u: {status: failed, attempts: 3, env: {A: 01}, command: [a, b], stdin: "", reason: code}
`), loader.Limits{})
	require.Empty(t, problems)
	attempts, stdin := 3, ""
	require.Equal(t, loader.CaseFile{Workflow: "x", Cases: []loader.Case{{
		Name: "one", Line: 4,
		Params:      map[string]any{"a": "007", "b": []any{int64(1), "x", 2.5, true, nil, "007"}, "c": map[string]any{"d": "2026-01-31", "e": "3.10", "f": "yes"}},
		LogicalDate: time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC),
		Mocks: map[string][]loader.Mock{
			"t": {{Outputs: map[string]string{"n": "3.10", "l": `[1,"2","007","3.10"]`, "o": `{"k":"v"}`}}},
			"u": {{ExitCode: 3}, {TimedOut: true}, {}},
		},
		Expect: loader.Expectation{
			Status: miniairflow.RunFailed, Order: []string{"t", "u"},
			Tasks: []loader.ExpectedTask{
				{Name: "t", Line: 14, Status: miniairflow.TaskSuccess},
				{Name: "u", Line: 15, Status: miniairflow.TaskFailed, Attempts: &attempts, Env: map[string]string{"A": "01"}, Command: []string{"a", "b"}, Stdin: &stdin, Reason: "code"},
			},
		},
	}}}, file)
}

func TestParseCasesProblems(t *testing.T) {
	for text, want := range map[string]string{
		"":            "x.test.yaml: the file is empty: a test file needs `cases:`",
		"[]":          "x.test.yaml:1:1: the workflow is a list, not a map: write `cases:` with a case below it",
		"workflow: x": "x.test.yaml:1:1: the file has no cases: write `cases:` and below it a name and what is expected",
		"cases: {a: {expect: {status: success}}}\n---\ncases: 1": "x.test.yaml:3:1: a test file has one document: remove what follows the ---",
		"case: {}":                                  "x.test.yaml:1:1: unknown key \"case\" in a test file; did you mean \"cases\"?",
		"cases: {a: {tasks: {}}}":                   "x.test.yaml:1:9: the case expects nothing, so it cannot fail: write expect: {status: success}",
		"cases: {a: {expect: {}}}":                  "x.test.yaml:1:13: expect is empty, so the case cannot fail: write {status: success}",
		"cases: {a: {expect: {status: faild}}}":     "x.test.yaml:1:30: status \"faild\" is unknown: use success, failed; did you mean \"failed\"?",
		"cases: {a: {expect: {tasks: {t: green}}}}": "x.test.yaml:1:33: t \"green\" is unknown: use success, failed, skipped, upstream_failed",
		"cases: {a: {expect: {status: failed}, tasks: {t: {exit_code: 256}}}}": "x.test.yaml:1:62: exit_code is 256, but must be 0 to 255",
		"cases: {a: {expect: {status: failed}, tasks: {t: []}}}":               "x.test.yaml:1:47: the list of attempts of t is empty: write one map for each attempt",
		"cases: {a: {expect: {status: failed}, logical_date: today}}":          "x.test.yaml:1:53: logical_date is \"today\", not a datetime: write it like 2026-01-31T06:00:00Z",
	} {
		file, problems := loader.ParseCases("x.test.yaml", []byte(text), loader.Limits{})
		require.Equal(t, []string{want}, texts(problems), text)
		require.Empty(t, file.Cases)
	}
}

// FuzzParseCases requires of any bytes that ParseCases neither panics nor hangs, and
// that its problems are placed.
func FuzzParseCases(f *testing.F) {
	f.Add([]byte("cases: {a: {expect: {status: success}, tasks: {t: [{exit_code: 1}]}}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, problems := loader.ParseCases("any.test.yaml", data, loader.Limits{})
		for _, problem := range problems {
			require.Equal(t, problem.Line > 0, problem.Column > 0, problem)
			require.NotContains(t, problem.Message, "runtime error")
		}
	})
}
