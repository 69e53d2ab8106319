package loader

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/sauravritesh63/miniairflow"
)

// Format is a form in which problems are written.
type Format string

// The formats.
const (
	FormatText   Format = "text"   // file:line:column: message
	FormatGitHub Format = "github" // workflow commands, which GitHub shows beside the lines
	FormatJSON   Format = "json"   // one array of {file, line, column, severity, message}
)

// Formats lists all formats, the default first.
var Formats = []Format{FormatText, FormatGitHub, FormatJSON}

// severity says whether a file is refused for what was found in it.
type severity string

const (
	severityError   severity = "error"
	severityWarning severity = "warning"
)

// told is a problem or a warning as it is written.
type told struct {
	miniairflow.ImportError
	severity severity
}

// WriteProblems writes the problems and then the warnings to w, one a line but for
// FormatJSON. An unknown format is CodeInvalid.
func WriteProblems(w io.Writer, format Format, problems, warnings []miniairflow.ImportError) error {
	all := make([]told, 0, len(problems)+len(warnings))
	for _, problem := range problems {
		all = append(all, told{problem, severityError})
	}
	for _, warning := range warnings {
		all = append(all, told{warning, severityWarning})
	}
	switch format {
	case FormatText:
		return writeLines(w, all, told.text)
	case FormatGitHub:
		return writeLines(w, all, told.annotation)
	case FormatJSON:
		return writeJSON(w, all)
	default:
		return miniairflow.Errorf(miniairflow.CodeInvalid, "unknown format %q: use text, github or json", format)
	}
}

func writeLines(w io.Writer, all []told, text func(told) string) error {
	for _, t := range all {
		if _, err := fmt.Fprintln(w, text(t)); err != nil {
			return fmt.Errorf("write problems: %w", err)
		}
	}
	return nil
}

func writeJSON(w io.Writer, all []told) error {
	type row struct {
		File     string   `json:"file"`
		Line     int      `json:"line"`
		Column   int      `json:"column"`
		Severity severity `json:"severity"`
		Message  string   `json:"message"`
	}
	rows := make([]row, len(all))
	for i, t := range all {
		rows[i] = row{t.File, t.Line, t.Column, t.severity, t.Message}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(rows); err != nil {
		return fmt.Errorf("write problems: %w", err)
	}
	return nil
}

// Escapes of GitHub's workflow commands, for values and for messages.
var (
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	githubMessage  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
)

func (t told) text() string {
	if t.severity == severityWarning {
		t.Message = "warning: " + t.Message
	}
	return t.String()
}

func (t told) annotation() string {
	// GitHub counts from 1 and puts a file's own problems on its first line.
	return fmt.Sprintf("::%s file=%s,line=%d,col=%d::%s", t.severity, githubProperty.Replace(t.File),
		max(1, t.Line), max(1, t.Column), githubMessage.Replace(t.Message))
}
