package runner

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// step is what is to be done to a run or a backfill.
type step struct {
	id uuid.UUID
	do func() error
}

// steps takes the steps of one duty, pass for pass. One goroutine owns it.
type steps struct {
	logger *slog.Logger
	shelf  shelf[uuid.UUID]
	// refused are those that the database has refused in the last pass, and all before it
	// that did not come to an end, each with the last such pass.
	refused map[uuid.UUID]int
	passes  int
}

func newSteps(logger *slog.Logger) *steps {
	return &steps{logger: logger, shelf: shelf[uuid.UUID]{}, refused: map[uuid.UUID]int{}}
}

// inSteps returns the pass of a duty which takes steps.
func inSteps(
	cfg *SchedulerConfig, pass func(context.Context, miniairflow.Store, *steps) (time.Duration, error),
) func(context.Context) (time.Duration, error) {
	own := newSteps(cfg.Logger)
	return func(ctx context.Context) (time.Duration, error) { return pass(ctx, cfg.Store, own) }
}

// pass takes the steps that find returns, so many at a time, until it finds no more. What
// fails is logged and put on the shelf: it hides no others, however many they are, nor
// does it keep the duty from its next pass. What the database refused before comes after
// all others, the longest ago first, so that a few that it always refuses do not end each
// pass at the same place. pass returns how long it is until the first may be tried again. Its error is
// that of find, or of a database that has refused refusedMax steps in a row.
func (s *steps) pass(ctx context.Context, batch int, find func(limit int) ([]step, error)) (time.Duration, error) {
	s.shelf.clear(time.Now())
	s.passes++
	p := &stepsPass{steps: s, before: s.refused, tried: map[uuid.UUID]bool{}}
	s.refused = map[uuid.UUID]int{}
	if err := p.take(ctx, batch, find); err != nil {
		maps.Copy(p.before, s.refused)
		s.refused = p.before
		return 0, err
	}
	return s.shelf.first(time.Now()), nil
}

// stepsPass is one pass of steps.
type stepsPass struct {
	*steps
	before  map[uuid.UUID]int  // refused, as the pass before this one has left it
	tried   map[uuid.UUID]bool // each once
	refused refusals
}

func (p *stepsPass) take(ctx context.Context, batch int, find func(limit int) ([]step, error)) error {
	for passed := len(p.before); ; {
		limit := batch + passed
		found, err := find(limit)
		if err != nil {
			return err
		}
		isLast := len(found) < limit
		slices.SortStableFunc(found, func(x, y step) int { return p.before[x.id] - p.before[y.id] })
		passed = 0 // what will be found again
		for _, step := range found {
			if p.tried[step.id] || p.shelf.has(step.id) || p.before[step.id] > 0 && !isLast {
				passed++
				continue
			}
			p.tried[step.id] = true
			err := safely(step.do)
			isAway := p.refused.isAway(err)
			if err != nil && ctx.Err() != nil {
				return err
			}
			if err != nil {
				passed++
				p.setAside(ctx, step.id, err)
			} else {
				delete(p.before, step.id)
			}
			if isAway {
				return err
			}
		}
		if isLast {
			return nil
		}
	}
}

// setAside puts on the shelf what has failed.
func (p *stepsPass) setAside(ctx context.Context, id uuid.UUID, err error) {
	level, lies := slog.LevelError, runShelfTime
	if isTransient(err) {
		level, lies = refusalLevel(p.before[id] > 0), runRetryDelay
		p.steps.refused[id] = p.passes
	}
	p.shelf.put(id, time.Now().Add(lies))
	p.logger.Log(ctx, level, "Scheduler: Step failed, set aside for a while", "id", id, "for", lies.String(), "error", err)
}
