package limit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// restMax bounds how long ends are collected for one exchange, as in the product.
const restMax = 3 * time.Millisecond

// Tasks runs everything that is queued in the product's database, and what is
// queued by that, slots at a time: the processes of Loop and the product's own
// store calls, and nothing else. It claims for free slots only, and collects
// ends as long as the last call took while enough processes run to keep the
// machine busy. It returns the time from the first claim to the last kept end.
func Tasks(ctx context.Context, address, script string, slots int) (took time.Duration, err error) {
	s, err := openSession(ctx, address, slots)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	ctx, cancel := context.WithCancel(ctx)
	t := &tasks{session: s, starts: make(chan miniairflow.Claim, slots), ends: make(chan end, slots)}
	var workers sync.WaitGroup
	for range slots {
		workers.Go(func() { t.work(ctx, argv(script)) })
	}
	began := time.Now()
	err = t.pump(ctx, slots)
	took = time.Since(began)
	cancel()
	close(t.starts)
	workers.Wait()
	return took, err
}

type tasks struct {
	*session
	starts chan miniairflow.Claim
	ends   chan end
}

// end is a task whose process is over.
type end struct {
	claim miniairflow.Claim
	err   error
}

func (t *tasks) work(ctx context.Context, argv []string) {
	for c := range t.starts {
		t.ends <- end{claim: c, err: run(ctx, argv, c.Seq)} // there is room for each slot's
	}
}

// pump reports ends and claims tasks until nothing runs and nothing is queued.
func (t *tasks) pump(ctx context.Context, slots int) error {
	var ended []miniairflow.Claim
	running := 0
	for {
		began := time.Now()
		claims, err := t.exchange(ctx, ended, slots-running)
		if err != nil {
			return err
		}
		running += len(claims)
		if running == 0 {
			return nil
		}
		for _, c := range claims {
			t.starts <- c
		}
		if ended, err = t.collect(running, min(time.Since(began), restMax)); err != nil {
			return err
		}
		running -= len(ended)
	}
}

// collect waits for one end, and for more of them while the machine is busy and
// the rest is not over.
func (t *tasks) collect(running int, rest time.Duration) (ended []miniairflow.Claim, err error) {
	timer := time.NewTimer(rest)
	defer timer.Stop()
	closed := make(chan time.Time)
	close(closed)
	err = take(<-t.ends, &ended)
	for err == nil && len(ended) < running {
		over := timer.C
		if running-len(ended) < 2*runtime.GOMAXPROCS(0) {
			over = closed
		}
		select {
		case e := <-t.ends: // what has ended by now goes with them anyway
			err = take(e, &ended)
			continue
		default:
		}
		select {
		case e := <-t.ends:
			err = take(e, &ended)
		case <-over:
			return ended, nil
		}
	}
	return ended, err
}

func take(e end, ended *[]miniairflow.Claim) error {
	if e.err != nil {
		return fmt.Errorf("task %d: %w", e.claim.Seq, e.err)
	}
	*ended = append(*ended, e.claim)
	return nil
}
