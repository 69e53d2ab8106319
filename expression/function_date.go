package expression

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/ncruces/go-strftime"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

var dateFunctions = []function{
	{
		name: "formatDate", optional: 1, gives: typeText,
		params: []parameter{
			{name: "date", takes: kindText, literal: checkDate},
			{name: "format", takes: kindText, literal: checkFormat},
			{name: "zone", takes: kindText, literal: checkZone},
		},
		about: "a date or time in a form of `strftime`, with `zone` as the clocks there show it",
		examples: []functionCase{
			{`formatDate('2026-01-31T23:30:00Z', '%Y-%m-%d', 'Europe/Berlin')`, "2026-02-01"},
			{`formatDate('2026-01-31', '%d.%m.%y, day %-j, %A, week %V of %G, %%')`, "31.01.26, day 31, Saturday, week 05 of 2026, %"},
			{`formatDate('2026-01-31T23:30:05.25+02:00', '%H:%M:%S.%L %z %:z')`, "23:30:05.250 +0200 +02:00"},
			{`formatDate('2026-01-31', '%F %Z', 'America/New_York')`, "2026-01-31 EST"},
		},
		call: callFormatDate,
	},
	{
		name: "dateAdd", gives: typeText,
		params: []parameter{
			{name: "date", takes: kindText, literal: checkDate},
			{name: "duration", takes: kindText, literal: checkDuration},
		},
		about: "the time so much later, or earlier with `-`; a date without a time stays one if whole days are added",
		examples: []functionCase{
			{`dateAdd('2026-03-01', '-1d')`, "2026-02-28"},
			{`dateAdd('2026-01-31T06:00:00Z', '1h30m')`, "2026-01-31T07:30:00Z"},
			{`dateAdd('2026-01-31', '6h')`, "2026-01-31T06:00:00Z"},
		},
		call: callDateAdd,
	},
	{
		name: "dateDiff", gives: typeAny,
		params: []parameter{
			{name: "later", takes: kindText, literal: checkDate},
			{name: "earlier", takes: kindText, literal: checkDate},
		},
		about: "the seconds from the second date or time to the first",
		examples: []functionCase{
			{`dateDiff('2026-01-31T06:00:00Z', '2026-01-31T05:59:30Z')`, "30"},
			{`dateDiff('2026-01-30', '2026-01-31') / 86400`, "-1"},
		},
		call: callDateDiff,
	},
}

// moment is a date or a time that a text holds.
type moment struct {
	time.Time
	isDate bool // without a time of day
}

// parseMoment reads what params of type date and datetime hold, and the times of
// a run. A date begins at midnight in zone.
func parseMoment(text string, zone *time.Location) (moment, error) {
	if t, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return moment{t, true}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return moment{}, fmt.Errorf("%s is not a date or time: it must be like 2026-01-31 or 2026-01-31T06:00:00Z", quote(text))
	}
	return moment{t, false}, nil
}

func checkDate(text string) error {
	_, err := parseMoment(text, time.UTC)
	return err
}

func checkDuration(text string) error {
	_, err := miniairflow.ParseDuration(text)
	return err
}

func checkZone(name string) error {
	_, err := miniairflow.LoadZone(name)
	return err
}

const (
	formatMax  = 200 // bytes
	directives = "aAbBdefFGHIjLmMpsSTuUVwWyYzZ%"
)

var directive = regexp.MustCompile(`(?s)%[-:]?.?`)

// checkFormat refuses what would come out as it is.
func checkFormat(format string) error {
	if len(format) > formatMax {
		return fmt.Errorf("the format is longer than %d bytes", formatMax)
	}
	for _, found := range directive.FindAllString(format, -1) {
		letter := strings.TrimPrefix(strings.TrimPrefix(found, "%"), "-")
		if found == "%:z" {
			continue
		}
		if letter == "" || !strings.Contains(directives, letter) {
			return fmt.Errorf("%s means nothing in a format: write one of %%%s, and %%%% for a %%", quote(found), strings.Join(strings.Split(directives[:len(directives)-1], ""), " %"))
		}
	}
	return nil
}

func callFormatDate(args []any) (any, error) {
	format := textOf(args[1])
	if err := checkFormat(format); err != nil {
		return nil, err
	}
	zone := time.UTC
	if len(args) > 2 {
		var err error
		if zone, err = miniairflow.LoadZone(textOf(args[2])); err != nil {
			return nil, err
		}
	}
	m, err := parseMoment(textOf(args[0]), zone)
	if err != nil {
		return nil, err
	}
	if len(args) > 2 {
		m.Time = m.In(zone)
	}
	return strftime.Format(format, m.Time), nil
}

func callDateAdd(args []any) (any, error) {
	m, err := parseMoment(textOf(args[0]), time.UTC)
	if err != nil {
		return nil, err
	}
	d, err := miniairflow.ParseDuration(textOf(args[1]))
	if err != nil {
		return nil, err
	}
	later := m.Add(d.Std())
	if later.Year() < 0 || later.Year() > 9999 {
		return nil, fmt.Errorf("the year %d has no date: it must be 0 to 9999", later.Year())
	}
	if m.isDate && d.Std()%(24*time.Hour) == 0 {
		return later.Format(time.DateOnly), nil
	}
	return later.Format(time.RFC3339Nano), nil
}

func callDateDiff(args []any) (any, error) {
	later, err := parseMoment(textOf(args[0]), time.UTC)
	if err != nil {
		return nil, err
	}
	earlier, err := parseMoment(textOf(args[1]), time.UTC)
	if err != nil {
		return nil, err
	}
	// A time.Duration would not hold all of them.
	seconds := later.Unix() - earlier.Unix()
	if fraction := later.Nanosecond() - earlier.Nanosecond(); fraction != 0 {
		return float64(seconds) + float64(fraction)/1e9, nil
	}
	return int(seconds), nil
}
