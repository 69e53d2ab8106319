// Package report keeps what was measured, judges it, and writes it down for
// people and for programs.
package report

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"time"
)

// Row is one line of the table: a figure beside its limit. The samples of
// ours and of the limit with the same index were taken one after the other.
type Row struct {
	Benchmark string             `json:"benchmark"` // such as B1
	Name      string             `json:"name"`      // what was run, and on which database
	Unit      string             `json:"unit"`      // of ours and the limit
	Ours      []float64          `json:"ours"`
	Limit     []float64          `json:"limit,omitempty"` // empty: ours itself is judged
	LimitName string             `json:"limitName,omitempty"`
	Bound     []float64          `json:"bound,omitempty"` // what a part of the work that cannot be left out gets here by itself, in the unit of ours, measured in the same turns; empty: not known
	BoundName string             `json:"boundName,omitempty"`
	Beside    map[string]float64 `json:"beside,omitempty"`  // more figures, by name with unit
	Target    float64            `json:"target"`            // of ours/limit, or of ours
	AtMost    bool               `json:"atMost,omitempty"`  // the target is the largest allowed value, not the smallest
	Inverse   bool               `json:"inverse,omitempty"` // the ratio is limit/ours: less of the unit is better, and 1 is the limit itself
	Info      bool               `json:"info,omitempty"`    // there is no target
	Void      string             `json:"void,omitempty"`    // why there is no figure
	Note      string             `json:"note,omitempty"`
	Took      time.Duration      `json:"took,omitempty"` // to measure it; zero: it was measured with the row before
}

// Value returns what is judged: the median of the ratios of each pair, or of
// ours where there is no limit; with the least and the largest.
func (r *Row) Value() (median, least, most float64) {
	values := r.ratios(r.Ours)
	return Median(values), slices.Min(values), slices.Max(values)
}

// BoundValue is Value of the bound; it is not a number where there is none.
func (r *Row) BoundValue() (median, least, most float64) {
	if len(r.Bound) == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	values := r.ratios(r.Bound)
	return Median(values), slices.Min(values), slices.Max(values)
}

// ratios returns the ratio of each sample to the limit of the same turn.
func (r *Row) ratios(samples []float64) []float64 {
	values := slices.Clone(samples)
	for i := range min(len(r.Limit), len(values)) {
		if r.Inverse {
			values[i] = r.Limit[i] / samples[i]
		} else {
			values[i] = samples[i] / r.Limit[i]
		}
	}
	return values
}

// NearBound returns which part of the bound ours reaches: 1 is the bound itself.
func (r *Row) NearBound() float64 {
	value, _, _ := r.Value()
	bound, _, _ := r.BoundValue()
	if r.AtMost {
		return bound / value
	}
	return value / bound
}

// The verdicts on a target.
const (
	Pass   = "pass"
	Missed = "missed"
	Bound  = "bound" // missed, and so would be by whatever reaches the bound
	Void   = "void"
	None   = "–" // there is no target
)

// Verdict says whether the target is met, or what forbids that.
func (r *Row) Verdict() string {
	switch {
	case r.Void != "":
		return Void
	case r.Info:
		return None
	}
	value, _, _ := r.Value()
	bound, _, _ := r.BoundValue()
	return judge(value, bound, r.Target, r.AtMost)
}

// judge decides on a value. Only a bound that misses the target itself forbids to
// meet it, and one that was beaten is none. What is not a number decides nothing.
func judge(value, bound, target float64, atMost bool) string {
	meets := func(value, target float64) bool {
		return atMost && value <= target || !atMost && value >= target
	}
	switch {
	case meets(value, target):
		return Pass
	case meets(bound, value) && !meets(bound, target):
		return Bound
	}
	return Missed
}

// Median returns the median of values; it is not a number of none.
func Median(values []float64) float64 { return Quantile(values, 0.5) }

// Quantile returns the q-quantile of values, between the two nearest of them.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	place := q * float64(len(sorted)-1)
	low := int(place)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (sorted[high]-sorted[low])*(place-float64(low))
}

// Slope returns how y grows with x on logarithmic scales: 1 is in proportion. It
// is fitted by least squares.
func Slope(x, y []float64) float64 {
	var sx, sy, sxx, sxy float64
	for i := range x {
		lx, ly := math.Log(x[i]), math.Log(y[i])
		sx, sy, sxx, sxy = sx+lx, sy+ly, sxx+lx*lx, sxy+lx*ly
	}
	n := float64(len(x))
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

// Curve is a cost that grows with a size.
type Curve struct {
	Name   string    `json:"name"`
	XName  string    `json:"xName"`
	YName  string    `json:"yName"`
	X      []float64 `json:"x"`
	Series []Series  `json:"series"`
}

// Series is one line of a curve; its values belong to the curve's X.
type Series struct {
	Name string    `json:"name"`
	Y    []float64 `json:"y"`
}

// Outcome is what one benchmark has measured.
type Outcome struct {
	Benchmark string        `json:"benchmark"`
	Title     string        `json:"title"`
	Commit    string        `json:"commit"` // of the product
	Size      string        `json:"size"`   // smoke, standard or full
	At        time.Time     `json:"at"`
	Took      time.Duration `json:"took"`
	Rows      []Row         `json:"rows"`
	Curves    []Curve       `json:"curves,omitempty"`
	Error     string        `json:"error,omitempty"` // it could not be measured
}

// Read returns the outcomes of a file of lines, none if there is no such file.
// Of a benchmark that is there more than once the last one counts.
func Read(path string) ([]Outcome, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	defer file.Close()
	var outcomes []Outcome
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var o Outcome
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return nil, fmt.Errorf("read results %s: %w", path, err)
		}
		outcomes = slices.DeleteFunc(outcomes, func(old Outcome) bool { return old.Benchmark == o.Benchmark })
		outcomes = append(outcomes, o)
	}
	return outcomes, lines.Err()
}

// Append adds an outcome to a file of lines.
func Append(path string, o Outcome) error {
	line, err := json.Marshal(o)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("keep a result: %w", err)
	}
	_, err = file.Write(append(line, '\n'))
	return errors.Join(err, file.Close())
}
