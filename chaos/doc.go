// Package chaos harms real processes of Mini Airflow on a real PostgreSQL (and
// SQLite on a disk that fills up), and judges by a witness outside of the system
// whether each task was done as it should have been.
//
// Every task appends lines to a witness file: when it starts, while it runs, and
// when it ends. The file's order is the order of what happened, whatever the
// database says. An episode starts servers, workers and workflows, injects its
// quota of faults, lets everything heal, and then compares the witness with the
// database: no run and no task may be lost, done twice, or left hanging, and no
// two attempts of a task may ever have run at the same time.
//
// The package holds tests only. `go test ./chaos` plays one short episode of each
// kind; `make chaos` plays as many as there are still to play until each fault
// has landed so often as asked for, and can be interrupted and called again.
package chaos
