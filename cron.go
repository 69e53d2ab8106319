package miniairflow

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// cronFields names the five fields of a cron expression, for messages.
var cronFields = [5]string{"minute", "hour", "day of month", "month", "day of week"}

// cronMacros are the names that stand for a whole expression.
var cronMacros = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
	"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

const cronMacroNames = "@yearly, @monthly, @weekly, @daily, @hourly"

// cronTextMax bounds a cron expression; the longest sensible one has a few hundred bytes.
const cronTextMax = 1024

var cronParser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// cronAny marks a field of cron.SpecSchedule that was given as a star.
const cronAny = 1 << 63

// cronSpec is a parsed cron expression: the civil minutes that it names.
type cronSpec struct {
	minutes, hours, days, months, weekdays uint64 // bit sets

	// everyHour: the hour field names all hours, so civil minutes that a clock
	// change leaves out are not missed by anybody.
	everyHour bool
	// fixedHours: the hour field lists hours without star or step, so a civil
	// minute that a clock change repeats is meant once.
	fixedHours bool
}

// parseCron parses a cron expression of five fields or a macro. Its errors say
// which field is wrong.
func parseCron(text string) (spec *cronSpec, err error) {
	defer func() {
		if r := recover(); r != nil { // the parser is known to panic on odd input
			spec, err = nil, fmt.Errorf("cron %s is not valid", show(text))
		}
	}()
	trimmed := strings.TrimSpace(text)
	switch upper := strings.ToUpper(trimmed); {
	case trimmed == "":
		return nil, fmt.Errorf("cron is empty: write five fields such as \"0 2 * * *\"")
	case len(trimmed) > cronTextMax:
		return nil, fmt.Errorf("cron is longer than %d bytes", cronTextMax)
	case strings.HasPrefix(upper, "TZ="), strings.HasPrefix(upper, "CRON_TZ="):
		return nil, fmt.Errorf("cron %s names a time zone: write it as timezone: beside the cron expression", show(trimmed))
	case strings.HasPrefix(trimmed, "@every"):
		return nil, fmt.Errorf("cron %s is not supported: write a step such as \"*/15 * * * *\"", show(trimmed))
	case strings.HasPrefix(trimmed, "@"):
		full, ok := cronMacros[trimmed]
		if !ok {
			return nil, fmt.Errorf("cron macro %s is unknown: use %s", show(trimmed), cronMacroNames)
		}
		trimmed = full
	}
	fields := strings.Fields(trimmed)
	if len(fields) != len(cronFields) {
		hint := ""
		if len(fields) == len(cronFields)+1 {
			hint = "; there is no field for seconds"
		}
		if macro := "@" + strings.ToLower(trimmed); cronMacros[macro] != "" {
			hint = "; did you mean \"" + macro + "\"?"
		}
		return nil, fmt.Errorf("cron %s has %d fields, not 5 (minute hour day month weekday)%s", show(text), len(fields), hint)
	}
	return parseCronFields(fields)
}

func parseCronFields(fields []string) (*cronSpec, error) {
	weekdays, err := sundayIsZero(fields[4])
	if err != nil {
		return nil, fmt.Errorf("cron field %s %s: %w", cronFields[4], show(fields[4]), err)
	}
	normal := []string{fields[0], fields[1], fields[2], fields[3], weekdays}
	for i, field := range normal {
		if err := checkCronField(i, field); err != nil {
			return nil, fmt.Errorf("cron field %s %s: %w", cronFields[i], show(fields[i]), err)
		}
	}
	parsed, err := cronParser.Parse(strings.Join(normal, " "))
	if err != nil {
		return nil, fmt.Errorf("cron %s: %w", show(strings.Join(fields, " ")), err)
	}
	s, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("cron %s is not valid", show(strings.Join(fields, " ")))
	}
	const allHours = 1<<24 - 1
	spec := &cronSpec{minutes: s.Minute, hours: s.Hour, days: s.Dom, months: s.Month, weekdays: s.Dow}
	spec.everyHour = s.Hour&allHours == allHours
	spec.fixedHours = !spec.everyHour && !strings.ContainsAny(fields[1], "*?/")
	return spec, nil
}

// checkCronField refuses what the parser takes silently for something else, and
// finds out what is wrong with one field by parsing it among stars.
func checkCronField(place int, field string) error {
	for item := range strings.SplitSeq(field, ",") {
		switch {
		case item == "":
			return fmt.Errorf("an item of the list is empty")
		case strings.HasPrefix(item, "*-"), strings.HasPrefix(item, "?-"):
			return fmt.Errorf("a star has no range: write two numbers, or a step such as */5")
		}
	}
	alone := []string{"*", "*", "*", "*", "*"}
	alone[place] = field
	_, err := cronParser.Parse(strings.Join(alone, " "))
	if err == nil {
		return nil
	}
	if word, found := strings.CutPrefix(err.Error(), "failed to parse int from "); found {
		word, _, _ = strings.Cut(word, ": ")
		return fmt.Errorf("%s is no number%s", show(word), cronNames[place])
	}
	return err
}

// cronNames says which names a field takes beside numbers.
var cronNames = [5]string{3: " and no month such as jan", 4: " and no day such as mon"}

var weekdayNumbers = map[string]int{"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}

// sundayIsZero rewrites a weekday field so that Sunday is always 0: 7 means
// Sunday too, and a range may end on it ("5-7", "fri-sun").
func sundayIsZero(field string) (string, error) {
	items := strings.Split(field, ",")
	for i, item := range items {
		span, stepText, hasStep := strings.Cut(item, "/")
		from, to, isRange := strings.Cut(span, "-")
		first, ok := weekdayNumber(from)
		if !ok {
			continue // a star, or an error that the parser reports
		}
		last := first
		if isRange {
			if last, ok = weekdayNumber(to); !ok {
				continue
			}
			if last == 0 && first > 0 {
				last = 7
			}
		}
		if last != 7 {
			continue
		}
		step := 1
		if hasStep {
			if step, ok = smallNumber(stepText); !ok || step == 0 {
				return "", fmt.Errorf("the step %s is not a number above 0", show(stepText))
			}
		}
		var days []string
		for day := first; day <= last; day += step {
			days = append(days, strconv.Itoa(day%7))
		}
		items[i] = strings.Join(days, ",")
	}
	return strings.Join(items, ","), nil
}

func weekdayNumber(text string) (int, bool) {
	if n, ok := weekdayNumbers[strings.ToLower(text)]; ok {
		return n, true
	}
	n, ok := smallNumber(text)
	return n, ok && n <= 7
}

func smallNumber(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil
}

// matchesDay applies classic cron's rule: with both day fields restricted, one
// match is enough.
func (s *cronSpec) matchesDay(day time.Time) bool {
	if s.months&(1<<uint(day.Month())) == 0 {
		return false
	}
	inMonth := s.days&(1<<uint(day.Day())) != 0
	inWeek := s.weekdays&(1<<uint(day.Weekday())) != 0
	if (s.days|s.weekdays)&cronAny != 0 {
		return inMonth && inWeek
	}
	return inMonth || inWeek
}

// next returns the first civil minute that matches in [from, until). Civil
// times are written as times in UTC, which has no clock changes.
func (s *cronSpec) next(from, until time.Time) (time.Time, bool) {
	if whole := from.Truncate(time.Minute); whole.Before(from) {
		from = whole.Add(time.Minute)
	}
	year, month, dayOfMonth := from.Date()
	for day := time.Date(year, month, dayOfMonth, 0, 0, 0, 0, time.UTC); day.Before(until); {
		if s.months&(1<<uint(day.Month())) == 0 {
			day = time.Date(day.Year(), day.Month()+1, 1, 0, 0, 0, 0, time.UTC)
			continue
		}
		if s.matchesDay(day) {
			first := max(0, int(from.Sub(day)/time.Minute))
			if minute, ok := s.nextInDay(first); ok {
				found := day.Add(time.Duration(minute) * time.Minute)
				return found, found.Before(until)
			}
		}
		day = day.AddDate(0, 0, 1)
	}
	return time.Time{}, false
}

// nextInDay returns the first minute of a day, counted from midnight, that
// matches and is not before first.
func (s *cronSpec) nextInDay(first int) (int, bool) {
	for hour := first / 60; hour < 24; hour++ {
		if s.hours&(1<<uint(hour)) == 0 {
			continue
		}
		left := s.minutes & (1<<60 - 1)
		if hour == first/60 {
			left = left >> uint(first%60) << uint(first%60)
		}
		if left != 0 {
			return hour*60 + bits.TrailingZeros64(left), true
		}
	}
	return 0, false
}
