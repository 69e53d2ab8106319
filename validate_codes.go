package miniairflow

import (
	"slices"
	"strconv"
)

// exitCodes checks the exit codes that decide what becomes of a task: each is a
// failure's, and says one thing.
func (v *validator) exitCodes(at []string, t *Task) {
	retry, never, skip := sub(at, "retry", "on_exit_codes"), sub(at, "retry", "never_on_exit_codes"), sub(at, "skip_on_exit_codes")
	policy := t.RetryPolicy()
	v.failureCodes(retry, policy.OnExitCodes)
	v.failureCodes(never, policy.NeverOn.list())
	v.failureCodes(skip, t.SkipOn.list())
	for i, code := range policy.NeverOn.list() {
		if slices.Contains(policy.OnExitCodes, code) {
			v.add(sub(never, strconv.Itoa(i)), "exit code %d is in on_exit_codes, too: remove it from one of them", code)
		}
	}
	for i, code := range t.SkipOn.list() {
		if slices.Contains(policy.OnExitCodes, code) || policy.NeverOn.has(&code) {
			v.add(sub(skip, strconv.Itoa(i)), "exit code %d skips the task, so it is never tried again after it: remove it from retry", code)
		}
	}
	if len(t.SkipOn.list()) > 0 && t.Command == nil {
		v.add(skip, "skip_on_exit_codes does nothing for task %q, which runs no process", t.Name)
	}
}

func (v *validator) failureCodes(at []string, codes []int) {
	for i, code := range codes {
		if code < 1 || code > exitCodeMax {
			v.add(sub(at, strconv.Itoa(i)), "exit code %d is not a failure's: use 1 to %d", code, exitCodeMax)
		}
	}
}
