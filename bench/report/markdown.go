package report

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// WriteMarkdown writes the tables of the outcomes, the ratio first. charts says
// where the chart of a curve is, as a link from the page.
func WriteMarkdown(w io.Writer, machine Machine, outcomes []Outcome, charts func(Outcome, int) string) error {
	out := bufio.NewWriter(w)
	machine.write(out)
	fmt.Fprintf(out, "%s\n\n", summary(outcomes))
	fmt.Fprintf(out, "| | what | target | measured (least–most) | | ours | limit | beside |\n|---|---|---|---|---|---|---|---|\n")
	for _, o := range outcomes {
		if len(o.Rows) > 0 {
			fmt.Fprintf(out, "| **%s** | **%s** | | | | | | |\n", o.Benchmark, o.Title)
		}
		for i := range o.Rows {
			writeRow(out, &o.Rows[i])
		}
		if o.Error != "" {
			fmt.Fprintf(out, "| %s | %s | | | **not measured**: %s | | | |\n", o.Benchmark, o.Title, oneLine(o.Error))
		}
	}
	fmt.Fprintln(out)
	for _, o := range outcomes {
		for i := range o.Rows {
			writeNotes(out, &o.Rows[i])
		}
	}
	for _, o := range outcomes {
		for i, curve := range o.Curves {
			fmt.Fprintf(out, "\n![%s](%s)\n", curve.Name, charts(o, i))
		}
	}
	return out.Flush()
}

// summary counts the verdicts.
func summary(outcomes []Outcome) string {
	counts := map[string]int{}
	for _, o := range outcomes {
		for i := range o.Rows {
			counts[o.Rows[i].Verdict()]++
		}
	}
	text := fmt.Sprintf("Of the targets %d are met (pass), %d are bound and %d missed", counts[Pass], counts[Bound], counts[Missed])
	if counts[Void] > 0 {
		text += fmt.Sprintf("; %d could not be judged (void)", counts[Void])
	}
	return text + ". \"Measured\" is the median of the ratios of the turns; \"ours\" and \"limit\" are medians by themselves, and may be of different turns."
}

func writeRow(out io.Writer, r *Row) {
	if r.Void != "" {
		fmt.Fprintf(out, "| %s | %s | %s | | **void**: %s | | | |\n", r.Benchmark, r.Name, target(r), oneLine(r.Void))
		return
	}
	median, least, most := r.Value()
	limit := ""
	if len(r.Limit) > 0 {
		limit = fmt.Sprintf("%s %s (%s)", Number(Median(r.Limit)), r.Unit, r.LimitName)
	}
	verdict := r.Verdict()
	switch verdict {
	case Missed:
		verdict = "**missed**"
	case Bound:
		bound, _, _ := r.BoundValue()
		verdict = "bound " + Number(bound)
	}
	measured := Number(median)
	if least != most {
		measured = fmt.Sprintf("%s (%s–%s)", measured, Number(least), Number(most))
	}
	fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s %s | %s | %s |\n",
		r.Benchmark, r.Name, target(r), measured, verdict, Number(Median(r.Ours)), r.Unit, limit, beside(r.Beside))
}

func writeNotes(out io.Writer, r *Row) {
	if r.Note != "" {
		fmt.Fprintf(out, "- %s, %s: %s\n", r.Benchmark, r.Name, r.Note)
	}
	if r.Void != "" || len(r.Bound) == 0 {
		return
	}
	bound, least, most := r.BoundValue()
	unit := "×"
	if len(r.Limit) == 0 {
		unit = r.Unit
	}
	fmt.Fprintf(out, "- %s, %s: %s: %s %s (%s–%s); ours reaches %s of that\n",
		r.Benchmark, r.Name, r.BoundName, Number(bound), unit, Number(least), Number(most), Number(r.NearBound()))
}

func target(r *Row) string {
	sign := "≥"
	if r.AtMost {
		sign = "≤"
	}
	switch {
	case r.Info:
		return ""
	case len(r.Limit) > 0:
		return fmt.Sprintf("%s %s ×", sign, Number(r.Target))
	default:
		return fmt.Sprintf("%s %s %s", sign, Number(r.Target), r.Unit)
	}
}

func beside(figures map[string]float64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(figures)) {
		parts = append(parts, name+" "+Number(figures[name]))
	}
	return strings.Join(parts, ", ")
}

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return strings.ReplaceAll(text[:min(len(text), 300)], "|", "\\|")
}

// Number writes a figure with about three digits, thousands apart.
func Number(value float64) string {
	switch size := max(value, -value); {
	case size == 0:
		return "0"
	case size < 1:
		return fmt.Sprintf("%.3f", value)
	case size < 10:
		return fmt.Sprintf("%.2f", value)
	case size < 100:
		return fmt.Sprintf("%.1f", value)
	}
	text := fmt.Sprintf("%.0f", value)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
