// Package process runs commands with everything that they start. A Guardian is
// a small process beside the worker, this very program again: it starts each
// command as the leader of a session and group of its own, hands its pipes to
// the worker, and sees to it that nothing of it is left when it ends, whether by
// itself, by Stop, or because the worker was killed or stands still.
//
// On Linux the guardian is the subreaper of all that it starts, so a process
// that leaves its session or forks twice becomes its child and not init's. It
// knows whose it is by the leader's session and group, by a mark in the
// environment, and by whom it descends from. A daemon that changes its session,
// forks twice and drops the environment while several commands run ends when the
// guardian has no other command, or with the guardian.
//
// On macOS there are no subreapers: what leaves the leader's group is out of
// reach.
//
// A guardian that dies takes its commands along: their leaders ask the system to
// be killed with it (on Linux), and the worker looks for the others by their
// sessions, groups and marks before it reports the commands as lost. One that
// stands still is killed by the worker, to which it owes signs of life. The next
// command starts a new one.
//
// A start may hang on a disk that does not answer. What it waits for is touched
// before, where that holds up nobody, because the Go runtime makes one child at
// a time. Who starts a command can give up on it.
//
// The package runs on Linux and macOS.
package process
