package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// DecodeObject reads a JSON object as stored. Integers come out as int64 and
// other numbers as float64, so that large ids keep their digits. Nothing, or
// null, is a nil map.
func DecodeObject(data []byte) (map[string]any, error) {
	if len(data) == 0 {
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, fmt.Errorf("decode JSON object: %w", err)
	}
	for key, value := range object {
		object[key] = plainNumbers(value)
	}
	return object, nil
}

// EncodeObject is the inverse of DecodeObject. A nil map is the empty object.
// Texts become what Text makes of them.
func EncodeObject(object map[string]any) ([]byte, error) {
	if object == nil {
		return []byte("{}"), nil
	}
	clean, _ := cleanText(object).(map[string]any)
	data, err := json.Marshal(clean)
	if err != nil {
		return nil, fmt.Errorf("encode JSON object: %w", err)
	}
	return data, nil
}

// plainNumbers replaces the json.Numbers in value, in place where it can.
func plainNumbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return f
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = plainNumbers(v[key])
		}
	}
	return value
}

// cleanText returns a copy of value in which Text was applied to every text.
func cleanText(value any) any {
	switch v := value.(type) {
	case string:
		return Text(v)
	case []any:
		clean := make([]any, len(v))
		for i := range v {
			clean[i] = cleanText(v[i])
		}
		return clean
	case map[string]any:
		clean := make(map[string]any, len(v))
		for key := range v {
			clean[Text(key)] = cleanText(v[key])
		}
		return clean
	default:
		return value
	}
}
