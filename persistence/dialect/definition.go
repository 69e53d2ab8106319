package dialect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/sauravritesh63/miniairflow"
)

// encodeDefinition returns the document of a version and its hash. A definition
// that not every database can hold is a CodeInvalid: PostgreSQL refuses the NUL
// character. The hash is empty if there is no document at all.
func encodeDefinition(d *miniairflow.Definition) (document []byte, hash string, err error) {
	if document, hash, err = d.Canonical(); err != nil {
		return nil, "", &miniairflow.Error{Code: miniairflow.CodeInvalid, Message: fmt.Sprintf("workflow %q has no JSON form", d.Name), Err: err}
	}
	// An escaped backslash may stand before text that only looks like an escape.
	if bytes.Contains(bytes.ReplaceAll(document, []byte(`\\`), nil), []byte(`\u0000`)) {
		return nil, hash, miniairflow.Errorf(miniairflow.CodeInvalid, "workflow %q has a NUL character in one of its texts, which cannot be stored: remove it", d.Name)
	}
	return document, hash, nil
}

// DecodeDefinition is the inverse of encodeDefinition. Whole numbers among the
// values of params come out as int64, others as float64. Tasks are read one by one
// into a list that has room for all from the start, and equal words are kept once:
// a workflow may have a hundred thousand tasks, and processes keep what they read.
func DecodeDefinition[T string | []byte](document T) (*miniairflow.Definition, error) {
	var decoder *json.Decoder
	about := 0 // so many tasks
	switch text := any(document).(type) {
	case string:
		decoder, about = json.NewDecoder(strings.NewReader(text)), strings.Count(text, nameKey)
	case []byte:
		decoder, about = json.NewDecoder(bytes.NewReader(text)), bytes.Count(text, []byte(nameKey))
	}
	return decodeDefinition(decoder, about)
}

// nameKey is what each task of a document has once.
const nameKey = `"name":`

func decodeDefinition(decoder *json.Decoder, about int) (*miniairflow.Definition, error) {
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, errors.Join(errors.New("decode definition: it is no object"), err)
	}
	var tasks []miniairflow.Task
	rest := map[string]json.RawMessage{}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("decode definition: %w", err)
		}
		name := fmt.Sprint(key)
		if name == "tasks" {
			tasks, err = decodeTasks(decoder, about)
		} else {
			var value json.RawMessage
			err = decoder.Decode(&value)
			rest[name] = value
		}
		if err != nil {
			return nil, fmt.Errorf("decode %s of definition: %w", name, err)
		}
	}
	if _, err := decoder.Token(); err != nil {
		return nil, fmt.Errorf("decode definition: %w", err)
	}
	d, err := decodeHead(rest)
	if err != nil {
		return nil, err
	}
	d.Tasks = tasks
	return d, nil
}

// decodeHead reads all of a definition but its tasks.
func decodeHead(fields map[string]json.RawMessage) (*miniairflow.Definition, error) {
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("decode definition: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	d := &miniairflow.Definition{}
	if err := decoder.Decode(d); err != nil {
		return nil, fmt.Errorf("decode definition: %w", err)
	}
	plainParams(d.Params)
	plainSchedules(d.Schedules)
	return d, nil
}

// decodeTasks reads a list of tasks, of which there are about so many.
func decodeTasks(decoder *json.Decoder, about int) ([]miniairflow.Task, error) {
	token, err := decoder.Token()
	if err != nil || token == nil {
		return nil, err
	}
	if token != json.Delim('[') {
		return nil, fmt.Errorf("tasks are %v and no list", token)
	}
	if about >= graphTasksLarge {
		tightenHeap() // also for what the reading leaves behind
	}
	tasks := make([]miniairflow.Task, 0, about)
	known := words{}
	for decoder.More() {
		tasks = append(tasks, miniairflow.Task{})
		task := &tasks[len(tasks)-1]
		if err := decoder.Decode(task); err != nil {
			return nil, err
		}
		task.Queue, task.Pool = known.one(task.Queue), known.one(task.Pool)
		task.TriggerRule = miniairflow.TriggerRule(known.one(string(task.TriggerRule)))
	}
	_, err = decoder.Token()
	return tasks, err
}

// words are texts that have been read, each once.
type words map[string]string

// one returns the text that was read first of those that are equal.
func (w words) one(text string) string {
	if known, ok := w[text]; ok {
		return known
	}
	w[text] = text
	return text
}

// shareNames lets the names that tasks depend on be those of the tasks themselves.
func shareNames(graph *miniairflow.DAG) {
	tasks := graph.Definition.Tasks
	for i, upstream := range graph.Upstream {
		for place, up := range upstream {
			tasks[i].DependsOn[place] = tasks[up].Name
		}
	}
}

// plainParams replaces the json.Numbers among the values of params.
func plainParams(params []miniairflow.Param) {
	for i := range params {
		p := &params[i]
		p.Default = plainNumbers(p.Default)
		p.Minimum, p.Maximum = plainNumbers(p.Minimum), plainNumbers(p.Maximum)
		for j := range p.Enum {
			p.Enum[j] = plainNumbers(p.Enum[j])
		}
	}
}

// plainSchedules replaces the json.Numbers among the values that schedules give.
func plainSchedules(schedules []miniairflow.Schedule) {
	for _, s := range schedules {
		for name, value := range s.Params {
			s.Params[name] = plainNumbers(value)
		}
	}
}

// DecodeSchedules reads the entries of a row of schedules, with numbers as in
// DecodeDefinition.
func DecodeSchedules(data []byte) (miniairflow.ScheduleGroup, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var group miniairflow.ScheduleGroup
	if err := decoder.Decode(&group); err != nil {
		return nil, fmt.Errorf("decode schedules: %w", err)
	}
	plainSchedules(group)
	return group, nil
}

// DecodeParams reads the params of a row of schedules, with numbers as in
// DecodeDefinition.
func DecodeParams(data []byte) ([]miniairflow.Param, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var params []miniairflow.Param
	if err := decoder.Decode(&params); err != nil {
		return nil, fmt.Errorf("decode params: %w", err)
	}
	plainParams(params)
	return params, nil
}

// Text returns s as every database can hold it: what is not UTF-8, and the NUL
// character, becomes the replacement character.
func Text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
