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
	FormatJSON   Format = "json"   // one array of {file, line, column, message}
)

// Formats lists all formats, the default first.
var Formats = []Format{FormatText, FormatGitHub, FormatJSON}

// WriteProblems writes the problems to w, one a line but for FormatJSON. An
// unknown format is CodeInvalid.
func WriteProblems(w io.Writer, format Format, problems []miniairflow.ImportError) error {
	switch format {
	case FormatText:
		return writeLines(w, problems, miniairflow.ImportError.String)
	case FormatGitHub:
		return writeLines(w, problems, annotation)
	case FormatJSON:
		return writeJSON(w, problems)
	default:
		return miniairflow.Errorf(miniairflow.CodeInvalid, "unknown format %q: use text, github or json", format)
	}
}

func writeLines(w io.Writer, problems []miniairflow.ImportError, text func(miniairflow.ImportError) string) error {
	for _, problem := range problems {
		if _, err := fmt.Fprintln(w, text(problem)); err != nil {
			return fmt.Errorf("write problems: %w", err)
		}
	}
	return nil
}

func writeJSON(w io.Writer, problems []miniairflow.ImportError) error {
	type row struct {
		File    string `json:"file"`
		Line    int    `json:"line"`
		Column  int    `json:"column"`
		Message string `json:"message"`
	}
	rows := make([]row, len(problems))
	for i, problem := range problems {
		rows[i] = row{problem.File, problem.Line, problem.Column, problem.Message}
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

func annotation(problem miniairflow.ImportError) string {
	// GitHub counts from 1 and puts a file's own problems on its first line.
	return fmt.Sprintf("::error file=%s,line=%d,col=%d::%s", githubProperty.Replace(problem.File),
		max(1, problem.Line), max(1, problem.Column), githubMessage.Replace(problem.Message))
}
