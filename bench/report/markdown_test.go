package report_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/bench/report"
)

func TestNumber(t *testing.T) {
	for _, test := range []struct {
		value float64
		want  string
	}{
		{0, "0"},
		{0.12345, "0.123"},
		{-0.5, "-0.500"},
		{1.005, "1.00"},
		{12.34, "12.3"},
		{123.4, "123"},
		{999.9, "1,000"},
		{1234.5, "1,234"},
		{1_234_567, "1,234,567"},
		{-123_456, "-123,456"},
		{-1_234, "-1,234"},
	} {
		require.Equal(t, test.want, report.Number(test.value), "%g", test.value)
	}
}

// The page has a row for everything that was measured, for what is void, and for
// what could not be measured.
func TestWriteMarkdown(t *testing.T) {
	machine := report.Machine{
		CPU: "Some CPU", Cores: 2, MemoryMB: 4096, Kernel: "Linux 6", Go: "go1.26", PostgreSQL: "PostgreSQL 17",
		Shell: "/usr/bin/dash", Commit: "abc", SyncMicros: 250, At: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	outcomes := []report.Outcome{
		{
			Benchmark: "B1", Title: "rates",
			Rows: []report.Row{
				{
					Benchmark: "B1", Name: "ten tasks", Unit: "tasks/s", Ours: []float64{90, 80, 100}, Limit: []float64{100, 100, 100},
					LimitName: "loop", Target: 0.9, Beside: map[string]float64{"xargs": 70, "make": 50}, Note: "a note",
				},
				{
					Benchmark: "B1", Name: "bound tasks", Unit: "tasks/s", Ours: []float64{60}, Limit: []float64{100}, LimitName: "loop", Target: 0.9,
					Bound: []float64{80}, BoundName: "bare calls",
				},
				{Benchmark: "B1", Name: "hop", Unit: "ms", Ours: []float64{3}, Target: 2, AtMost: true},
				{Benchmark: "B1", Name: "size", Unit: "MB", Ours: []float64{1500}, Info: true},
				{Benchmark: "B1", Name: "order", Unit: "s", Target: 1, Void: "task 1\nbegan | too early"},
			},
			Curves: []report.Curve{{Name: "growth"}},
		},
		{Benchmark: "B2", Title: "more", Error: "no such\nprogram"},
	}
	var page strings.Builder
	require.NoError(t, report.WriteMarkdown(&page, machine, outcomes, func(o report.Outcome, i int) string {
		return fmt.Sprintf("charts/%s-%d.svg", o.Benchmark, i)
	}))
	text := page.String()
	require.Contains(t, text, "Measured 2027-01-02 03:04 UTC, version abc: Some CPU, 2 cores, 4096 MB, Linux 6, go1.26, PostgreSQL 17, sh is /usr/bin/dash.")
	require.Contains(t, text, "took 250 µs")
	require.Contains(t, text, "Of the targets 1 are met (pass), 1 are bound and 1 missed; 1 could not be judged (void).")
	_, table, found := strings.Cut(text, "| | what |")
	require.True(t, found, "there is a table")
	table, rest, _ := strings.Cut(table, "\n\n")
	require.Equal(t, []string{
		" target | measured (least–most) | | ours | limit | beside |",
		"|---|---|---|---|---|---|---|---|",
		"| **B1** | **rates** | | | | | | |",
		"| B1 | ten tasks | ≥ 0.900 × | 0.900 (0.800–1.00) | pass | 90.0 tasks/s | 100 tasks/s (loop) | make 50.0, xargs 70.0 |",
		"| B1 | bound tasks | ≥ 0.900 × | 0.600 | bound 0.800 | 60.0 tasks/s | 100 tasks/s (loop) |  |",
		"| B1 | hop | ≤ 2.00 ms | 3.00 | **missed** | 3.00 ms |  |  |",
		"| B1 | size |  | 1,500 | – | 1,500 MB |  |  |",
		`| B1 | order | ≥ 1.00 s | | **void**: task 1 began \| too early | | | |`,
		"| B2 | more | | | **not measured**: no such program | | | |",
	}, strings.Split(table, "\n"))
	require.Equal(t, "- B1, ten tasks: a note\n- B1, bound tasks: bare calls: 0.800 × (0.800–0.800); ours reaches 0.750 of that\n\n![growth](charts/B1-0.svg)\n", rest)
}

// Each line of the table has as many cells as its head.
func TestWriteMarkdownCells(t *testing.T) {
	outcomes := []report.Outcome{{Benchmark: "B1", Title: "a", Error: "a | b", Rows: []report.Row{
		{Name: "x", Unit: "s", Ours: []float64{1}}, {Name: "y", Void: "c | d"},
	}}}
	var page strings.Builder
	require.NoError(t, report.WriteMarkdown(&page, report.Machine{}, outcomes, nil))
	rows := 0
	for line := range strings.Lines(page.String()) {
		if strings.HasPrefix(line, "|") {
			rows++
			require.Equal(t, 9, strings.Count(line, "|")-strings.Count(line, `\|`), line)
		}
	}
	require.Equal(t, 6, rows)
}
