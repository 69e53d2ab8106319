package model

import (
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// Schedule is a schedule of a version. What it does not say is null.
type Schedule struct{ Of *miniairflow.Schedule }

// Name returns the schedule's own name.
func (s Schedule) Name() *string { return OrNull(s.Of.Name) }

// Text returns its times as people write them.
func (s Schedule) Text() string { return s.Of.String() }

// Cron returns its cron expression.
func (s Schedule) Cron() *string { return OrNull(s.Of.Cron) }

// EverySeconds returns the distance of its times.
func (s Schedule) EverySeconds() *float64 { return OrNull(s.Of.Every.Seconds()) }

// At returns its only time.
func (s Schedule) At() *time.Time { return OrNull(s.Of.At) }

// Timezone returns an IANA name.
func (s Schedule) Timezone() string { return s.Of.Timezone }

// StartsAt returns the bound before which it does not fire.
func (s Schedule) StartsAt() *time.Time { return OrNull(s.Of.Start) }

// EndsAt returns the bound after which it does not fire.
func (s Schedule) EndsAt() *time.Time { return OrNull(s.Of.End) }

// JitterSeconds returns by how much at most its runs come late on purpose.
func (s Schedule) JitterSeconds() *float64 { return OrNull(s.Of.Jitter.Seconds()) }

// Catchup returns what happens to missed slots.
func (s Schedule) Catchup() miniairflow.Catchup { return s.Of.Catchup }

// CatchupWindowSeconds returns how far back catchup goes.
func (s Schedule) CatchupWindowSeconds() *float64 { return OrNull(s.Of.CatchupWindow.Seconds()) }

// MaxCatchup returns how many missed slots are kept.
func (s Schedule) MaxCatchup() *int { return OrNull(s.Of.MaxCatchup) }

// Overlap returns what a slot does when max_active_runs is reached.
func (s Schedule) Overlap() miniairflow.Overlap { return s.Of.Overlap }

// Params returns the values that it gives in place of defaults.
func (s Schedule) Params() map[string]any { return s.Of.Params }

// NextFireAt returns when it fires next, counted from now.
func (s Schedule) NextFireAt() (*time.Time, error) {
	next, err := miniairflow.NextFire(*s.Of, time.Now())
	return OrNull(next), err
}

// OrNull returns nil for the zero value, which stands for none.
func OrNull[T comparable](value T) *T {
	var none T
	if value == none {
		return nil
	}
	return &value
}

// UpcomingSlot is a slot to come. What it does not have is null.
type UpcomingSlot struct{ Of miniairflow.UpcomingSlot }

// At returns when it is.
func (s UpcomingSlot) At() time.Time { return s.Of.At }

// Timezone returns the zone of the schedule.
func (s UpcomingSlot) Timezone() string { return s.Of.At.Location().String() }

// Schedule returns the name of the schedule.
func (s UpcomingSlot) Schedule() *string { return OrNull(s.Of.Schedule) }

// Times returns the times of the entries that fire then.
func (s UpcomingSlot) Times() string { return s.Of.Text }

// Note returns what a clock change does to it.
func (s UpcomingSlot) Note() *string { return OrNull(s.Of.Note) }
