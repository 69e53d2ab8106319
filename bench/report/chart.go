package report

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"
)

// Sizes of a chart, in pixels.
const (
	chartWidth, chartHeight  = 640, 360
	left, right, top, bottom = 80, 170, 40, 50
)

// colours are those of the series, in order; they stay apart for everybody.
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"}

// WriteSVG draws the curve on logarithmic scales, with a dashed line of slope 1
// through each first point: a series that stays on or below its line grows no
// faster than the size.
func (c *Curve) WriteSVG(w io.Writer) error {
	out := bufio.NewWriter(w)
	x, y := newScale(c.X, left, chartWidth-right), newScale(c.values(), chartHeight-bottom, top)
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", chartWidth, chartHeight)
	fmt.Fprintf(out, `<rect width="%d" height="%d" fill="white"/>`+"\n", chartWidth, chartHeight)
	text(out, left, 20, "start", "bold", c.Name)
	for _, tick := range x.ticks() {
		fmt.Fprintf(out, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#ddd"/>`+"\n", x.at(tick), x.at(tick), top, chartHeight-bottom)
		text(out, x.at(tick), chartHeight-bottom+18, "middle", "normal", short(tick))
	}
	for _, tick := range y.ticks() {
		fmt.Fprintf(out, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>`+"\n", left, chartWidth-right, y.at(tick), y.at(tick))
		text(out, left-8, y.at(tick)+4, "end", "normal", short(tick))
	}
	text(out, (left+chartWidth-right)/2, chartHeight-12, "middle", "normal", c.XName)
	text(out, left, top-6, "end", "normal", c.YName)
	for i, series := range c.Series {
		c.draw(out, series, colours[i%len(colours)], i, x, y)
	}
	fmt.Fprintln(out, "</svg>")
	return out.Flush()
}

func (c *Curve) draw(out io.Writer, series Series, colour string, place int, x, y scale) {
	var points []string
	for i, value := range series.Y {
		points = append(points, fmt.Sprintf("%.1f,%.1f", x.at(c.X[i]), y.at(value)))
		fmt.Fprintf(out, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x.at(c.X[i]), y.at(value), colour)
	}
	fmt.Fprintf(out, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), colour)
	last := len(c.X) - 1
	inProportion := series.Y[0] * c.X[last] / c.X[0]
	fmt.Fprintf(out, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-dasharray="3 4" opacity="0.6"/>`+"\n",
		x.at(c.X[0]), y.at(series.Y[0]), x.at(c.X[last]), y.at(inProportion), colour)
	row := float64(top + 14 + 34*place)
	fmt.Fprintf(out, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="%s" stroke-width="2"/>`+"\n",
		chartWidth-right+12, chartWidth-right+30, row-4, row-4, colour)
	text(out, chartWidth-right+36, row, "start", "normal", series.Name)
	text(out, chartWidth-right+36, row+14, "start", "normal", fmt.Sprintf("slope %.2f", Slope(c.X, series.Y)))
}

// values returns what the vertical scale has to hold: all values, and the ends
// of the lines of slope 1.
func (c *Curve) values() []float64 {
	var all []float64
	for _, series := range c.Series {
		all = append(all, series.Y...)
		all = append(all, series.Y[0]*c.X[len(c.X)-1]/c.X[0])
	}
	return all
}

// scale maps values to pixels, logarithmically, over whole decades.
type scale struct {
	low, high float64 // powers of ten
	from, to  float64 // pixels
}

func newScale(values []float64, from, to float64) scale {
	s := scale{low: math.Inf(1), high: math.Inf(-1), from: from, to: to}
	for _, value := range values {
		s.low, s.high = min(s.low, math.Floor(math.Log10(value))), max(s.high, math.Ceil(math.Log10(value)))
	}
	if s.high == s.low {
		s.high++
	}
	return s
}

func (s scale) at(value float64) float64 {
	return s.from + (s.to-s.from)*(math.Log10(value)-s.low)/(s.high-s.low)
}

func (s scale) ticks() []float64 {
	var all []float64
	for power := s.low; power <= s.high; power++ {
		all = append(all, math.Pow(10, power))
	}
	return all
}

func text(out io.Writer, x, y float64, anchor, weight, content string) {
	fmt.Fprintf(out, `<text x="%.1f" y="%.1f" text-anchor="%s" font-weight="%s">`, x, y, anchor, weight)
	_ = xml.EscapeText(out, []byte(content)) // the writer keeps its error
	fmt.Fprintln(out, "</text>")
}

// short writes a power of ten as people say it.
func short(value float64) string {
	switch {
	case value >= 1e9:
		return fmt.Sprintf("%g G", value/1e9)
	case value >= 1e6:
		return fmt.Sprintf("%g M", value/1e6)
	case value >= 1e3:
		return fmt.Sprintf("%g k", value/1e3)
	default:
		return fmt.Sprintf("%g", value)
	}
}
