package miniairflow

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Deadline says by when a run, or a task of it, should be over: at a time of day on or
// after the logical date, by the clocks of the schedule, or so long after the run may
// start, or when it was in earlier runs, see UsualLimit. Exactly one of them is set.
// It ends nothing, see LateMark.
type Deadline struct {
	Clock   string // 15:04
	After   Duration
	IsUsual bool
}

// usualText is a Deadline with IsUsual as a file says it.
const usualText = "usual"

const (
	// UsualRunsMax is of how many of the latest successful runs the usual time is taken.
	UsualRunsMax = 20
	// usualRunsMin is how many there have to be.
	usualRunsMin = 5
	// usualSlack is the least that a run may take longer than usual.
	usualSlack = time.Minute
)

// UsualLimit returns how long after the run may start it is late, or a task of it, if it
// was over so long after that in earlier runs: after twice their median, and at least a
// minute more than it. 0: they are too few to tell.
func UsualLimit(took []time.Duration) time.Duration {
	if len(took) < usualRunsMin {
		return 0
	}
	sorted := slices.Sorted(slices.Values(took))
	median := max(0, sorted[len(sorted)/2])
	return median + max(median, usualSlack)
}

var timeOfDay = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)

// deadlineMax bounds Deadline.After.
const deadlineMax = Duration(366 * 24 * time.Hour)

// ParseDeadline reads "06:00", "+2h" or "usual".
func ParseDeadline(text string) (Deadline, error) {
	if text == usualText {
		return Deadline{IsUsual: true}, nil
	}
	if after, ok := strings.CutPrefix(text, "+"); ok {
		d, err := ParseDuration(after)
		if err == nil && d > 0 && d <= deadlineMax {
			return Deadline{After: d}, nil
		}
	} else if timeOfDay.MatchString(text) {
		return Deadline{Clock: text}, nil
	}
	return Deadline{}, fmt.Errorf(`%s is no deadline: write a time of day such as "06:00", a time after the start such as "+2h", or usual%s`, show(text), DidYouMean(text, []string{usualText}))
}

// String returns the deadline as a file says it.
func (d Deadline) String() string {
	if d.IsUsual {
		return usualText
	}
	if d.Clock != "" {
		return d.Clock
	}
	return "+" + d.After.shortest()
}

// MarshalJSON implements json.Marshaler.
func (d Deadline) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Deadline) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	parsed, err := ParseDeadline(text)
	*d = parsed
	return err
}

// of returns when the deadline of a run is, in a zone; zero: it has none. Only the
// runs of schedules have a time of day: the logical date of others is no plan. usual is
// the UsualLimit of what has the deadline.
func (d *Deadline) of(run *WorkflowRun, zone *time.Location, usual time.Duration) time.Time {
	switch {
	case d == nil, d.IsUsual && usual == 0:
		return time.Time{}
	case d.IsUsual:
		return run.RunAfter.Add(usual)
	case d.After > 0:
		return run.RunAfter.Add(d.After.Std())
	case run.Type != RunScheduled:
		return time.Time{}
	}
	clock, err := time.Parse("15:04", d.Clock)
	if err != nil {
		return time.Time{}
	}
	local := run.LogicalDate.In(zone)
	for day := range 3 { // a time that clocks leave out is the moment when they go over it, which may be before the date
		civil := time.Date(local.Year(), local.Month(), local.Day()+day, clock.Hour(), clock.Minute(), 0, 0, time.UTC)
		at, gapEnd := moments(civil, zone)
		if at.IsZero() {
			at = gapEnd
		}
		if !at.Before(run.LogicalDate) {
			return at.UTC()
		}
	}
	return time.Time{}
}

// HasDeadlines reports whether runs of d, or their tasks, have deadlines.
func (d *Definition) HasDeadlines() bool { return d.Deadline != nil || len(d.DeadlineTasks()) > 0 }

// DeadlineTasks returns the places of the tasks that have a deadline.
func (d *Definition) DeadlineTasks() (seqs []int) {
	for seq := range d.Tasks {
		if d.Tasks[seq].Deadline != nil {
			seqs = append(seqs, seq)
		}
	}
	return seqs
}

// UsualTasks returns the names of the tasks whose deadline is usual.
func (d *Definition) UsualTasks() (names []string) {
	for _, seq := range d.DeadlineTasks() {
		if t := &d.Tasks[seq]; t.Deadline.IsUsual {
			names = append(names, t.Name)
		}
	}
	return names
}

// zoneOf returns the zone of the schedule that has made a run.
func (d *Definition) zoneOf(run *WorkflowRun) *time.Location {
	for _, g := range d.ScheduleGroups() {
		if g.Name() != run.ScheduleName {
			continue
		}
		if zone, err := LoadZone(g[0].Timezone); err == nil {
			return zone
		}
	}
	return time.UTC
}

// LateMark notes that a run, or a task of it, was not over at its deadline.
type LateMark struct {
	RunID    uuid.UUID
	Task     string // its name; empty: the run itself
	Deadline time.Time
	NotedAt  time.Time // by the database's clock; set by the store
}

// JudgeDeadlines says which deadlines of a run have passed at now while what has them
// was not over, and when to look again; nil: never. g is the shape of the run: tasks that
// it leaves out are not late. ends are when the tasks with a
// deadline ended, by name; a task that is not there has not ended. usual has the UsualLimit
// of each task whose deadline asks for it, by name, and that of the run by the empty one.
func JudgeDeadlines(
	g *DAG, run *WorkflowRun, ends map[string]time.Time, usual map[string]time.Duration, now time.Time,
) (late []LateMark, next *time.Time) {
	d := g.Definition
	zone := d.zoneOf(run)
	judge := func(task string, at time.Time, end time.Time) {
		runEnded := run.FinishedAt != nil && !run.FinishedAt.After(at)
		switch {
		case at.IsZero(), runEnded, !end.IsZero() && !end.After(at): // it was over in time
		case !at.After(now):
			late = append(late, LateMark{RunID: run.ID, Task: task, Deadline: at})
		case next == nil || at.Before(*next):
			next = &at
		}
	}
	judge("", d.Deadline.of(run, zone, usual[""]), time.Time{})
	for _, seq := range d.DeadlineTasks() {
		if g.IsLeftOut(seq) {
			continue
		}
		task := &d.Tasks[seq]
		judge(task.Name, task.Deadline.of(run, zone, usual[task.Name]), ends[task.Name])
	}
	return late, next
}
