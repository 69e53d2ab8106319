package sqlite

import (
	"encoding/json"
	"fmt"
	"time"
)

// now returns the time as it is stored: microseconds since 1970 in UTC.
func now() int64 { return time.Now().UnixMicro() }

// micros returns t as it is stored.
func micros(t time.Time) int64 { return t.UnixMicro() }

// timeOf is the inverse of micros.
func timeOf(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// timeInto scans a stored time into to.
type timeInto struct{ to *time.Time }

// Scan implements sql.Scanner.
func (t timeInto) Scan(value any) error {
	stored, ok := value.(int64)
	if !ok {
		return fmt.Errorf("stored time is a %T", value)
	}
	*t.to = timeOf(stored)
	return nil
}

// nullTimeInto scans a stored time, or null, into to.
type nullTimeInto struct{ to **time.Time }

// Scan implements sql.Scanner.
func (t nullTimeInto) Scan(value any) error {
	if value == nil {
		*t.to = nil
		return nil
	}
	var stored time.Time
	if err := (timeInto{&stored}).Scan(value); err != nil {
		return err
	}
	*t.to = &stored
	return nil
}

// jsonInto scans JSON text into to.
type jsonInto struct{ to any }

// Scan implements sql.Scanner.
func (j jsonInto) Scan(value any) error {
	switch text := value.(type) {
	case string:
		return json.Unmarshal([]byte(text), j.to)
	case []byte:
		return json.Unmarshal(text, j.to)
	default:
		return fmt.Errorf("stored JSON is a %T", value)
	}
}
