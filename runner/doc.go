// Package runner makes workflows run: the scheduler, the advancer and the
// worker. They are loops and nothing else. What is to be done they ask the root
// package, whose decisions are pure functions; what was done they tell the
// store, in one short transaction each. They share no memory with each other,
// so it is all one whether they live in one process or on ten machines.
//
// # The life of a task
//
//  1. Scheduler, slots.go: a schedule's slot is due. A pending run is created
//     and the schedule's cursor advanced in one transaction. (A trigger creates
//     the run without a scheduler.)
//  2. Scheduler, runs.go: the run's turn has come, within max_active_runs. Its
//     task runs are written, all pending, and its roots are queued.
//  3. Worker, pump.go: an Exchange claims the queued task run. It is running,
//     with an open attempt that carries the token of the claim.
//  4. Worker, attempt.go: templates are rendered, directories made, and the
//     action executes the attempt, with its timeout, its log going to the store.
//     A command is given the artifacts of its inputs before, and its own are kept
//     after (inputs.go, artifacts.go).
//  5. Worker, pump.go: the next Exchange reports the end and claims the next
//     task for the slot that is free again. The store moves the children in the
//     same transaction: one whose upstream tasks all succeeded is queued there.
//  6. Advancer, advancer.go: every other child asks for a decision. Advance
//     decides it, outside all locks, and the store writes it if it still holds.
//  7. The last task run to end ends its run, in its own transaction. The
//     janitor of directories.go removes what the run left on the worker.
//
// What may happen to it on the way, with the steps above:
//
//	           2 5 6            3             5
//	pending ─────────▶ queued ────▶ running ────▶ success, failed, skipped, cancelled
//	   │                 ▲          │ ▲ │
//	   │ 6               └── lost ──┘ │ │ 5
//	   ▼                            3 │ ▼
//	skipped, upstream_failed      up_for_retry
//
// A task run that is up for retry is claimable once its delay is over. A cancel
// ends at once what has not started, and reaches what runs through a heartbeat.
//
// # When things break
//
// A worker's session has a lease. A worker that cannot reach the store ends its
// tasks by itself before the lease ends (ending.go, the fence); what does not end
// then is left behind, and the worker goes on without it. A scheduler
// that sees no heartbeat for a lease fences the session and gives its tasks back
// to the queue (reaper.go). Each write of a worker is checked against the token
// of its attempt, so a late result of a lost attempt changes nothing.
//
// Events of the store's Bus make everything quick, and nothing depends on them:
// each loop also looks by itself, after two seconds at most where it does not say
// otherwise, and all loops of a process at the same moments (pulse.go). A database
// that is away is asked again, ever more slowly, and never makes a loop end.
package runner
