package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"
)

// outputFormat is the value of -o.
type outputFormat string

const (
	outputTable outputFormat = "table"
	outputJSON  outputFormat = "json"
	outputYAML  outputFormat = "yaml"
)

// addOutputFlag adds -o to a command that prints data.
func addOutputFlag(cmd *cobra.Command) {
	cmd.Flags().StringP("output", "o", string(outputTable), "table, json or yaml")
}

// limitOf returns how many things a command lists, which is at most a page.
func limitOf(cmd *cobra.Command) (int, error) {
	limit, err := cmd.Flags().GetInt("limit")
	if err != nil {
		return 0, fmt.Errorf("read --limit: %w", err)
	}
	if limit < 1 || limit > pageSize {
		return 0, usageErrorf("--limit %d: write a number from 1 to %d", limit, pageSize)
	}
	return limit, nil
}

// outputOf returns the chosen format.
func outputOf(cmd *cobra.Command) (outputFormat, error) {
	value, err := cmd.Flags().GetString("output")
	if err != nil {
		return "", fmt.Errorf("read --output: %w", err)
	}
	switch format := outputFormat(value); format {
	case outputTable, outputJSON, outputYAML:
		return format, nil
	default:
		return "", usageErrorf("--output %s: write table, json or yaml", value)
	}
}

// write prints data as JSON or YAML, or the table that table writes; the columns
// of its lines are separated by tabs.
func write(out io.Writer, format outputFormat, data any, table func(w io.Writer)) error {
	switch format {
	case outputJSON:
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(data)
	case outputYAML:
		return writeYAML(out, data)
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	table(w)
	return w.Flush()
}

// writeYAML prints data with the keys of its JSON form.
func writeYAML(out io.Writer, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	var node yaml.Node // a node keeps the order of keys
	if err := yaml.Unmarshal(text, &node); err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	clearStyle(&node)
	encoder := yaml.NewEncoder(out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&node); err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return encoder.Close()
}

// clearStyle lets the encoder choose YAML's block form in place of JSON's.
func clearStyle(node *yaml.Node) {
	node.Style = 0
	for _, child := range node.Content {
		clearStyle(child)
	}
}

// minute returns a time as tables show the date that a run is for.
func minute(t time.Time) string { return t.UTC().Format("2006-01-02T15:04Z07:00") }

// ago returns how long before now t was, as people say it; "-" for nil.
func ago(t *time.Time, now time.Time) string {
	if t == nil {
		return "-"
	}
	if d := now.Sub(*t); d >= 0 {
		return short(d) + " ago"
	}
	return "in " + short(t.Sub(now))
}

// took returns the time between start and end (or now); "-" without a start.
func took(start, end *time.Time, now time.Time) string {
	if start == nil {
		return "-"
	}
	if end == nil {
		end = &now
	}
	return short(end.Sub(*start))
}

// short returns a duration with the two units that matter.
func short(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

// counted returns a number with what it counts: 1 task, 2 tasks.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// orDash returns s, or "-" if it is empty.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// printable returns text from elsewhere for a terminal: one line, without
// control characters that could move the cursor or change colours.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return ' '
		}
		return r
	}, s)
}

// valueText returns a value of a parameter as a person would give it: text as it is,
// all else as JSON.
func valueText(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(data)
}
