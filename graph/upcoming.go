package graph

import (
	"context"
	"math"
	"time"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// nextSlots returns the next slots of a workflow or of a schedule that is tried out.
func (r *Resolver) nextSlots(ctx context.Context, workflow *string, tried *model.ScheduleInput, after *time.Time, first *int) ([]*model.UpcomingSlot, error) {
	count, err := pageSize(first)
	if err != nil {
		return nil, err
	}
	var schedules []miniairflow.Schedule
	switch {
	case (workflow == nil) == (tried == nil):
		return nil, invalid("give a workflow, or a schedule to try out")
	case workflow != nil:
		w, err := r.store.FindWorkflowByName(ctx, *workflow)
		if err != nil {
			return nil, err
		}
		version, err := r.versions.find(ctx, w.VersionID)
		if err != nil {
			return nil, err
		}
		schedules = version.Definition.Schedules
	default:
		s := triedSchedule(tried)
		if err := miniairflow.CheckTimes(s); err != nil {
			return nil, invalid("schedule: %v", err)
		}
		schedules = []miniairflow.Schedule{s}
	}
	upcoming, err := miniairflow.Upcoming(schedules, valueOr(after, time.Now()), count)
	if err != nil {
		return nil, err
	}
	slots := make([]*model.UpcomingSlot, len(upcoming))
	for i, slot := range upcoming {
		slots[i] = &model.UpcomingSlot{Of: slot}
	}
	return slots, nil
}

func triedSchedule(in *model.ScheduleInput) miniairflow.Schedule {
	return miniairflow.Schedule{
		Cron: valueOr(in.Cron, ""), Every: miniairflow.Duration(min(valueOr(in.EverySeconds, 0), math.MaxInt32)) * miniairflow.Duration(time.Second),
		At: valueOr(in.At, time.Time{}), Timezone: valueOr(in.Timezone, "UTC"),
		Start: valueOr(in.StartsAt, time.Time{}), End: valueOr(in.EndsAt, time.Time{}),
	}
}
