package action

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// reservedPrefix begins the names of our own settings, which no task sees, and
// of what we tell a task, which no task can change.
const reservedPrefix = "MINIAIRFLOW_"

// pathDefault is for a worker that was started without a PATH.
const pathDefault = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// inherited are the names that pass from the worker to its tasks: who and where
// we are, language, time zone, and where certificates lie. Everything else of
// the worker's environment, credentials above all, stays with the worker.
var inherited = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL",
	"LANG", "LANGUAGE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

// passes reports whether the worker's variable may reach a task. The
// operator's own list cannot add the credentials of this program.
func passes(name string, allow []string) bool {
	if name == "DATABASE_URL" || strings.HasPrefix(name, reservedPrefix) {
		return false
	}
	return slices.Contains(inherited, name) || strings.HasPrefix(name, "LC_") || slices.Contains(allow, name)
}

// environment returns the whole environment of an attempt, sorted: what passes
// from the worker, over it what the files say, over that what we tell. Only
// TMPDIR may be set by a file.
func environment(in Input, worker []string, own private) []string {
	vars := map[string]string{"PATH": pathDefault}
	for _, entry := range worker {
		if name, value, ok := strings.Cut(entry, "="); ok && passes(name, in.AllowEnv) {
			vars[name] = value
		}
	}
	vars["PWD"] = in.Dir
	vars["TMPDIR"] = own.scratch
	maps.Copy(vars, in.Task.Env)
	maps.Copy(vars, told(in, own))
	entries := make([]string, 0, len(vars))
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		entries = append(entries, name+"="+vars[name])
	}
	return entries
}

// bareEnvironment is environment for a program that takes a command elsewhere:
// without what the files say and what we tell, which is for the command alone.
func bareEnvironment(in Input, worker []string, own private) []string {
	task := *in.Task
	task.Env = nil
	in.Task = &task
	return slices.DeleteFunc(environment(in, worker, own), func(entry string) bool { return strings.HasPrefix(entry, reservedPrefix) })
}

// told returns what an attempt is told about itself. Times are in UTC.
func told(in Input, own private) map[string]string {
	vars := map[string]string{
		"MINIAIRFLOW_RUN_ID":     in.Claim.RunID.String(),
		"MINIAIRFLOW_TASK":       in.Task.Name,
		"MINIAIRFLOW_ATTEMPT":    strconv.Itoa(in.Claim.Attempt),
		"MINIAIRFLOW_ATTEMPT_ID": attemptID(in.Claim),
		"MINIAIRFLOW_OUTPUT":     own.output,
		"MINIAIRFLOW_RUN_DIR":    in.RunDir,
		"MINIAIRFLOW_SCRATCH":    own.scratch,
	}
	if in.InputsDir != "" {
		vars["MINIAIRFLOW_INPUTS"] = in.InputsDir
	}
	if in.Item != nil {
		vars["MINIAIRFLOW_ITEM_INDEX"] = strconv.Itoa(in.Item.Index)
		if fitsEnvironment(in.Item.Text) {
			vars["MINIAIRFLOW_ITEM"] = in.Item.Text
		}
	}
	if run := in.Claim.Run; run != nil {
		vars["MINIAIRFLOW_WORKFLOW"] = run.WorkflowName
		vars["MINIAIRFLOW_RUN_NUMBER"] = strconv.FormatInt(run.Number, 10)
		vars["MINIAIRFLOW_LOGICAL_DATE"] = timeText(run.LogicalDate)
		vars["MINIAIRFLOW_DATA_INTERVAL_START"] = timeText(run.DataIntervalStart)
		vars["MINIAIRFLOW_DATA_INTERVAL_END"] = timeText(run.DataIntervalEnd)
		if in.Task.Finally {
			vars["MINIAIRFLOW_RUN_STATUS"] = string(run.Outcome)
		}
	}
	return vars
}

// itemTextMax is how long an item may be to be told in the environment: a process
// takes 128 KiB in one variable, and one that the task does not ask for must not
// keep it from starting.
const itemTextMax = 64 << 10

func fitsEnvironment(text string) bool {
	return len(text) <= itemTextMax && !strings.ContainsRune(text, 0)
}

// attemptID names an attempt for ever and everywhere, so that other systems can
// take it as an idempotency key.
func attemptID(claim miniairflow.Claim) string {
	return fmt.Sprintf("%s.%d", miniairflow.MemberID(claim.RunID, claim.Seq), claim.Attempt)
}

func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
