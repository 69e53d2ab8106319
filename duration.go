package miniairflow

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that reads and writes as text with a unit
// ("90s", "1h30m0s"), so that stored documents stay legible.
type Duration time.Duration

// dayCount finds the days that a duration may begin with.
var dayCount = regexp.MustCompile(`(?s)^([0-9]{1,5})d(.*)$`)

// ParseDuration reads a duration as files and parameters have it: what
// time.ParseDuration takes, with days of 24 hours in front of it, as in 90s,
// 1h30m, 2d and -1d12h. A sign counts for all of it.
func ParseDuration(text string) (Duration, error) {
	rest, isNegative := strings.CutPrefix(text, "-")
	if !isNegative {
		rest = strings.TrimPrefix(text, "+")
	}
	var total time.Duration
	if found := dayCount.FindStringSubmatch(rest); found != nil {
		days, err := strconv.Atoi(found[1])
		if err != nil {
			return 0, durationError(text)
		}
		total, rest = time.Duration(days)*24*time.Hour, found[2]
		if rest == "" {
			rest = "0"
		}
	}
	if strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "+") {
		return 0, durationError(text)
	}
	part, err := time.ParseDuration(rest)
	if err != nil || total+part < total { // too long for 63 bits
		return 0, durationError(text)
	}
	if total += part; isNegative {
		total = -total
	}
	return Duration(total), nil
}

func durationError(text string) error {
	return fmt.Errorf("%s is not a duration: write one with units such as 90s, 10m, 1h30m or 2d", show(text))
}

// Std returns d as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// Seconds returns d in seconds.
func (d Duration) Seconds() float64 { return time.Duration(d).Seconds() }

// String returns d in the form of time.Duration.
func (d Duration) String() string { return time.Duration(d).String() }

// shortest returns d without the zeros at its end: 1h30m, and 48h for two days.
func (d Duration) shortest() string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-len("0s")]
		}
	}
	return text
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("parse duration %q: %w", text, err)
	}
	*d = Duration(parsed)
	return nil
}
