// Package process runs one command with everything that it starts: it spawns a
// leader in a session and process group of its own, captures both streams in
// order of arrival, signals the whole group, and never lets a process that
// outlives the leader hold up the task.
//
// What a process group can end, Stop ends: plain commands, lists, pipes,
// subshells, background jobs, processes that ignore or trap signals, and
// stopped ones. A process that left the group with setsid, or by forking
// twice with a setsid between, is out of its reach: it survives, but its hold on the output ends with the
// task. On Linux the leader is killed with this process, whatever ends it; its children are not.
//
// The package runs on Linux and macOS.
package process
