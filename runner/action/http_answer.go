package action

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sauravritesh63/miniairflow"
)

// answer is what a server has answered.
type answer struct {
	status int
	header http.Header
	body   []byte // of one longer than answerMax, one byte more than that
	isCut  bool   // it was longer; what is hidden in it makes it shorter

	tree    any // the body as JSON, once read
	treeErr error
	isRead  bool
}

// head describes the answer in a line.
func (a *answer) head() string {
	size := strconv.Itoa(len(a.body)) + " bytes"
	if a.isCut {
		size = "more than 1 MiB"
	}
	if kind := a.header.Get("Content-Type"); kind != "" {
		size += " of " + kind
	}
	return statusText(a.status) + ", " + size
}

// outputs returns what the task declares, each as its type. Together they are
// bounded like those of a command.
func (a *answer) outputs(task *miniairflow.Task) (map[string]any, error) {
	if len(task.Outputs) == 0 {
		return nil, nil
	}
	outputs, total := make(map[string]any, len(task.Outputs)), 0
	for _, name := range slices.Sorted(maps.Keys(task.Outputs)) {
		part, err := miniairflow.AnswerPartOf(name, task.OutputFrom[name])
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", name, err)
		}
		text, err := a.text(part)
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", name, err)
		}
		if total += len(text); total > outputMax {
			return nil, errors.New("the outputs are larger than 1 MiB together: declare fewer, or less of the body")
		}
		if outputs[name], err = miniairflow.ParseOutput(task.Outputs[name], text); err != nil {
			return nil, fmt.Errorf("output %q: %w", name, err)
		}
	}
	return outputs, nil
}

// text returns a part of the answer.
func (a *answer) text(part miniairflow.AnswerPart) (string, error) {
	switch part.Part {
	case miniairflow.AnswerStatus:
		return strconv.Itoa(a.status), nil
	case miniairflow.AnswerHeaders:
		return a.headers(part.Header)
	}
	if a.isCut {
		return "", errors.New("the body is larger than 1 MiB, so it cannot be an output")
	}
	if len(part.Steps) == 0 {
		return storable(string(a.body), "the body")
	}
	value, err := a.reach(part)
	if err != nil {
		return "", err
	}
	if text, ok := value.(string); ok {
		return storable(text, part.String())
	}
	return asJSON(value)
}

// headers returns the value of a header, or all of them as a JSON object.
func (a *answer) headers(name string) (string, error) {
	if name == "" {
		all := make(map[string]string, len(a.header))
		for name, values := range a.header {
			all[name] = strings.ToValidUTF8(strings.Join(values, ", "), "�")
		}
		return asJSON(all)
	}
	values := a.header.Values(name)
	if len(values) == 0 {
		return "", fmt.Errorf("the answer has no header %s", name)
	}
	return storable(strings.Join(values, ", "), "header "+name)
}

// reach returns the value in the JSON of the body that the steps lead to.
func (a *answer) reach(part miniairflow.AnswerPart) (any, error) {
	value, err := a.json()
	if err != nil {
		return nil, fmt.Errorf("the body is not JSON: %w", err)
	}
	at := miniairflow.AnswerPart{Part: part.Part}
	for i, step := range part.Steps {
		at.Steps = part.Steps[:i]
		inner, ok := stepInto(value, step)
		if !ok {
			missing := miniairflow.AnswerPart{Part: part.Part, Steps: part.Steps[:i+1]}
			return nil, fmt.Errorf("the answer has no %s: %s is %s", missing, at, describe(value))
		}
		value = inner
	}
	if value == nil {
		return nil, fmt.Errorf("%s is null in the answer", part)
	}
	return value, nil
}

func stepInto(value, step any) (inner any, ok bool) {
	switch s := step.(type) {
	case string:
		object, _ := value.(map[string]any)
		inner, ok = object[s]
	case int:
		if list, _ := value.([]any); s < len(list) {
			inner, ok = list[s], true
		}
	}
	return inner, ok
}

// json returns the body as JSON, which is read once.
func (a *answer) json() (any, error) {
	if !a.isRead {
		a.isRead = true
		decoder := json.NewDecoder(bytes.NewReader(a.body))
		decoder.UseNumber()
		if a.treeErr = decoder.Decode(&a.tree); a.treeErr == nil {
			if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
				a.treeErr = errors.New("more follows after the first value")
			}
		}
	}
	return a.tree, a.treeErr
}

// describe names a JSON value in words.
func describe(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case map[string]any:
		return fmt.Sprintf("an object of %d keys", len(v))
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	default:
		return "neither an object nor a list"
	}
}

// storable checks that a text can be an output.
func storable(text, what string) (string, error) {
	switch {
	case !utf8.ValidString(text):
		return "", fmt.Errorf("%s is not valid UTF-8", what)
	case strings.ContainsRune(text, 0):
		return "", fmt.Errorf("%s has a NUL byte", what)
	}
	return text, nil
}

// asJSON returns a value as compact JSON.
func asJSON(value any) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", fmt.Errorf("the value has no text: %w", err)
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}
