package persistencetest_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

var (
	yearsSeed = flag.Uint64("years.seed", 0, "play the simulated years of TestYearsOfSlots from this seed; 0: a new one")
	yearsN    = flag.Int("years.n", 1, "play the simulated years of TestYearsOfSlots this many times")
)

// yearsSteps are the steps of one play by dialect. Each lets from a second to two
// months pass.
var yearsSteps = map[string]int{"sqlite": 700, "postgres": 150}

// TestYearsOfSlots lets simulated years pass over workflows with random schedules,
// policies and zones, which are edited, paused, deactivated and taken away, while three
// schedulers look, fire, fire once more, fire late, and die. In the end each slot that
// a schedule had must have one run, or be in one range of missed slots. Backfills over the
// last days must have made the runs of the dates that had none.
func TestYearsOfSlots(t *testing.T) {
	seed := *yearsSeed
	if seed == 0 {
		seed = rand.Uint64N(1_000_000) + 1
	}
	for n := range *yearsN {
		t.Run(fmt.Sprintf("sqlite_%d", seed+uint64(n)), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db := openSQLite(t)
				playYears(t, db, seed+uint64(n), "sqlite", goOn)
			})
		})
		t.Run(fmt.Sprintf("postgres_%d", seed+uint64(n)), func(t *testing.T) {
			db, pass := openWithClock(t)
			playYears(t, db, seed+uint64(n), "postgres", pass)
		})
	}
}

// goOn lets the clock of a synctest bubble go on, in which nobody waits for anything.
func goOn(by time.Duration) { <-time.After(by) }

// openWithClock opens a PostgreSQL database whose clock goes when pass is called only:
// a function of the same name comes before that of the server.
func openWithClock(t *testing.T) (db *database, pass func(time.Duration)) {
	t.Helper()
	url := persistencetest.PostgresURL(t)
	raw := openRaw(t, "pgx", url)
	for _, text := range []string{
		`CREATE SCHEMA sim`,
		`CREATE TABLE sim.clock (at timestamptz NOT NULL)`,
		`INSERT INTO sim.clock VALUES ('2000-01-01T00:00:00Z')`,
		`CREATE FUNCTION sim.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT at FROM sim.clock'`,
	} {
		_, err := raw.ExecContext(t.Context(), text)
		require.NoError(t, err)
	}
	separator := "?"
	if strings.Contains(url, "?") {
		separator = "&"
	}
	store := persistencetest.Open(t, url+separator+"search_path=sim,public,pg_catalog")
	return &database{testCase: t, Store: store, url: url, raw: raw}, func(by time.Duration) {
		_, err := raw.ExecContext(t.Context(), `UPDATE sim.clock SET at = at + $1::bigint * interval '1 microsecond'`, by.Microseconds())
		require.NoError(t, err)
	}
}

// era is a time in which a schedule was the same one. Its slots are those after from, up to until.
type era struct {
	workflow    string
	schedules   miniairflow.ScheduleGroup
	from, until time.Time
}

// years is one play.
type years struct {
	*database
	random  *rand.Rand
	pass    func(time.Duration)
	flows   map[string]*yearFlow
	names   []string
	hands   [3][][]miniairflow.Fire // what each scheduler has planned, now or before
	eras    []era
	rangesN int
	runsN   int

	backfills []uuid.UUID
}

// yearFlow is a workflow of a play, as its file is.
type yearFlow struct {
	id         uuid.UUID
	definition *miniairflow.Definition
	open       map[string]int // eras by the name of the schedule
}

func playYears(t *testing.T, db *database, seed uint64, dialect string, pass func(time.Duration)) {
	t.Helper()
	y := &years{database: db, random: rand.New(rand.NewPCG(seed, uint64(len(dialect)))), pass: pass, flows: map[string]*yearFlow{}}
	begin := y.clock()
	for i := range 5 {
		y.names = append(y.names, fmt.Sprintf("w%d", i))
		y.write(y.names[i], y.drawSchedules())
	}
	steps := yearsSteps[dialect]
	if isRace {
		steps /= 5
	}
	for range steps {
		y.pass(y.drawTime())
		y.step()
	}
	for _, name := range y.names { // what stands still, or is still to come, gets a reason
		d := *y.flows[name].definition
		d.Schedules, d.IsActive = nil, true
		y.sync(&d)
		y.end(y.flows[name], nil)
		_, err := y.SetPaused(y.Context(), y.flows[name].id, false, by)
		require.NoError(t, err)
	}
	y.finishBackfills()
	slots, made := y.check(), y.checkBackfills()
	t.Logf("%s: seed %d: %.1f years, %d schedules, %d slots, %d runs, %d ranges, %d backfills, %d runs of these", dialect, seed,
		y.clock().Sub(begin).Hours()/24/365, len(y.eras), slots, y.runsN, y.rangesN, len(y.backfills), made)
}

func (y *years) clock() time.Time {
	now, err := y.Now(y.Context())
	require.NoError(y, err)
	return now
}

func (y *years) chance(percent int) bool { return y.random.IntN(100) < percent }

// drawTime draws how long nothing happens: mostly not long, now and then for weeks.
func (y *years) drawTime() time.Duration {
	longest := []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 24 * time.Hour, 4 * 24 * time.Hour, 4 * 24 * time.Hour, 14 * 24 * time.Hour}
	if y.chance(2) {
		return time.Duration(1+y.random.IntN(60)) * 24 * time.Hour
	}
	return time.Second * time.Duration(1+y.random.Int64N(int64(longest[y.random.IntN(len(longest))]/time.Second)))
}

// step lets one thing happen, and mostly the schedulers do what is due after it.
func (y *years) step() {
	name := y.names[y.random.IntN(len(y.names))]
	flow := y.flows[name]
	switch y.random.IntN(20) {
	case 0, 1:
		y.write(name, y.drawSchedules())
	case 2:
		d := *flow.definition
		d.IsActive = y.chance(60)
		y.sync(&d)
		flow.definition = &d
	case 3, 4, 5:
		y.write(name, flow.definition.Schedules) // as it is, or back after its file was gone
	case 6:
		require.NoError(y, y.RetireFile(y.Context(), name+".yaml"))
	case 7, 8, 9:
		_, err := y.SetPaused(y.Context(), flow.id, y.chance(25), by)
		require.NoError(y, err)
	case 10, 11, 12:
		y.endRuns()
	case 13, 14, 15:
		y.addBackfill(name)
	}
	if y.chance(15) {
		return // nothing is up
	}
	for range y.random.IntN(8) {
		y.schedule(&y.hands[y.random.IntN(len(y.hands))])
		if due := y.due(); len(due.Due) == 0 && due.Next != nil && due.Next.Sub(due.Now) < 24*time.Hour {
			y.pass(due.Next.Sub(due.Now) + time.Duration(y.random.IntN(3))*time.Second) // in time for the next slot
		}
	}
}

// schedule lets one scheduler do one thing.
func (y *years) schedule(hand *[][]miniairflow.Fire) {
	switch y.random.IntN(8) {
	case 0: // dies
		*hand = nil
	case 1, 2:
		*hand = append(*hand, y.plan(y.due()))
	case 3, 4: // fires what it has just planned, or long ago; perhaps it does not learn that it has
		if n := len(*hand); n > 0 {
			fires := (*hand)[n-1-y.random.IntN(min(n, 3))]
			_, err := y.FireSchedules(y.Context(), fires[:y.random.IntN(len(fires)+1)])
			require.NoError(y, err)
		}
	case 5:
		y.advance()
	default:
		_, _, err := y.FireDue(y.Context(), 1+y.random.IntN(20), y.plan)
		require.NoError(y, err)
	}
}

// plan does what schedulers do with due cursors.
func (y *years) plan(due miniairflow.DueSchedules) []miniairflow.Fire {
	var fires []miniairflow.Fire
	var tables miniairflow.Timetables
	for _, c := range due.Due {
		plan, err := tables.PlanFire(c, due.Now)
		require.NoError(y, err)
		f := miniairflow.Fire{Cursor: c, NextAt: plan.Next, Left: plan.Left}
		for _, s := range plan.Slots {
			id, err := miniairflow.NewParentID()
			require.NoError(y, err)
			f.Runs = append(f.Runs, miniairflow.NewRun{
				ID: id, WorkflowID: c.WorkflowID, VersionID: c.VersionID, Type: miniairflow.RunScheduled, ScheduleName: c.Schedules.Name(),
				LogicalDate: s.LogicalDate, DataIntervalStart: s.DataIntervalStart, RunAfter: s.RunAfter, Overlap: c.Schedules[0].Overlap,
			})
		}
		fires = append(fires, f)
	}
	return fires
}

// endRuns starts some runs, and ends those that make room and many of the others.
func (y *years) endRuns() {
	_, err := y.StartRuns(y.Context(), 5)
	require.NoError(y, err)
	replaced, err := y.ReplacedRuns(y.Context(), 10)
	require.NoError(y, err)
	for _, r := range replaced {
		_, err := y.CancelRun(y.Context(), miniairflow.Cancel{RunID: r.RunID, By: by})
		require.NoError(y, err)
	}
	for _, r := range y.runs(miniairflow.RunFilter{Statuses: []miniairflow.RunStatus{miniairflow.RunPending, miniairflow.RunRunning}, Limit: 30}) {
		_, err := y.CancelRun(y.Context(), miniairflow.Cancel{RunID: r.ID, By: by})
		require.NoError(y, err)
	}
}

// write gives a workflow these schedules. One whose content is another one is a new schedule.
func (y *years) write(name string, schedules []miniairflow.Schedule) {
	d := definition(name, task("x"))
	d.MaxActiveRuns = 1 + y.random.IntN(3)
	d.Schedules = schedules
	flow := y.flows[name]
	if flow == nil {
		flow = &yearFlow{open: map[string]int{}}
		y.flows[name] = flow
	} else {
		d.IsActive = flow.definition.IsActive
	}
	v := y.sync(d)
	flow.id, flow.definition = v.WorkflowID, d
	y.end(flow, d.ScheduleGroups())
}

// end ends the eras of a workflow whose schedules are not these, and begins others.
func (y *years) end(flow *yearFlow, groups []miniairflow.ScheduleGroup) {
	now := y.clock()
	goesOn := map[string]bool{}
	for _, g := range groups {
		i, isOpen := flow.open[g.Name()]
		goesOn[g.Name()] = isOpen && y.eras[i].schedules.Hash() == g.Hash()
	}
	for name, i := range flow.open {
		if !goesOn[name] {
			y.eras[i].until = now
			delete(flow.open, name)
		}
	}
	for _, g := range groups {
		if !goesOn[g.Name()] {
			flow.open[g.Name()] = len(y.eras)
			y.eras = append(y.eras, era{workflow: flow.definition.Name, schedules: g, from: now})
		}
	}
}

// drawSchedules draws up to two schedules, the first of which has several times.
func (y *years) drawSchedules() []miniairflow.Schedule {
	policy := y.drawPolicy()
	var schedules []miniairflow.Schedule
	for range y.random.IntN(3) {
		schedules = append(schedules, y.drawTimes(policy))
	}
	if y.chance(50) {
		other := y.drawTimes(y.drawPolicy())
		other.Name = []string{"a", "b"}[y.random.IntN(2)]
		schedules = append(schedules, other)
	}
	return schedules
}

func (y *years) drawPolicy() miniairflow.Schedule {
	s := miniairflow.Schedule{
		Catchup: miniairflow.Catchups[y.random.IntN(len(miniairflow.Catchups))], Overlap: miniairflow.Overlaps[y.random.IntN(len(miniairflow.Overlaps))],
	}
	if y.chance(40) {
		s.CatchupWindow = miniairflow.Duration(1+y.random.IntN(72)) * miniairflow.Duration(time.Hour)
	}
	if s.Catchup == miniairflow.CatchupAll && y.chance(50) {
		s.MaxCatchup = 1 + y.random.IntN(200)
	}
	if y.chance(30) {
		s.Jitter = miniairflow.Duration(1+y.random.IntN(90)) * miniairflow.Duration(time.Minute)
	}
	return s
}

func (y *years) drawTimes(s miniairflow.Schedule) miniairflow.Schedule {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo", "Africa/Cairo"}
	crons := []string{"0 * * * *", "30 2 * * *", "15 */6 * * *", "30 1,2,3 * * *", "0 0 * * 1", "0 0 1 * *", "*/20 * * * *", "0 5 29 2 *", "* * 1 * *"}
	s.Timezone = zones[y.random.IntN(len(zones))]
	switch y.random.IntN(6) {
	case 0:
		s.Every = miniairflow.Duration(30+y.random.IntN(3000)) * miniairflow.Duration(time.Minute)
	case 1:
		s.At = y.clock().Add(time.Duration(y.random.IntN(200)-20) * time.Hour)
	default:
		s.Cron = crons[y.random.IntN(len(crons))]
	}
	if y.chance(15) {
		s.Start = y.clock().Add(time.Duration(y.random.IntN(400)-200) * time.Hour)
	}
	if y.chance(15) {
		s.End = y.clock().Add(time.Duration(y.random.IntN(2000)) * time.Hour)
	}
	return s
}
