// Package postgres keeps everything in PostgreSQL, 14 or newer. Any number of
// processes may share one database: its transactions and locks are the only
// coordination between them.
//
// # Locks
//
// Every transaction takes its locks in this order, and what is of one kind in
// ascending order: schedules, workflows (row locks), runs (the advisory lock
// of lockRuns), and then the rows below a run. What is decided under a lock is
// read by a statement after the one that took the lock, because a statement
// that waited still sees the rows as they were before. Claims come last, take
// no run's lock, and skip what others hold.
package postgres
