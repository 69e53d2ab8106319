package dialect

import (
	"encoding/json"
	"fmt"

	"github.com/sauravritesh63/miniairflow"
)

// EncodeSelection returns a selection as it is stored; one that chooses all tasks
// is the empty text.
func EncodeSelection(s *miniairflow.Selection) (string, error) {
	if s.IsEmpty() {
		return "", nil
	}
	data, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encode selection: %w", err)
	}
	return string(data), nil
}

// DecodeSelection is the inverse of EncodeSelection.
func DecodeSelection(stored string) (*miniairflow.Selection, error) {
	if stored == "" {
		return nil, nil
	}
	s := &miniairflow.Selection{}
	if err := json.Unmarshal([]byte(stored), s); err != nil {
		return nil, fmt.Errorf("decode selection: %w", err)
	}
	return s, nil
}
