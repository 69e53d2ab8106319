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

// FailedReason is the reason of a run that ends failed because of these tasks.
// names may be cut; count is how many there are.
func FailedReason(names []string, count int) string {
	if len(names) > reasonNamesMax {
		names = names[:reasonNamesMax]
	}
	list := strings.Join(names, ", ")
	switch {
	case count == 1 && len(names) == 1:
		return fmt.Sprintf("task %s failed", list)
	case count > len(names):
		return fmt.Sprintf("tasks %s and %d more failed", list, count-len(names))
	default:
		return fmt.Sprintf("tasks %s failed", list)
	}
}

// LostReasonFormat is the reason of an attempt whose session has ended; %s is the worker's name.
const LostReasonFormat = "worker %s went silent"

// RetiredReason is the reason of a run that had not started when its workflow was retired.
const RetiredReason = "the workflow was retired: no file defines it any more"
