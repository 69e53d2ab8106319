package chaos

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// Kinds of episodes.
const (
	storm    = "storm"    // every fault, several at a time
	recovery = "recovery" // workers are killed, and nothing else is wrong
	patient  = "patient"  // the same with the default timers
	scale    = "scale"    // ten thousand tasks, while workers and servers are killed
	fullDisk = "full disk"
)

// episode is what is played, and what came of it.
type episode struct {
	Kind       string         `json:"kind"`
	Commit     string         `json:"commit"` // of the sources it was played with
	Seed       uint64         `json:"seed"`
	Lease      time.Duration  `json:"lease_ns"`
	Seconds    int            `json:"seconds"`
	Faults     map[string]int `json:"faults"` // that have landed
	Runs       int            `json:"runs"`
	Tasks      int            `json:"tasks"`
	Attempts   int            `json:"attempts"`
	Lost       int            `json:"lost"`       // attempts
	Reopened   int            `json:"reopened"`   // runs of which a task was lost too often
	RequeuedMS []int64        `json:"requeue_ms"` // from the SIGKILL of a worker until each of its tasks was queued again
	Wrong      []string       `json:"wrong"`
}

// play plays an episode on a cluster of its own.
func (e *episode) play(t *testing.T, quota int) {
	began := time.Now()
	r := rand.New(rand.NewPCG(e.Seed, 0))
	times := scaledTimers
	if e.Kind == patient {
		times = standardTimers
	}
	e.Lease = times.lease
	work := e.workload(t, r)
	c := newCluster(t, times, work)

	stop, keys := make(chan struct{}), []string(nil)
	var feeding sync.WaitGroup
	if e.Kind == scale {
		for i, name := range work.names {
			key := fmt.Sprintf("run-%d", i)
			tick := time.NewTicker(50 * time.Millisecond)
			c.trigger(name, key, tick.C)
			tick.Stop()
			keys = append(keys, key)
		}
	} else {
		feeding.Go(func() { keys = c.feed(rand.New(rand.NewPCG(e.Seed, 1)), work, 24, stop) })
	}
	kills := e.harm(t, c, quota)
	close(stop)
	feeding.Wait()
	e.conclude(t, c, keys, kills)
	e.Seconds = int(time.Since(began).Seconds())
}

func (e *episode) workload(t *testing.T, r *rand.Rand) *workload {
	if e.Kind == scale {
		return writeWide(t, 200, 50)
	}
	return writeWorkload(t, r, 40)
}

// lanes returns who harms what in this kind of episode.
func (e *episode) lanes() [][]fault {
	killWorker, killServer := lanes[0][:1], lanes[1][:1]
	switch e.Kind {
	case recovery:
		return [][]fault{killWorker, killWorker}
	case patient:
		return [][]fault{killWorker, killWorker, killWorker, killWorker}
	case scale:
		return [][]fault{killWorker, killServer}
	default:
		return append([][]fault{lanes[0]}, lanes...)
	}
}

// harm injects quota faults of each kind, and heals everything.
func (e *episode) harm(t *testing.T, c *cluster, quota int) (kills []kill) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	all := e.lanes()
	shares := map[string]int{} // how many lanes have the same faults
	for _, lane := range all {
		shares[lane[0].name]++
	}
	injectors := make([]*injector, len(all))
	var harming sync.WaitGroup
	for i, lane := range all {
		injectors[i] = &injector{c: c, r: rand.New(rand.NewPCG(e.Seed, uint64(i)+2)), landed: map[string]int{}}
		share := (quota + shares[lane[0].name] - 1) / shares[lane[0].name]
		harming.Go(func() { injectors[i].play(ctx, lane, share) })
	}
	harming.Wait()
	e.Faults = map[string]int{}
	for _, in := range injectors {
		for name, n := range in.landed {
			e.Faults[name] += n
		}
		kills = append(kills, in.kills...)
		e.Wrong = append(e.Wrong, in.wrong...)
	}
	return kills
}

// conclude waits until all is over, and judges.
func (e *episode) conclude(t *testing.T, c *cluster, keys []string, kills []kill) {
	reopened, err := c.settle()
	e.Reopened = reopened
	if err != nil {
		e.Wrong = append(e.Wrong, err.Error())
	}
	e.Wrong = append(e.Wrong, c.stop()...)
	said, wrong, err := readAndJudge(t.Context(), c.db, c.store, c.witness, keys)
	if err != nil {
		e.Wrong = append(e.Wrong, err.Error())
		return
	}
	e.Wrong = append(e.Wrong, wrong...)
	e.count(said)
	if e.Kind == recovery || e.Kind == patient {
		e.RequeuedMS, err = requeued(t.Context(), c.db, kills)
	}
	if err != nil {
		e.Wrong = append(e.Wrong, err.Error())
	}
}

// count counts what the database says.
func (e *episode) count(said *told) {
	e.Runs, e.Tasks, e.Attempts = len(said.runs), len(said.tasks), len(said.attempts)
	for _, a := range said.attempts {
		if a.status == "lost" {
			e.Lost++
		}
	}
}

// requeued returns how long after each kill the tasks of the worker were queued again.
func requeued(ctx context.Context, db *sql.DB, kills []kill) (all []int64, err error) {
	for _, k := range kills {
		err := each(ctx, db, func(rows *sql.Rows) error {
			var at time.Time
			err := rows.Scan(&at)
			all = append(all, at.Sub(k.at).Milliseconds())
			return err
		}, fmt.Sprintf(`SELECT a.finished_at FROM task_attempts a JOIN workers w ON w.id = a.session_id
			WHERE w.pid = %d AND a.status = 'lost'`, k.pid))
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
