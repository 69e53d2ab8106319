package runner_test

import (
	"database/sql"
	"encoding/binary"
	"os"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // to hold locks
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// A result that the store refuses fails its own task and holds up no other.
func TestRefusedResult(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		bad := &faulty{Store: store, poison: "poison"}
		s := newSystem(t, bad)
		s.load(map[string]string{"w.yaml": `
tasks:
  bad: {command: 'echo poison=1 >> "$MINIAIRFLOW_OUTPUT"', retry: {count: 3, delay: 1h}}
  good_1: {noop: true}
  good_2: {command: "true"}
  after: {depends_on: [good_1, good_2], noop: true}`})
		s.scheduler()
		s.worker("w1")
		id := s.trigger("w", nil)
		s.finish(id)
		require.Equal(t, "run: failed\nbad: failed [failed]\ngood_1: success [success]\ngood_2: success [success]\nafter: success [success]\n", s.picture(id))
		require.Contains(t, s.tasks(id)["bad"].Reason, "output cannot be stored")
		require.Positive(t, bad.failures.Load())
	})
}

// A result that the store takes in no form holds up no other, and is stored when
// the store takes it.
func TestStubbornlyRefusedResult(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		bad := &faulty{Store: store, poison: "poison"}
		bad.stubborn.Store(true)
		s := newSystem(t, bad)
		s.lease = 4 * time.Second
		s.load(map[string]string{
			"bad.yaml":  `tasks: {bad: {command: 'echo poison=1 >> "$MINIAIRFLOW_OUTPUT"'}}`,
			"good.yaml": `tasks: {a: {command: "true"}, b: {depends_on: [a], command: "true"}}`,
		})
		s.scheduler()
		s.worker("w1")
		id := s.trigger("bad", nil)
		s.await("the result to be refused", func() bool { return bad.failures.Load() >= 2 })
		require.Equal(t, miniairflow.RunSuccess, s.finish(s.trigger("good", nil)).Status)
		require.Equal(t, miniairflow.RunRunning, s.run(id).Status)
		bad.stubborn.Store(false)
		s.finish(id)
		require.Equal(t, "run: failed\nbad: failed [failed]\n", s.picture(id))
	})
}

// A run that somebody holds locked keeps a worker from nothing but its own results.
func TestLockedRunHoldsUpNoOther(t *testing.T) {
	url := persistencetest.PostgresURL(t)
	s, w := newSystem(t, persistencetest.Open(t, url+"&lock_timeout=200")), newWitness(t)
	s.load(map[string]string{
		"held.yaml": witnessed(`until test -e "$WITNESS.go"; do sleep 0.02; done`),
		"free.yaml": `tasks: {a: {command: "true"}, b: {depends_on: [a], command: "true"}}`,
	})
	s.scheduler()
	s.worker("w1")
	held := s.trigger("held", map[string]any{"witness": w.path})
	s.await("the task to start", func() bool { return len(w.lines()) == 1 })
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(t.Context(), `SELECT pg_advisory_xact_lock($1)`, int64(binary.BigEndian.Uint64(held[5:13])))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(w.path+".go", nil, 0o600))
	require.Eventually(t, func() bool { return !alive(t, w.lines()[0]) }, patience, 10*time.Millisecond)

	for range 3 {
		require.Equal(t, miniairflow.RunSuccess, s.finish(s.trigger("free", nil)).Status)
	}
	require.Equal(t, miniairflow.RunRunning, s.run(held).Status)
	require.NoError(t, tx.Rollback())
	require.Equal(t, miniairflow.RunSuccess, s.finish(held).Status)
}
