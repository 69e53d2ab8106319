// Package miniairflow is the vocabulary of Mini Airflow and every decision it
// takes, as pure functions: what a workflow is, which states there are and how
// they follow each other, when a schedule fires, when a task may start, how
// long a retry waits. It also declares the store that keeps all of it, and
// Control, the operations that people ask for.
//
// Nothing in this package does I/O. The folders beside it are adapters, each
// named after its technology, and import this package and hardly each other;
// deps_test.go holds the whole list.
package miniairflow
