package persistencetest_test

import (
	"database/sql"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// A sequence is sequenceSteps calls; a batch is what rapid plays from one seed.
// Each dialect plays so many batches by itself, and -property.n times as many;
// under the race detector a small one has to do. With a flag of rapid that
// chooses sequences, such as -rapid.seed to see a failure again, those are played.
const (
	sequenceSteps = 200
	batch         = 30
)

var batches = map[string]int{"sqlite": 3, "postgres": 1}

var manifold = flag.Int("property.n", 1, "play the sequences of TestRandomCalls this many times over")

// often makes what happens now and then the rule: choices of one, and some moves.
var often = flag.String("property.often", "", "prefer these choices and moves of TestRandomCalls, separated by commas")

// TestRandomCalls plays random sequences of store calls by several workers,
// schedulers and users, with lost replies, late results, crashes, paused workers
// and time that jumps. After each call the database must be consistent and the
// call must have done what its contract says; in the end every run must end.
func TestRandomCalls(t *testing.T) {
	given := false
	flag.Visit(func(f *flag.Flag) {
		given = given || slices.Contains([]string{"rapid.checks", "rapid.seed", "rapid.failfile"}, f.Name)
	})
	switch {
	case isRace && !given:
		require.NoError(t, flag.Set("rapid.checks", strconv.Itoa(batch/6)))
	case !given:
		require.NoError(t, flag.Set("rapid.checks", strconv.Itoa(batch)))
	}
	t.Run("sqlite", func(t *testing.T) { playAll(t, "sqlite", openSQLite, given) })
	t.Run("postgres", func(t *testing.T) { playAll(t, "postgres", openPostgres, given) })
}

// playAll plays the sequences of one dialect and prints how many they were.
func playAll(t *testing.T, dialect string, open func(testing.TB) *database, once bool) {
	t.Parallel()
	b := newBoard(t, open(t))
	rounds := batches[dialect] * *manifold
	if once || isRace {
		rounds = 1
	}
	start := time.Now()
	for range rounds {
		rapid.Check(t, func(rt *rapid.T) { newGame(b, rt).play() })
	}
	t.Logf("%s: %d sequences, %d steps, %d calls of the store in %s", dialect, b.sequences, b.steps, b.calls, time.Since(start).Round(time.Millisecond))
}

// board is what the sequences of one dialect share: the database, whose tables
// are emptied before each of them.
type board struct {
	db      *database
	dialect string
	back    *sql.DB // to change things behind the store's back
	tables  []string
	prints  string // selects the fingerprint of the tables
	query   string // selects what is wrong, but for what takes longest to see
	whole   string // selects all that is wrong
	ready   map[string]*sql.Stmt

	sequences, steps, calls int
}

func newBoard(t *testing.T, db *database) *board {
	b := &board{db: db, dialect: "postgres", back: db.raw, query: wrongQuery(tooManyRuns, notAsItsVersion), whole: wrongQuery(tooManyRuns), ready: map[string]*sql.Stmt{}}
	list := `SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`
	if path, ok := strings.CutPrefix(db.url, "sqlite://"); ok {
		b.dialect, b.back = "sqlite", openRaw(t, "sqlite", "file:"+path+"?_busy_timeout=10000")
		list = `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1`
	}
	for _, name := range texts(t, b.back, list) {
		if name != "schema_migrations" && name != "revision" {
			b.tables = append(b.tables, name)
		}
	}
	b.prints = b.printQuery(t)
	b.back.SetMaxOpenConns(1)
	t.Cleanup(func() {
		for _, statement := range b.ready {
			require.NoError(t, statement.Close())
		}
	})
	return b
}

// wipe empties the tables.
func (b *board) wipe(t testCase) {
	t.Helper()
	if b.dialect == "postgres" {
		_, err := b.back.ExecContext(t.Context(), "TRUNCATE "+strings.Join(b.tables, ", "))
		require.NoError(t, err)
		return
	}
	for _, table := range b.tables {
		_, err := b.back.ExecContext(t.Context(), "DELETE FROM "+table)
		require.NoError(t, err)
	}
}

// prepare returns the statement of a text: most of the time of a short query is
// its parser's.
func (b *board) prepare(t testCase, text string) *sql.Stmt {
	t.Helper()
	if b.ready[text] == nil {
		statement, err := b.back.PrepareContext(t.Context(), text) //nolint:sqlclosecheck // newBoard closes all of them
		require.NoError(t, err)
		b.ready[text] = statement
	}
	return b.ready[text]
}

// fingerprinted are the tables that a call which must change nothing leaves alone.
var fingerprinted = []string{
	"workflows", "workflow_versions", "schedules", "missed_slots", "workflow_runs", "run_counters", "task_runs", "task_queue", "task_open",
	"task_attempts", "task_waits", "task_fanouts", "task_items", "task_decisions", "pools", "vars", "secrets", "audit_log", "backfills", "notices", "late_marks", "after_ends",
}

// printQuery returns the query of a text that changes with any of the tables.
func (b *board) printQuery(t *testing.T) string {
	var parts []string
	for _, table := range fingerprinted {
		if b.dialect == "postgres" {
			parts = append(parts, fmt.Sprintf("(SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM %s t)", table))
			continue
		}
		columns := texts(t, b.back, fmt.Sprintf("SELECT 'coalesce(' || name || ', ''-'')' FROM pragma_table_info('%s')", table))
		parts = append(parts, fmt.Sprintf("(SELECT coalesce(group_concat(line, '|'), '') FROM (SELECT %s AS line FROM %s))",
			strings.Join(columns, " || ',' || "), table))
	}
	return "SELECT " + strings.Join(parts, " || '#' || ")
}

// texts returns the one column of a query.
func texts(t testCase, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text string
		require.NoError(t, rows.Scan(&text))
		all = append(all, text)
	}
	require.NoError(t, rows.Err())
	return all
}

// game is one random sequence. Its ids are made from a counter and its times are
// moved by hand, so that the same draws make the same sequence.
type game struct {
	*database
	*board
	rt      *rapid.T
	fault   persistencetest.Fault // of the next call, or of that of faultAt
	faultAt string
	ids     uint64

	flows      []*flow
	players    []*player
	air        []miniairflow.Finish // results of crashed workers, which may arrive yet
	seen       []decided            // what schedulers have read and not answered, or answered before
	fires      [][]miniairflow.Fire
	ends       [][]miniairflow.AfterEnd       // that schedulers have read
	owed       map[miniairflow.AfterEnd]int64 // ends, without when they were noted, that are to be looked at
	looks      []lateLook                     // at deadlines, that schedulers have taken
	reruns     []miniairflow.Rerun
	triggers   []miniairflow.NewRun
	folded     map[uuid.UUID]*folded
	dags       map[uuid.UUID]*miniairflow.DAG
	now        view   // after the last step
	judgedAt   string // the mark of what was judged last
	lookedAt   string // the mark of lookedLast
	lookedLast view
	printedAt  string // the mark of printed
	printed    string
	judged     int  // times
	shifts     int  // of cursors, see moveCursors
	isEnding   bool // everything must come to its end now: nothing waits any longer
	follows    bool // some workflows start after others
	isTimed    bool // some runs and tasks have deadlines
	isAhead    bool // their deadlines have passed, even those that are far away
}

func newGame(b *board, rt *rapid.T) *game {
	b.wipe(rt)
	g := &game{board: b, rt: rt, folded: map[uuid.UUID]*folded{}, dags: map[uuid.UUID]*miniairflow.DAG{}, owed: map[miniairflow.AfterEnd]int64{}}
	faulty := persistencetest.NewFaulty(b.db.Store, func(call string) persistencetest.Fault {
		b.calls++
		if g.faultAt != "" && call != g.faultAt {
			return persistencetest.FaultNone
		}
		fault := g.fault
		g.fault = persistencetest.FaultNone
		return fault
	})
	g.database = &database{testCase: rt, Store: faulty, url: b.db.url, raw: b.db.raw}
	return g
}

// play draws workflows and calls, and then ends what they began.
func (g *game) play() {
	g.sequences++
	g.follows, g.isTimed = g.one(3, "follows"), g.one(3, "deadlines")
	flows := 2
	if g.follows {
		flows = flowsMax
	}
	for range flows {
		g.addFlow()
	}
	g.now = g.look()
	moves := g.moves()
	// A step that had nothing to do does not count.
	for steps, draws := 0, 0; steps < sequenceSteps && draws < 5*sequenceSteps; draws++ {
		g.fault = rapid.SampledFrom(faults).Draw(g.rt, "fault")
		calls := g.calls
		did := moves[rapid.IntRange(0, len(moves)-1).Draw(g.rt, "move")]()
		g.fault, g.faultAt = persistencetest.FaultNone, ""
		if did {
			steps++
			g.steps++
		}
		if did || g.calls > calls {
			g.judge()
		}
	}
	g.finish()
}

// faults are those of a step's first call: most have none.
var faults = []persistencetest.Fault{
	persistencetest.FaultNone, persistencetest.FaultNone, persistencetest.FaultNone, persistencetest.FaultNone,
	persistencetest.FaultNone, persistencetest.FaultNone, persistencetest.FaultLostReply, persistencetest.FaultTimeout,
}

// Helper is that of testing without its price: it asks for the callers of each check,
// which is a tenth of the time of all. A failure comes with its trace as it is.
func (g *game) Helper() {}

// judge compares the database with itself and with what it was before the step, when
// the step has written anything. What does not pass by again is looked for each tenth
// time.
func (g *game) judge() {
	mark := g.mark()
	if mark == g.judgedAt {
		return
	}
	g.judgedAt = mark
	g.judged++
	if g.judged%10 == 0 {
		g.judgeBy(g.whole)
		return
	}
	g.judgeBy(g.query)
}

func (g *game) judgeBy(query string) {
	g.each(query, func(scan func(...any)) {
		wrong := ""
		scan(&wrong)
		require.Fail(g, wrong)
	})
	before := g.now
	g.now = g.look()
	g.compare(before, g.now)
	g.compareEnds(before, g.now)
}

// sure makes a call as its caller does: after an unknown outcome, once more.
func (g *game) sure(call func() error) error {
	err := call()
	if miniairflow.ErrorCode(err) == miniairflow.CodeUnavailable {
		err = call()
	}
	return err
}

// certainly is sure for calls that must succeed.
func (g *game) certainly(call func() error) {
	g.Helper()
	require.NoError(g, g.sure(call))
}

// print returns a text that changes with any table that matters.
func (g *game) print() string {
	g.Helper()
	if mark := g.mark(); mark != g.printedAt {
		g.each(g.prints, func(scan func(...any)) { scan(&g.printed) })
		g.printedAt = mark
	}
	return g.printed
}

// id returns an id that no other call of this sequence returns.
func (g *game) id() uuid.UUID {
	g.ids++
	x := g.ids * 0x9e3779b97f4a7c15
	id := uuid.UUID{1, byte(g.ids >> 16), byte(g.ids >> 8), byte(g.ids), 6: 0x70, 8: 0x80}
	for i := range 4 {
		id[9+i] = byte(x >> (8 * i))
	}
	return id
}

// between draws a number.
func (g *game) between(least, most int, of string) int {
	return rapid.IntRange(least, most).Draw(g.rt, of)
}

// one reports true with a chance of one in n, or of all but that for what is often so.
func (g *game) one(n int, of string) bool {
	return (rapid.IntRange(0, n-1).Draw(g.rt, of) == n-1) != isOften(of)
}

// isOften reports whether a choice or a move is preferred.
func isOften(name string) bool { return slices.Contains(strings.Split(*often, ","), name) }

// pick draws one of several.
func pick[T any](g *game, of string, from []T) T {
	return from[rapid.IntRange(0, len(from)-1).Draw(g.rt, of)]
}
