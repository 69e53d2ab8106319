package miniairflow

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The parts of an answer.
const (
	AnswerStatus  = "status"
	AnswerHeaders = "headers"
	AnswerBody    = "body"
)

var answerParts = []string{AnswerStatus, AnswerHeaders, AnswerBody}

// answerStepsMax bounds how deep an output may reach into a body.
const answerStepsMax = 32

// AnswerPart is what an output takes of the answer to an http request: the
// status, all headers or one, or the body or a value in its JSON.
type AnswerPart struct {
	Part   string // status, headers or body
	Header string // the name of the header; empty: all
	Steps  []any  // into the JSON of the body: keys (string) and places (int); empty: the text
}

// AnswerPartOf returns what an output takes that says from where, or is named
// like a part, or like a key of the body.
func AnswerPartOf(name, from string) (AnswerPart, error) {
	if from != "" {
		return ParseAnswerPart(from)
	}
	for _, part := range answerParts {
		if name == part {
			return AnswerPart{Part: part}, nil
		}
	}
	return AnswerPart{Part: AnswerBody, Steps: []any{name}}, nil
}

// ParseAnswerPart reads status, headers, headers.Retry-After, body, body.rows,
// body.orders[0].id, or body["a key"].
func ParseAnswerPart(text string) (AnswerPart, error) {
	part, rest := text, ""
	if end := strings.IndexAny(text, ".["); end >= 0 {
		part, rest = text[:end], text[end:]
	}
	switch {
	case part == AnswerBody:
		steps, err := parseSteps(rest)
		if err != nil {
			return AnswerPart{}, fmt.Errorf("from: %s: %w", show(text), err)
		}
		return AnswerPart{Part: part, Steps: steps}, nil
	case part == AnswerHeaders && rest == "", part == AnswerStatus && rest == "":
		return AnswerPart{Part: part}, nil
	case part == AnswerHeaders && rest[0] == '.' && headerName.MatchString(rest[1:]):
		return AnswerPart{Part: part, Header: rest[1:]}, nil
	case part == AnswerHeaders:
		return AnswerPart{}, fmt.Errorf("from: %s names no header: write headers.Content-Type", show(text))
	case part == AnswerStatus:
		return AnswerPart{}, fmt.Errorf("from: %s: the status is a number with nothing in it: write status", show(text))
	}
	return AnswerPart{}, fmt.Errorf("from: %s is no part of an answer: write status, headers.NAME, body, or body.KEY%s",
		show(text), DidYouMean(part, answerParts))
}

// parseSteps reads .key, ["key"] and [0], any number of them.
func parseSteps(text string) ([]any, error) {
	var steps []any
	for text != "" {
		if len(steps) == answerStepsMax {
			return nil, fmt.Errorf("it reaches more than %d levels deep", answerStepsMax)
		}
		step, rest, err := parseStep(text)
		if err != nil {
			return nil, err
		}
		steps, text = append(steps, step), rest
	}
	return steps, nil
}

func parseStep(text string) (step any, rest string, err error) {
	if text[0] == '.' {
		end := strings.IndexAny(text[1:], ".[")
		if end < 0 {
			end = len(text) - 1
		}
		if end == 0 {
			return nil, "", errors.New("a key is missing after a dot")
		}
		return text[1 : 1+end], text[1+end:], nil
	}
	if text[0] != '[' {
		return nil, "", errors.New("after ] there is a dot or a further [")
	}
	quoted, err := strconv.QuotedPrefix(text[1:])
	if err == nil && strings.HasPrefix(text[1+len(quoted):], "]") {
		key, err := strconv.Unquote(quoted)
		return key, text[len(quoted)+2:], err
	}
	inner, rest, closed := strings.Cut(text[1:], "]")
	place, err := strconv.Atoi(inner)
	if !closed || err != nil || place < 0 {
		return nil, "", errors.New(`in brackets there is a number, as in [0], or a key in quotes, as in ["a key"]`)
	}
	return place, rest, nil
}

// String returns the part as ParseAnswerPart reads it.
func (p AnswerPart) String() string {
	if p.Header != "" {
		return p.Part + "." + p.Header
	}
	text := p.Part
	for _, step := range p.Steps {
		switch s := step.(type) {
		case int:
			text += "[" + strconv.Itoa(s) + "]"
		case string:
			if strings.ContainsAny(s, ".[]\"") || s == "" {
				text += "[" + strconv.Quote(s) + "]"
			} else {
				text += "." + s
			}
		}
	}
	return text
}
