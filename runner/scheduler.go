package runner

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// SchedulerConfig says what a Scheduler works on and how often it looks. Zero
// values stand for the defaults.
type SchedulerConfig struct {
	Store     miniairflow.Store
	Evaluator miniairflow.Evaluator
	Logger    *slog.Logger  // nil: discards
	Poll      time.Duration // at most this long between two looks; PollDefault
	KeepFor   time.Duration // of finished runs and their logs; 0: for ever
	Pulse     *Pulse        // of the process; nil: one of its own
	DagsDir   string        // the folder of the workflow files, below which files arrive; empty: none are looked for
}

// Scheduler starts runs when they are due or others have ended, makes those of backfills, ends those that take too long, fails
// what was queued for too long, brings retries back, takes the work of lost
// workers away from them, and deletes old runs. Any number of schedulers work on one store at once: constraints of the
// store keep them honest, and none is the leader.
type Scheduler struct {
	loops
	duties []loop
	events *fileEvents // nil: no files are looked for
}

// NewScheduler returns a scheduler. It does nothing before Run.
func NewScheduler(cfg SchedulerConfig) *Scheduler {
	cfg.Logger = or(cfg.Logger, slog.New(slog.DiscardHandler))
	cfg.Poll = or(cfg.Poll, PollDefault)
	s := &Scheduler{loops: loops{bus: cfg.Store.Bus(), logger: cfg.Logger, pulse: or(cfg.Pulse, NewPulse())}}

	firing := &firing{}
	made := make(chan struct{}, 1)
	slots := &slots{made: made, store: cfg.Store, firing: firing, eval: cfg.Evaluator, logger: cfg.Logger, shelf: shelf[shelfKey]{}}
	afters := &afters{control: &miniairflow.Control{Store: cfg.Store, Evaluator: cfg.Evaluator}, logger: cfg.Logger}
	started := make(chan struct{}, 1)
	starts := &starts{store: cfg.Store, firing: firing, logger: cfg.Logger, shelf: shelf[uuid.UUID]{}, started: started}
	reaper := &reaper{store: cfg.Store, logger: cfg.Logger, watch: newWatch()}
	s.duties = []loop{
		{name: "fire schedules", topics: []miniairflow.Topic{miniairflow.TopicCatalog}, poll: cfg.Poll, pass: slots.pass},
		{name: "start runs after others", topics: []miniairflow.Topic{miniairflow.TopicRuns}, poll: cfg.Poll, pass: afters.pass},
		{name: "start runs", topics: []miniairflow.Topic{miniairflow.TopicRuns, miniairflow.TopicCatalog}, poll: cfg.Poll, pass: starts.pass},
		{
			name: "advance backfills", topics: []miniairflow.Topic{miniairflow.TopicRuns, miniairflow.TopicCatalog}, poll: cfg.Poll,
			pass: inSteps(&cfg, func(ctx context.Context, store miniairflow.Store, steps *steps) (time.Duration, error) {
				return advanceBackfills(ctx, &miniairflow.Control{Store: store, Evaluator: cfg.Evaluator}, steps)
			}),
		},
		{name: "note what is late", topics: []miniairflow.Topic{miniairflow.TopicRuns}, poll: cfg.Poll, pass: inSteps(&cfg, noteLate)},
		{name: "end overdue runs", kick: started, poll: cfg.Poll, pass: inSteps(&cfg, endOverdueRuns)},
		{name: "end replaced runs", kick: made, poll: cfg.Poll, pass: inSteps(&cfg, endReplaced)},
		{name: "end abandoned runs", topics: []miniairflow.Topic{miniairflow.TopicCancel}, poll: cfg.Poll, pass: inSteps(&cfg, endAbandoned)},
		retries(cfg.Store, cfg.Poll, nil),
		{
			name: "fail expired tasks", poll: cfg.Poll,
			pass: func(ctx context.Context) (time.Duration, error) { return failExpired(ctx, cfg.Store) },
		},
		{
			name: "ask about the past", poll: max(cfg.Poll, pastPoll),
			pass: func(ctx context.Context) (time.Duration, error) { return askForPasts(ctx, cfg.Store) },
		},
		{name: "reap lost attempts", topics: []miniairflow.Topic{miniairflow.TopicWorkers}, poll: LeaseDefault / reaperPasses, pass: reaper.pass},
		{
			name: "delete files of old versions", poll: retentionPoll,
			pass: func(ctx context.Context) (time.Duration, error) { return deleteOldFiles(ctx, cfg.Store) },
		},
	}
	if cfg.DagsDir != "" {
		arrivals := newArrivals(afters.control, cfg.Logger, cfg.DagsDir)
		s.events = arrivals.events
		s.duties = append(s.duties, loop{
			name: "look for files", topics: []miniairflow.Topic{miniairflow.TopicCatalog}, kick: s.events.kick, poll: cfg.Poll, pass: arrivals.pass,
		})
	}
	if cfg.KeepFor > 0 {
		s.duties = append(s.duties, loop{
			name: "delete old runs", poll: retentionPoll,
			pass: func(ctx context.Context) (time.Duration, error) { return deleteOldRuns(ctx, cfg.Store, cfg.KeepFor) },
		}, loop{
			name: "delete old missed slots", poll: retentionPoll,
			pass: func(ctx context.Context) (time.Duration, error) { return deleteOldMissed(ctx, cfg.Store, cfg.KeepFor) },
		}, loop{
			name: "delete old backfills", poll: retentionPoll,
			pass: func(ctx context.Context) (time.Duration, error) {
				return deleteOldBackfills(ctx, cfg.Store, cfg.KeepFor)
			},
		})
	}
	return s
}

// Run works until ctx ends, and returns nil when every goroutine of it has
// stopped. A database that is away is waited for.
func (s *Scheduler) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, duty := range s.duties {
		running.Go(func() { s.run(ctx, duty) })
	}
	if s.events != nil {
		defer s.events.close()
		running.Go(func() { s.events.listen(ctx) })
	}
	running.Wait()
	return nil
}
