package dialect

import (
	"bytes"
	"encoding/json"
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
// values of params come out as int64, others as float64.
func DecodeDefinition(document []byte) (*miniairflow.Definition, error) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	d := &miniairflow.Definition{}
	if err := decoder.Decode(d); err != nil {
		return nil, fmt.Errorf("decode definition: %w", err)
	}
	plainParams(d.Params)
	return d, nil
}

// plainParams replaces the json.Numbers among the values of params.
func plainParams(params []miniairflow.Param) {
	for i := range params {
		p := &params[i]
		p.Default = plainNumbers(p.Default)
		for j := range p.Enum {
			p.Enum[j] = plainNumbers(p.Enum[j])
		}
	}
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
