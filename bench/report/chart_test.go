package report_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/bench/report"
)

// chart is what the test reads of a drawing.
type chart struct {
	texts   []string
	lines   [][][2]float64 // the points of each polyline
	circles int
}

// read fails the test unless the drawing is well-formed XML.
func read(t *testing.T, svg string) *chart {
	t.Helper()
	c := &chart{}
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for depth := 0; ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			require.Zero(t, depth)
			return c
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				require.Equal(t, xml.Name{Space: "http://www.w3.org/2000/svg", Local: "svg"}, token.Name)
			}
			depth++
			c.element(t, token)
		case xml.EndElement:
			depth--
		case xml.CharData:
			if text := strings.TrimSpace(string(token)); text != "" {
				c.texts = append(c.texts, text)
			}
		}
	}
}

func (c *chart) element(t *testing.T, element xml.StartElement) {
	t.Helper()
	switch element.Name.Local {
	case "circle":
		c.circles++
	case "polyline":
		var line [][2]float64
		for _, attribute := range element.Attr {
			if attribute.Name.Local != "points" {
				continue
			}
			for _, point := range strings.Fields(attribute.Value) {
				var x, y float64
				_, err := fmt.Sscanf(point, "%f,%f", &x, &y)
				require.NoError(t, err, point)
				line = append(line, [2]float64{x, y})
			}
		}
		c.lines = append(c.lines, line)
	}
}

func TestWriteSVG(t *testing.T) {
	curve := report.Curve{
		Name: `growth of <a> & "b"`, XName: "tasks", YName: "cost", X: []float64{1000, 10_000, 100_000},
		Series: []report.Series{
			{Name: "time < 1, ms", Y: []float64{20, 200, 2000}},
			{Name: "memory & more, MB", Y: []float64{50, 5, 0.5}},
		},
	}
	var svg strings.Builder
	require.NoError(t, curve.WriteSVG(&svg))
	drawn := read(t, svg.String())
	for _, text := range []string{curve.Name, "tasks", "cost", "time < 1, ms", "slope 1.00", "memory & more, MB", "slope -1.00", "1 k", "100 k"} {
		require.Contains(t, drawn.texts, text)
	}
	require.Len(t, drawn.lines, 2)
	require.Equal(t, 6, drawn.circles)
	for _, line := range drawn.lines {
		require.Len(t, line, len(curve.X))
		for i, point := range line {
			require.True(t, point[0] >= 0 && point[0] <= 640 && point[1] >= 0 && point[1] <= 360, "%v is outside", point)
			require.True(t, i == 0 || point[0] > line[i-1][0], "larger sizes are farther right")
		}
	}
	rising, falling := drawn.lines[0], drawn.lines[1]
	require.Less(t, rising[2][1], rising[0][1], "more is higher up")
	require.Greater(t, falling[2][1], falling[0][1], "less is lower down")
	require.InDelta(t, rising[1][0]-rising[0][0], rising[2][0]-rising[1][0], 0.2, "each decade is as wide")
}

// One value alone is a chart too.
func TestWriteSVGOfOneValue(t *testing.T) {
	curve := report.Curve{Name: "flat", X: []float64{10}, Series: []report.Series{{Name: "cost", Y: []float64{100}}}}
	var svg strings.Builder
	require.NoError(t, curve.WriteSVG(&svg))
	require.NotContains(t, svg.String(), `points="NaN`)
	require.Len(t, read(t, svg.String()).lines, 1)
}
