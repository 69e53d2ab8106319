package sqlite

import (
	"database/sql/driver"
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

// table is rows of values, which a statement reads with json_each(?): a row is
// its value, and a column value ->> 0 and so on. A row holds all columns of the
// key that is looked up: with a part of the key given elsewhere SQLite would
// read the whole run once for each row.
type table [][]any

// Value implements driver.Valuer.
func (t table) Value() (driver.Value, error) {
	text, err := json.Marshal([][]any(t))
	return string(text), err
}

// list is values of one kind, which a statement reads with json_each(?).
type list[T any] []T

// Value implements driver.Valuer.
func (l list[T]) Value() (driver.Value, error) {
	if l == nil {
		return "[]", nil
	}
	text, err := json.Marshal([]T(l))
	return string(text), err
}

// nullMicros returns t as it is stored, or null for the zero time.
func nullMicros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return micros(t)
}

// nullText returns null for the empty text.
func nullText(s string) any {
	if s == "" {
		return nil
	}
	return s
}
