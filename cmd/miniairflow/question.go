package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/muesli/cancelreader"

	"github.com/sauravritesh63/miniairflow"
)

// question is what an approval asks a person at a terminal.
type question struct {
	in       *os.File
	show     *progress
	approval *miniairflow.Approval
}

var errInputEnded = errors.New("the input has ended (Ctrl-C ends the run)")

// ask asks until there is an answer with good fields, or ctx ends, or the input
// does. The introduction comes first. The caller has to end what it shows.
func (q *question) ask(ctx context.Context, introduction []string) (answerOf, error) {
	lines := introduction
	for {
		text, err := q.line(ctx, "approve or reject? ", lines...)
		if err != nil {
			return answerOf{}, err
		}
		approve, err := parseDecision(text)
		if err == nil && !approve {
			return answerOf{}, nil
		}
		if err == nil {
			break
		}
		lines = []string{err.Error()}
	}
	fields := make(map[string]any, len(q.approval.Fields))
	for i := range q.approval.Fields {
		field := &q.approval.Fields[i]
		value, isGiven, err := q.field(ctx, field)
		if err != nil {
			return answerOf{}, err
		}
		if isGiven {
			fields[field.Name] = value
		}
	}
	return answerOf{approve: true, fields: fields}, nil
}

// field asks for the value of a field until it is a good one. An empty line takes
// its default.
func (q *question) field(ctx context.Context, field *miniairflow.Param) (value any, isGiven bool, err error) {
	var wrong []string
	for {
		text, err := q.line(ctx, field.Name+": ", wrong...)
		if err != nil {
			return nil, false, err
		}
		if text == "" && !field.IsRequired() {
			return nil, false, nil
		}
		if text == "" {
			wrong = []string{fmt.Sprintf("%s (%s) has no default: write a value", field.Name, field.Type)}
			continue
		}
		if value, err = field.Check(text); err == nil {
			return value, true, nil
		}
		wrong = []string{printable(err.Error())}
	}
}

// line asks for one line, without blanks around it. ctx ends the reading.
func (q *question) line(ctx context.Context, prompt string, above ...string) (string, error) {
	in, err := cancelreader.NewReader(q.in)
	if err != nil {
		return "", fmt.Errorf("read terminal: %w", err)
	}
	defer func() { _ = in.Close() }()
	defer context.AfterFunc(ctx, func() { in.Cancel() })()
	q.show.ask(prompt, above...)
	text, err := bufio.NewReader(in).ReadString('\n') // a terminal hands over a line at a time
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, io.EOF):
		return "", errInputEnded
	case err != nil:
		return "", fmt.Errorf("read terminal: %w", err)
	}
	return strings.TrimSpace(text), nil
}

// parseDecision reads what a person says to an approval.
func parseDecision(text string) (approve bool, err error) {
	switch strings.ToLower(text) {
	case "approve", "a", "yes", "y":
		return true, nil
	case "reject", "r", "no", "n":
		return false, nil
	}
	return false, fmt.Errorf("%q is no answer: write approve or reject, or just a or r", shortened(text))
}

// introduction returns the lines above a question: what is asked, and the fields.
func introduction(t *taskRunView, approval *miniairflow.Approval, by string) []string {
	_, message, _ := strings.Cut(text(t.Reason), ": ")
	lines := []string{""}
	for line := range strings.Lines(t.Name + " asks: " + message) {
		lines = append(lines, printable(strings.TrimRight(line, "\r\n")))
	}
	for i := range approval.Fields {
		lines = append(lines, fieldLine(&approval.Fields[i]))
	}
	if len(approval.Approvers) > 0 {
		lines = append(lines, "  (answered here as "+by+", one of its approvers)")
	}
	return lines
}

// fieldLine says what a field takes.
func fieldLine(field *miniairflow.Param) string {
	line := fmt.Sprintf("  %s (%s", field.Name, field.Type)
	if len(field.Enum) > 0 {
		values := make([]string, len(field.Enum))
		for i, value := range field.Enum {
			values[i] = fmt.Sprint(value)
		}
		line += ": " + strings.Join(values, ", ")
	}
	if field.Default != nil {
		line += ", default " + valueText(field.Default)
	} else if field.Optional {
		line += ", may be empty"
	}
	line += ")"
	if field.Description != "" {
		line += " " + field.Description
	}
	return printable(line)
}
