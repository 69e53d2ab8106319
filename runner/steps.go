package runner

import (
	"context"
	"log/slog"
	"maps"
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
	// that did not come to an end.
	refused map[uuid.UUID]bool
}

func newSteps(logger *slog.Logger) *steps { return &steps{logger: logger, shelf: shelf[uuid.UUID]{}} }

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
// all others, so that a few that it always refuses do not end each pass at the same
// place. pass returns how long it is until the first may be tried again. Its error is
// that of find, or of a database that has refused refusedMax steps in a row.
func (s *steps) pass(ctx context.Context, batch int, find func(limit int) ([]step, error)) (time.Duration, error) {
	s.shelf.clear(time.Now())
	before := s.refused
	s.refused = map[uuid.UUID]bool{}
	p := &stepsPass{steps: s, batch: batch, find: find, tried: map[uuid.UUID]bool{}}
	err := p.take(ctx, before)
	if err == nil && len(before) > 0 {
		err = p.take(ctx, nil)
	}
	if err != nil {
		maps.Copy(s.refused, before)
		return 0, err
	}
	return s.shelf.first(time.Now()), nil
}

// stepsPass is one pass of steps.
type stepsPass struct {
	*steps
	batch   int
	find    func(limit int) ([]step, error)
	tried   map[uuid.UUID]bool // each once
	refused refusals
}

// take takes the steps but for those of later.
func (p *stepsPass) take(ctx context.Context, later map[uuid.UUID]bool) error {
	for passed := 0; ; {
		limit := p.batch + passed
		found, err := p.find(limit)
		if err != nil {
			return err
		}
		passed = 0 // what will be found again
		for _, step := range found {
			if p.tried[step.id] || later[step.id] || p.shelf.has(step.id) {
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
			}
			if isAway {
				return err
			}
		}
		if len(found) < limit {
			return nil
		}
	}
}

// setAside puts on the shelf what has failed.
func (s *steps) setAside(ctx context.Context, id uuid.UUID, err error) {
	level, lies := slog.LevelError, runShelfTime
	if isTransient(err) {
		level, lies = slog.LevelWarn, runRetryDelay
		s.refused[id] = true
	}
	s.shelf.put(id, time.Now().Add(lies))
	s.logger.Log(ctx, level, "Scheduler: Step failed, set aside for a while", "id", id, "for", lies.String(), "error", err)
}
