package report_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/bench/report"
)

func TestMedian(t *testing.T) {
	values := []float64{9, 1, 5}
	require.InDelta(t, 5, report.Median(values), 0)
	require.Equal(t, []float64{9, 1, 5}, values, "the values stay in their order")
	require.InDelta(t, 2.5, report.Median([]float64{4, 1, 3, 2}), 0)
	require.InDelta(t, 7, report.Median([]float64{7}), 0)
	require.True(t, math.IsNaN(report.Median(nil)))
}

func TestQuantile(t *testing.T) {
	hundred := make([]float64, 101)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	for _, test := range []struct{ q, want float64 }{{0, 0}, {0.5, 50}, {0.99, 99}, {0.995, 99.5}, {1, 100}} {
		require.InDelta(t, test.want, report.Quantile(hundred, test.q), 1e-9, "q = %g", test.q)
	}
	require.InDelta(t, 17.5, report.Quantile([]float64{10, 20}, 0.75), 1e-9)
}

func TestSlope(t *testing.T) {
	x := []float64{10, 100, 1000, 10_000}
	for _, test := range []struct {
		name  string
		power float64
	}{{"constant", 0}, {"root", 0.5}, {"in proportion", 1}, {"square", 2}, {"falling", -1}} {
		t.Run(test.name, func(t *testing.T) {
			y := make([]float64, len(x))
			for i := range x {
				y[i] = 3 * math.Pow(x[i], test.power)
			}
			require.InDelta(t, test.power, report.Slope(x, y), 1e-9)
		})
	}
	// The best line through points that lie on none.
	require.InDelta(t, 1.5, report.Slope([]float64{1, 10, 100}, []float64{1, 100, 1000}), 1e-9)
}

func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		name string
		row  report.Row
		want string
	}{
		{"ours reaches it", report.Row{Ours: []float64{5}, Target: 5}, "pass"},
		{"ours is below", report.Row{Ours: []float64{4.9}, Target: 5}, "missed"},
		{"ours is the most allowed", report.Row{Ours: []float64{5}, Target: 5, AtMost: true}, "pass"},
		{"ours is more than allowed", report.Row{Ours: []float64{5.1}, Target: 5, AtMost: true}, "missed"},
		{"the median counts", report.Row{Ours: []float64{1, 9, 6}, Target: 5}, "pass"},
		{"the ratio is judged", report.Row{Ours: []float64{80}, Limit: []float64{100}, Target: 0.9}, "missed"},
		{"the ratio may be small", report.Row{Ours: []float64{80}, Limit: []float64{100}, Target: 0.9, AtMost: true}, "pass"},
		// The median of ours beside that of the limit would be a pass.
		{"each pair has its ratio", report.Row{Ours: []float64{10, 90, 100}, Limit: []float64{20, 100, 80}, Target: 0.95}, "missed"},
		{"less is better", report.Row{Ours: []float64{10}, Limit: []float64{9}, Target: 0.9, Inverse: true}, "pass"},
		{"less would be better", report.Row{Ours: []float64{10}, Limit: []float64{8}, Target: 0.9, Inverse: true}, "missed"},
		{"a bound that allows it", report.Row{Ours: []float64{80}, Limit: []float64{100}, Bound: []float64{95}, Target: 0.9}, "missed"},
		{"a bound that just allows it", report.Row{Ours: []float64{80}, Limit: []float64{100}, Bound: []float64{90}, Target: 0.9}, "missed"},
		{"a bound that forbids it", report.Row{Ours: []float64{80}, Limit: []float64{100}, Bound: []float64{89}, Target: 0.9}, "bound"},
		{"at the bound", report.Row{Ours: []float64{80}, Limit: []float64{100}, Bound: []float64{80}, Target: 0.9}, "bound"},
		{"beyond the bound, which is none then", report.Row{Ours: []float64{80}, Limit: []float64{100}, Bound: []float64{79}, Target: 0.9}, "missed"},
		{"met, whatever the bound", report.Row{Ours: []float64{95}, Limit: []float64{100}, Bound: []float64{80}, Target: 0.9}, "pass"},
		{"a bound of what should be small", report.Row{Ours: []float64{3}, Limit: []float64{1}, Bound: []float64{2}, Target: 1.25, AtMost: true}, "bound"},
		{"small enough is possible", report.Row{Ours: []float64{3}, Limit: []float64{1}, Bound: []float64{1.2}, Target: 1.25, AtMost: true}, "missed"},
		{"a bound without a limit", report.Row{Ours: []float64{12}, Bound: []float64{11}, Target: 10, AtMost: true}, "bound"},
		{"a bound of no number", report.Row{Ours: []float64{80}, Bound: []float64{math.NaN()}, Target: 90}, "missed"},
		{"each turn has its bound", report.Row{Ours: []float64{1, 1, 1}, Limit: []float64{2, 4, 8}, Bound: []float64{2, 3, 6}, Target: 0.9}, "bound"},
		{"no number", report.Row{Ours: []float64{math.NaN()}, Target: 0}, "missed"},
		{"no number, at most", report.Row{Ours: []float64{math.NaN()}, Target: 1, AtMost: true}, "missed"},
		{"no target", report.Row{Ours: []float64{1}, Target: 5, Info: true}, "–"},
		{"void, though it passes", report.Row{Ours: []float64{9}, Target: 5, Void: "a task ran twice"}, "void"},
		{"void without figures", report.Row{Target: 5, Void: "a task ran twice", Info: true}, "void"},
	} {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, test.row.Verdict()) })
	}
}

func TestValue(t *testing.T) {
	row := report.Row{Ours: []float64{10, 30, 20}, Limit: []float64{10, 10, 10}}
	median, least, most := row.Value()
	require.Equal(t, []float64{2, 1, 3}, []float64{median, least, most})
	require.Equal(t, []float64{10, 30, 20}, row.Ours, "the samples stay as they are")
}

func TestNearBound(t *testing.T) {
	more := report.Row{Ours: []float64{60}, Limit: []float64{100}, Bound: []float64{80}}
	require.InDelta(t, 0.75, more.NearBound(), 1e-9)
	less := report.Row{Ours: []float64{4}, Limit: []float64{2}, Bound: []float64{3}, AtMost: true}
	require.InDelta(t, 0.75, less.NearBound(), 1e-9)
	none := report.Row{Ours: []float64{4}, Limit: []float64{2}}
	require.True(t, math.IsNaN(none.NearBound()))
}

// Of a benchmark that was measured again the last outcome counts.
func TestReadKeepsTheLast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.jsonl")
	outcomes, err := report.Read(path)
	require.NoError(t, err)
	require.Empty(t, outcomes, "there is no file yet")

	first := report.Outcome{Benchmark: "B1", Commit: "a", Error: "it broke"}
	other := report.Outcome{Benchmark: "B2", Title: "others", At: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC), Took: time.Minute}
	again := report.Outcome{
		Benchmark: "B1", Commit: "b", Size: "full",
		Rows: []report.Row{{
			Benchmark: "B1", Name: "row", Unit: "ms", Ours: []float64{1, 2}, Limit: []float64{3, 4}, LimitName: "limit",
			Beside: map[string]float64{"make": 5}, Target: 6, AtMost: true, Note: "note",
		}},
		Curves: []report.Curve{{Name: "curve", X: []float64{1, 2}, Series: []report.Series{{Name: "line", Y: []float64{3, 4}}}}},
	}
	for _, o := range []report.Outcome{first, other, again} {
		require.NoError(t, report.Append(path, o))
	}
	outcomes, err = report.Read(path)
	require.NoError(t, err)
	require.Equal(t, []report.Outcome{other, again}, outcomes)
}

func TestReadRefusesOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.jsonl")
	require.NoError(t, os.WriteFile(path, []byte("{\"benchmark\":\"B1\"}\nnonsense\n"), 0o600))
	_, err := report.Read(path)
	require.ErrorContains(t, err, path)
}
