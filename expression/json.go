package expression

import (
	"bytes"
	"encoding/json"
	"fmt"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// JSON implements miniairflow.Evaluator. A result of more than 1 MiB is an error.
func (e *Engine) JSON(template string, scope miniairflow.Scope) (string, error) {
	segments, err := split(template)
	if err != nil {
		return "", err
	}
	var value any
	if len(segments) == 1 && segments[0].isExpression {
		value, err = e.evaluate(segments[0], scope)
	} else {
		value, err = e.Text(template, scope)
	}
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", fmt.Errorf("the result has no text: %w", err)
	}
	if text.Len() > resultMax {
		return "", fmt.Errorf("the result is longer than %d bytes", resultMax)
	}
	return string(bytes.TrimSuffix(text.Bytes(), []byte("\n"))), nil
}
