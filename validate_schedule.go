package miniairflow

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SchedulesMax bounds the schedules of a workflow.
const SchedulesMax = 100

const (
	jitterMax = Duration(24 * time.Hour)
	everyMax  = Duration(10 * 366 * 24 * time.Hour)
)

func (v *validator) schedules() {
	if len(v.d.Schedules) > SchedulesMax {
		v.add([]string{"schedule"}, "the workflow has %d schedules, but may have at most %d", len(v.d.Schedules), SchedulesMax)
		return
	}
	first := make(map[string]int, len(v.d.Schedules))
	unnamed, known := -1, sortedKeys(v.checks)
	for i, s := range v.d.Schedules {
		at := []string{"schedule", strconv.Itoa(i)}
		v.times(at, s)
		v.policies(at, s)
		if v.checks != nil { // there are not too many params
			v.givenParams(at, s.Params, known)
		}
		v.scheduleName(at, s, first, i)
		switch {
		case s.Name != "":
		case unnamed < 0:
			unnamed = i
		case s.differsFrom(v.d.Schedules[unnamed]):
			v.add(at, "schedule %d differs from schedule %d in more than its times, and neither has a name: where they fall together they make one run, so give one of them a name", i+1, unnamed+1)
		}
	}
}

// scheduleName checks that a schedule is no other's: those with a name differ in it,
// those without in their times.
func (v *validator) scheduleName(at []string, s Schedule, first map[string]int, i int) {
	key := s.Name
	switch {
	case s.Name == "":
		key = " " + s.String()
	case !workflowName.MatchString(s.Name):
		v.add(sub(at, "name"), "schedule name %s is not valid: up to 128 letters, digits, _, - and ., starting with a letter or digit", show(s.Name))
	}
	if other, repeated := first[key]; repeated {
		v.add(at, "schedule %d repeats schedule %d (%s)", i+1, other+1, strings.TrimSpace(key))
		return
	}
	first[key] = i
}

// times checks when a schedule fires.
func (v *validator) times(at []string, s Schedule) {
	before := len(v.problems)
	_, zoneErr := LoadZone(s.Timezone)
	if zoneErr != nil {
		v.add(sub(at, "timezone"), "%v", zoneErr)
	}
	place := v.timing(at, s)
	for _, moment := range []struct {
		name string
		time time.Time
	}{{"at", s.At}, {"start", s.Start}, {"end", s.End}} {
		switch t := moment.time; {
		case t.IsZero():
		case t.Year() < 1970 || t.Year() > 9999:
			v.add(sub(at, moment.name), "%s is in the year %d: write one from 1970 to 9999", moment.name, t.Year())
		case t.Nanosecond() != 0:
			v.add(sub(at, moment.name), "%s has a fraction of a second", moment.name)
		}
	}
	if !s.End.IsZero() && s.End.Before(s.Start) {
		v.add(sub(at, "end"), "end is before start")
	}
	if len(v.problems) > before {
		return
	}
	if err := CheckSchedule(s); err != nil {
		v.add(sub(at, place), "%v", err)
	}
}

// CheckTimes says what is wrong with when a schedule fires, as Validate does of one in
// a file.
func CheckTimes(s Schedule) error {
	v := &validator{d: &Definition{}}
	if v.times(nil, s); len(v.problems) > 0 {
		return errors.New(v.problems[0].Message)
	}
	return nil
}

// timing checks that a schedule has exactly one kind of times, and returns its key.
func (v *validator) timing(at []string, s Schedule) string {
	var kinds []string
	if s.Every != 0 {
		kinds = append(kinds, "every")
		if s.Every < Duration(time.Second) || s.Every > everyMax || s.Every.Std()%time.Second != 0 {
			v.add(sub(at, "every"), "every is %s, but must be a whole number of seconds, from 1s to %s", s.Every.shortest(), everyMax.shortest())
		}
	}
	if !s.At.IsZero() {
		kinds = append(kinds, "at")
	}
	if s.Cron != "" || len(kinds) == 0 {
		kinds = append(kinds, "cron")
		if _, err := parseCron(s.Cron); err != nil {
			v.add(sub(at, "cron"), "%v", err)
		}
	}
	if len(kinds) > 1 {
		v.add(sub(at, kinds[1]), "a schedule has one of cron, every and at: make a list of schedules for several")
	}
	return kinds[0]
}

// policies checks what happens to slots that are late.
func (v *validator) policies(at []string, s Schedule) {
	oneOf(v, sub(at, "catchup"), s.Catchup, Catchups)
	oneOf(v, sub(at, "overlap"), s.Overlap, Overlaps)
	v.duration(sub(at, "catchup_window"), s.CatchupWindow)
	v.duration(sub(at, "jitter"), s.Jitter)
	if s.Jitter > jitterMax {
		v.add(sub(at, "jitter"), "jitter is %s, but may be at most %s", s.Jitter.shortest(), jitterMax.shortest())
	}
	switch {
	case s.MaxCatchup == 0:
	case s.MaxCatchup < 0 || s.MaxCatchup > SlotsMax:
		v.add(sub(at, "max_catchup"), "max_catchup is %d, but must be from 1 to %d", s.MaxCatchup, SlotsMax)
	case s.Catchup != CatchupAll && slices.Contains(Catchups, s.Catchup):
		v.add(sub(at, "max_catchup"), "max_catchup is for catchup: all, which keeps more than one missed slot")
	}
}

// givenParams checks the values that a schedule or a trigger gives; those with templates
// are checked with the expressions.
func (v *validator) givenParams(at []string, given map[string]any, params []string) {
	for _, name := range sortedKeys(given) {
		check, known := v.checks[name]
		text, _ := given[name].(string)
		switch {
		case !known:
			v.addOfKey(sub(at, "params", name), "the workflow has no param %q%s", name, v.suggest(name, params))
			continue
		case check == nil, strings.Contains(text, "${{"):
			continue // the param itself is wrong, or the expressions tell more
		}
		if _, err := check(given[name]); err != nil {
			v.add(sub(at, "params", name), "param %q: %v", name, err)
		}
	}
}
