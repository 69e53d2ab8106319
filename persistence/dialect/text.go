package dialect

import (
	"fmt"
	"strings"

	"github.com/sauravritesh63/miniairflow"
)

// CancelReason is the reason of a run that is asked to end.
func CancelReason(cancel miniairflow.Cancel) string {
	reason := "cancelled by " + cancel.By.Name
	switch {
	case cancel.TimedOut:
		reason = "timed out"
	case cancel.By.Name == "":
		reason = "cancelled"
	}
	if cancel.By.Reason != "" {
		reason += ": " + cancel.By.Reason
	}
	return Text(reason)
}

// reasonNamesMax is how many tasks a run's reason names.
const reasonNamesMax = 3

// Culprit is a task that makes its run fail.
type Culprit struct {
	Name   string
	Failed bool // itself; else it was never done
	Count  int  // of such tasks of the run
}

// FailedReason is the reason of a run that ends failed because of these tasks,
// the first of each kind, those that failed themselves first: the others are
// named only where there is none.
func FailedReason(culprits []Culprit) string {
	if len(culprits) == 0 {
		return ""
	}
	var names []string
	first := culprits[0]
	for _, c := range culprits {
		if c.Failed == first.Failed && len(names) < reasonNamesMax {
			names = append(names, c.Name)
		}
	}
	verb := "failed"
	if !first.Failed {
		verb = "did not run"
	}
	list := strings.Join(names, ", ")
	switch {
	case first.Count == 1:
		return fmt.Sprintf("task %s %s", list, verb)
	case first.Count > len(names):
		return fmt.Sprintf("tasks %s and %d more %s", list, first.Count-len(names), verb)
	default:
		return fmt.Sprintf("tasks %s %s", list, verb)
	}
}

// LostReason is the reason of an attempt whose session has ended, for the given
// reason, empty for a session that was fenced.
func LostReason(worker string, end miniairflow.EndReason) string {
	if end == "" {
		end = "went silent"
	}
	return Text(fmt.Sprintf("worker %s %s", worker, end))
}

// LossReason is the reason of a task run that has lost its worker for the given
// reason, losses times, and is next from now on.
func LossReason(reason string, next miniairflow.TaskStatus, losses int) string {
	switch {
	case next != miniairflow.TaskFailed:
		return reason
	case losses >= miniairflow.LossesMax:
		return fmt.Sprintf("%s (%d times)", reason, losses)
	default:
		return reason + ", and on_lost is fail"
	}
}

// ExpiredReason is the reason of a task run that was queued for too long.
func ExpiredReason(t *miniairflow.Task) string {
	where := "no worker of queue " + t.Queue + " took it"
	if t.Pool != "" {
		where += ", or pool " + t.Pool + " had no room for it,"
	}
	return fmt.Sprintf("%s within its queue_timeout of %s", where, t.QueueTimeout)
}

// MarkReason is the reason of a task run, or of its attempt, that somebody marked.
func MarkReason(status miniairflow.TaskStatus, by miniairflow.Actor) string {
	reason := "marked " + string(status)
	if by.Name != "" {
		reason += " by " + by.Name
	}
	if by.Reason != "" {
		reason += ": " + by.Reason
	}
	return Text(reason)
}

// EndReason is the reason of a task run that a rerun ends: somebody marked it, or
// answered what it asked.
func EndReason(status miniairflow.TaskStatus, req miniairflow.Rerun) string {
	if req.Kind != miniairflow.RerunAnswer {
		return MarkReason(status, req.By)
	}
	reason := fmt.Sprintf("%v by %s", req.Outputs["decision"], req.By.Name)
	if req.By.Reason != "" {
		reason += ": " + req.By.Reason
	}
	return Text(reason)
}

// clearReason is the reason of an attempt that somebody cleared while it waited.
func clearReason(by miniairflow.Actor) string {
	reason := "cleared"
	if by.Name != "" {
		reason += " by " + by.Name
	}
	if by.Reason != "" {
		reason += ": " + by.Reason
	}
	return Text(reason)
}

// RetiredReason is the reason of a run that had not started when its workflow was retired.
const RetiredReason = "the workflow was retired: no file defines it any more"

// PoolOfFile is the error for a change of a pool that a file declares.
func PoolOfFile(name string) error {
	return miniairflow.Errorf(miniairflow.CodeConflict, "pool %q is declared in the pools file: change it there", name)
}
