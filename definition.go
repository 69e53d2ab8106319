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

// Hash returns the SHA-256 of the schedule's canonical form, in hex.
func (s Schedule) Hash() string { return hashJSON(s) }

// ScheduleCron returns the cron expressions of d, joined by ", "; empty without
// a schedule.
func (d *Definition) ScheduleCron() string {
	crons := make([]string, 0, len(d.Schedules))
	for _, s := range d.Schedules {
		crons = append(crons, s.Cron)
	}
	return strings.Join(crons, ", ")
}

func hashJSON(v any) string {
	content, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
