// Package process runs one command with everything that it starts: it spawns a
// leader in a session and process group of its own, captures both streams in
// order of arrival, signals the whole group, and never lets a process that
// outlives the leader hold up the task.
//
// What a process group can end, Stop ends: plain commands, lists, pipes,
// subshells, background jobs, processes that ignore or trap signals, and
// stopped ones. A process that leaves the group with setsid, on its own or after
// forking twice, is out of reach and survives; only its hold on the output ends
// with the task. To end those too takes a guardian that adopts orphans.
//
// On Linux the leader is killed with this process, whatever ends it; what the
// leader has started is not. macOS has no such thing.
//
// The package runs on Linux and macOS.
package process
