package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// Sizes of one step of firing schedules.
const (
	dueBatch = 1000 // cursors
	// slotsMax bounds the runs that one cursor gets in one step. The rest of a
	// long backlog, of which no run waits, follows in the next steps, from the cursor
	// that is stored.
	slotsMax = 200
	// stepRowsMax bounds the cursors and runs of one step, about: as many as a store
	// writes in one transaction. What is planned beyond is planned again.
	stepRowsMax = 2000
)

// shelfTime is how long a schedule that cannot be computed is left alone.
const shelfTime = 10 * time.Minute

// handsPause is the time between two looks at slots that are due and in the hands of
// others. Schedulers are likely to fire them, but they may fail; who else holds their
// workflow does not.
const handsPause = 50 * time.Millisecond

// slots turns due cursors of schedules into runs.
type slots struct {
	store  miniairflow.Store
	firing *firing // while there are more slots than one step takes
	eval   miniairflow.Evaluator
	logger *slog.Logger
	shelf  shelf[shelfKey]
	made   chan<- struct{} // poked after runs that may take the place of others
	pokes  bool            // such runs are planned
	vars   knownVars       // of this pass
}

// pass fires everything that is due now.
func (s *slots) pass(ctx context.Context) (time.Duration, error) {
	defer s.firing.end()
	s.vars = knownVars{}
	for {
		s.shelf.clear(time.Now())
		limit := s.limit()
		due, moved, err := s.store.FireDue(ctx, limit, func(due miniairflow.DueSchedules) []miniairflow.Fire {
			if len(due.Due) >= limit {
				s.firing.begin()
			}
			return s.plan(ctx, due)
		})
		isNew, errVars := s.vars.read(ctx, s.store)
		switch {
		case err == nil && errVars != nil:
			return 0, errVars
		case err == nil && isNew: // those that were left out for them can be planned now
		case err == nil && moved > 0 && s.pokes:
			s.pokes = false
			poke(s.made)
		case err == nil && moved > 0: // there may be more, and the next time is known when there is not
		case err == nil && due.Next == nil:
			return unknown, nil
		case err == nil && !due.Next.After(due.Now):
			return handsPause, nil
		case err == nil:
			return max(due.Next.Sub(due.Now), time.Millisecond), nil
		case isTransient(err), ctx.Err() != nil:
			return 0, fmt.Errorf("fire due schedules: %w", err)
		default:
			settled, errEach := s.fireEach(ctx)
			if errEach != nil || settled == 0 {
				return 0, errors.Join(fmt.Errorf("fire due schedules: %w", err), errEach)
			}
		}
	}
}

// limit returns how many due cursors to ask for. What lies on the shelf stays due,
// and must not hide the others.
func (s *slots) limit() int { return dueBatch + len(s.shelf) }

// fireEach fires each due schedule alone, after the store refused to fire them
// together, so that one that cannot be written stops no other, nor the backlog of a
// workflow that is held by somebody else: it is passed over with all its schedules. It
// returns how many it has fired or set aside.
func (s *slots) fireEach(ctx context.Context) (settled int, err error) {
	due, err := s.store.DueSchedules(ctx, s.limit())
	if err != nil {
		return 0, fmt.Errorf("find due schedules: %w", err)
	}
	for _, cursor := range due.Due {
		s.vars.has(miniairflow.VarsOfDefaults(s.eval, cursor.Params))
	}
	if _, err := s.vars.read(ctx, s.store); err != nil {
		return 0, err
	}
	rows, held := 0, map[uuid.UUID]bool{}
	for _, cursor := range due.Due {
		if rows >= stepRowsMax {
			break
		}
		if held[cursor.WorkflowID] {
			continue
		}
		for _, fire := range s.plan(ctx, miniairflow.DueSchedules{Now: due.Now, Due: []miniairflow.ScheduleCursor{cursor}}) {
			isSettled, err := s.fireOne(ctx, fire)
			if err != nil {
				return settled, err
			}
			if !isSettled {
				held[cursor.WorkflowID] = true
				continue
			}
			settled++
			rows += 1 + len(fire.Runs)
		}
	}
	return settled, nil
}

// fireOne fires a schedule, or sets it aside. It reports whether it has done so: somebody
// else may hold it, or have fired it.
func (s *slots) fireOne(ctx context.Context, fire miniairflow.Fire) (bool, error) {
	moved, err := s.store.FireSchedules(ctx, []miniairflow.Fire{fire})
	switch {
	case err == nil:
		return moved > 0, nil
	case errors.Is(err, miniairflow.ErrLocked):
		s.logger.WarnContext(ctx, "Scheduler: Schedule is held by another transaction, tried again later",
			"workflow", fire.Cursor.WorkflowName, "schedule", fire.Cursor.Schedules.Name(), "error", err)
		return false, nil
	case isTransient(err) || ctx.Err() != nil:
		return false, fmt.Errorf("fire schedule of workflow %q: %w", fire.Cursor.WorkflowName, err)
	}
	s.putAside(ctx, fire.Cursor, err)
	return true, nil
}

// plan returns what to do with each due cursor. A schedule that cannot be
// computed goes on the shelf, and the others are not delayed by it.
func (s *slots) plan(ctx context.Context, due miniairflow.DueSchedules) []miniairflow.Fire {
	fires := make([]miniairflow.Fire, 0, len(due.Due))
	var timetables miniairflow.Timetables
	rows := 0
	for _, cursor := range due.Due {
		if rows >= stepRowsMax {
			break // the others are still due in the next step
		}
		if s.shelf.has(keyOf(cursor)) || !s.vars.has(miniairflow.VarsOfDefaults(s.eval, cursor.Params)) {
			continue
		}
		fire, err := s.planOne(ctx, &timetables, cursor, due.Now)
		if err != nil {
			s.putAside(ctx, cursor, err)
			continue
		}
		fires = append(fires, fire)
		s.pokes = s.pokes || cursor.Schedules[0].Overlap == miniairflow.OverlapCancelRunning && len(fire.Runs) > 0
		rows += 1 + len(fire.Runs)
	}
	return fires
}

// planOne returns the runs of a cursor's due slots and where it goes next. A slot
// whose parameters cannot be resolved gets no run: the fault is logged and kept, and
// the schedule goes on.
func (s *slots) planOne(
	ctx context.Context, timetables *miniairflow.Timetables, cursor miniairflow.ScheduleCursor, now time.Time,
) (miniairflow.Fire, error) {
	plan, err := timetables.PlanFire(cursor, now)
	if err != nil {
		return miniairflow.Fire{}, fmt.Errorf("plan schedule %q: %w", cursor.Schedules.Name(), err)
	}
	due := plan.Slots
	if len(due) > slotsMax {
		due, plan.Next = due[:slotsMax], due[slotsMax].RunAfter
	}
	fire := miniairflow.Fire{Cursor: cursor, NextAt: plan.Next, Left: plan.Left}
	for _, slot := range due {
		run, err := s.newRun(cursor, slot)
		if err != nil {
			s.logger.ErrorContext(ctx, "Scheduler: Slot has no run, its parameters cannot be resolved",
				"workflow", cursor.WorkflowName, "schedule", cursor.Schedules.Name(), "slot", slot.LogicalDate, "error", err)
			fire.LeaveUnresolved(slot, err)
			continue
		}
		fire.Runs = append(fire.Runs, run)
	}
	return fire, nil
}

func (s *slots) newRun(cursor miniairflow.ScheduleCursor, slot miniairflow.Slot) (miniairflow.NewRun, error) {
	id, err := miniairflow.NewParentID()
	if err != nil {
		return miniairflow.NewRun{}, err
	}
	params, err := miniairflow.ResolveParams(cursor.Params, nil, miniairflow.RunScope{
		ID: id, Workflow: cursor.WorkflowName, Type: miniairflow.RunScheduled,
		LogicalDate: slot.LogicalDate, DataIntervalStart: slot.DataIntervalStart,
		DataIntervalEnd: slot.LogicalDate, RunAfter: slot.RunAfter,
	}, miniairflow.WithVars(s.eval, s.vars.values))
	if err != nil {
		return miniairflow.NewRun{}, err
	}
	return miniairflow.NewRun{
		ID: id, WorkflowID: cursor.WorkflowID, VersionID: cursor.VersionID,
		Type: miniairflow.RunScheduled, ScheduleName: cursor.Schedules.Name(),
		LogicalDate: slot.LogicalDate, DataIntervalStart: slot.DataIntervalStart, RunAfter: slot.RunAfter,
		Params: params, Overlap: cursor.Schedules[0].Overlap, By: schedulerActor,
	}, nil
}

func (s *slots) putAside(ctx context.Context, cursor miniairflow.ScheduleCursor, err error) {
	s.shelf.put(keyOf(cursor), time.Now().Add(shelfTime))
	s.logger.ErrorContext(ctx, "Scheduler: Schedule cannot fire, set aside for a while",
		"workflow", cursor.WorkflowName, "schedule", cursor.Schedules.Name(), "for", shelfTime.String(), "error", err)
}

// shelfKey names a schedule. An edited one is another one and is not held.
type shelfKey struct {
	workflow uuid.UUID
	hash     string
	version  uuid.UUID
}

func keyOf(c miniairflow.ScheduleCursor) shelfKey {
	return shelfKey{workflow: c.WorkflowID, hash: c.Hash, version: c.VersionID}
}
