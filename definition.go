package miniairflow

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// Hash returns the SHA-256 of the canonical form of d, in hex. Two definitions
// with the same hash make one version. It is empty for a definition that has no
// JSON form because a param holds NaN or an infinity, which Validate refuses.
func (d *Definition) Hash() string { return hashJSON(d) }

// Canonical returns the canonical form of d, which is JSON, and its Hash.
func (d *Definition) Canonical() (document []byte, hash string, err error) { return canonical(d) }

// ScheduleCron returns the cron expressions of d, and its other times as people write
// them, joined by ", "; empty without a schedule.
func (d *Definition) ScheduleCron() string {
	times := make([]string, 0, len(d.Schedules))
	for _, s := range d.Schedules {
		times = append(times, s.times())
	}
	return strings.Join(times, ", ")
}

func hashJSON(v any) string {
	_, hash, err := canonical(v)
	if err != nil {
		return ""
	}
	return hash
}

func canonical(v any) (document []byte, hash string, err error) {
	if document, err = json.Marshal(v); err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(document)
	return document, hex.EncodeToString(sum[:]), nil
}
