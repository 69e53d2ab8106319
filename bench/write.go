package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sauravritesh63/miniairflow/bench/report"
)

// The part of the page that the program writes is between these lines; what is
// around it people write.
const (
	beginMark = "<!-- figures -->"
	endMark   = "<!-- end of figures -->"
)

// writeReport puts the figures into performance.md, and beside it the same as
// JSON and a chart for each curve.
func writeReport(docs string, machine report.Machine, outcomes []report.Outcome) error {
	page := filepath.Join(docs, "performance.md")
	before, after, err := frame(page)
	if err != nil {
		return err
	}
	charts := filepath.Join(docs, "performance")
	if err := os.MkdirAll(charts, 0o755); err != nil {
		return err
	}
	name := func(o report.Outcome, i int) string {
		return fmt.Sprintf("performance/%s-%d.svg", strings.ToLower(strings.ReplaceAll(o.Benchmark, "/", "-")), i+1)
	}
	for _, o := range outcomes {
		for i := range o.Curves {
			if err := writeFile(filepath.Join(docs, name(o, i)), func(f *os.File) error { return o.Curves[i].WriteSVG(f) }); err != nil {
				return err
			}
		}
	}
	err = writeFile(page, func(f *os.File) error {
		if _, err := f.WriteString(before + beginMark + "\n\n"); err != nil {
			return err
		}
		if err := report.WriteMarkdown(f, machine, outcomes, name); err != nil {
			return err
		}
		_, err := f.WriteString("\n" + endMark + after)
		return err
	})
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(map[string]any{"machine": machine, "outcomes": outcomes}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(charts, "figures.json"), append(data, '\n'), 0o644)
}

// frame returns what is before and after the figures of a page.
func frame(page string) (before, after string, err error) {
	text, err := os.ReadFile(page)
	if err != nil {
		return "", "", err
	}
	before, rest, ok := strings.Cut(string(text), beginMark)
	_, after, ended := strings.Cut(rest, endMark)
	if !ok || !ended {
		return "", "", fmt.Errorf("%s has no lines %q and %q", page, beginMark, endMark)
	}
	return before, after, nil
}
