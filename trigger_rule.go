package miniairflow

// TriggerRule says which outcomes of its upstream tasks let a task run.
type TriggerRule string

// The twelve trigger rules, with Airflow's meaning. upstream_failed and
// cancelled count as failed; a failed task with allow_failure counts as a
// success, for every rule alike.
const (
	AllSuccess              TriggerRule = "all_success" // the default
	AllFailed               TriggerRule = "all_failed"
	AllDone                 TriggerRule = "all_done"
	AllDoneMinOneSuccess    TriggerRule = "all_done_min_one_success"
	AllSkipped              TriggerRule = "all_skipped"
	OneFailed               TriggerRule = "one_failed"
	OneSuccess              TriggerRule = "one_success"
	OneDone                 TriggerRule = "one_done"
	NoneFailed              TriggerRule = "none_failed"
	NoneFailedMinOneSuccess TriggerRule = "none_failed_min_one_success"
	NoneSkipped             TriggerRule = "none_skipped"
	Always                  TriggerRule = "always"
)

// TriggerRules lists all rules, the default first.
var TriggerRules = []TriggerRule{
	AllSuccess, AllFailed, AllDone, AllDoneMinOneSuccess, AllSkipped, OneFailed,
	OneSuccess, OneDone, NoneFailed, NoneFailedMinOneSuccess, NoneSkipped, Always,
}

// UpstreamCounts is what a task run knows of its upstream tasks: how many there
// are and how many of them ended how. It is all that a trigger rule looks at,
// so a decision costs the same for one upstream task and for ten thousand.
type UpstreamCounts struct {
	Total   int
	Success int // includes failures that allow_failure tolerates
	Failed  int // failed, upstream_failed, cancelled
	Skipped int
}

// Done returns how many upstream tasks have ended.
func (c UpstreamCounts) Done() int { return c.Success + c.Failed + c.Skipped }

// Add counts one more upstream task that ended with outcome o.
func (c UpstreamCounts) Add(o Outcome) UpstreamCounts {
	switch o {
	case OutcomeSuccess:
		c.Success++
	case OutcomeFailed:
		c.Failed++
	case OutcomeSkipped:
		c.Skipped++
	}
	return c
}

// Outcome is the end of a task run as its downstream tasks count it. Outcomes
// are bits, so that a set of them is their sum.
type Outcome uint8

// The outcomes.
const (
	OutcomeSuccess Outcome = 1 << iota
	OutcomeFailed
	OutcomeSkipped
)

// OutcomeOf returns how a task run that ended as s counts downstream.
// allowFailure is the task's own: it tolerates its failure, not an upstream one.
func OutcomeOf(s TaskStatus, allowFailure bool) Outcome {
	switch {
	case s == TaskSuccess, s == TaskFailed && allowFailure:
		return OutcomeSuccess
	case s == TaskSkipped:
		return OutcomeSkipped
	default:
		return OutcomeFailed
	}
}

// Verdict is what a trigger rule says.
type Verdict string

// The verdicts. All but VerdictWait are final: more upstream tasks that end do
// not change them, so a decision taken on older counts is still right.
const (
	VerdictWait           Verdict = "wait"
	VerdictRun            Verdict = "run"
	VerdictSkip           Verdict = "skip"
	VerdictUpstreamFailed Verdict = "upstream_failed"
)

// Decide returns the rule's verdict for the counts. A task without upstream
// tasks runs under every rule. An unknown rule is taken for AllSuccess.
func (r TriggerRule) Decide(c UpstreamCounts) Verdict {
	if c.Total == 0 || r == Always {
		return VerdictRun
	}
	done := c.Done() == c.Total
	switch r {
	case AllFailed:
		return ruledOut(c.Success+c.Skipped > 0, VerdictSkip, done)
	case AllDone:
		return ruledOut(false, VerdictWait, done)
	case AllDoneMinOneSuccess:
		if done && c.Success == 0 {
			return withoutSuccess(c)
		}
		return ruledOut(false, VerdictWait, done)
	case AllSkipped:
		return ruledOut(c.Success+c.Failed > 0, VerdictSkip, done)
	case OneFailed:
		return firstOf(c.Failed > 0, VerdictSkip, done)
	case OneSuccess:
		return firstOf(c.Success > 0, withoutSuccess(c), done)
	case OneDone:
		return firstOf(c.Success+c.Failed > 0, VerdictSkip, done)
	case NoneFailed:
		return ruledOut(c.Failed > 0, VerdictUpstreamFailed, done)
	case NoneFailedMinOneSuccess:
		if done && c.Success == 0 {
			return withoutSuccess(c)
		}
		return ruledOut(c.Failed > 0, VerdictUpstreamFailed, done)
	case NoneSkipped:
		return ruledOut(c.Skipped > 0, VerdictSkip, done)
	default:
		// A skip waits for the others: whether one of them failed must not depend on who was first.
		if done && c.Failed == 0 && c.Skipped > 0 {
			return VerdictSkip
		}
		return ruledOut(c.Failed > 0, VerdictUpstreamFailed, done)
	}
}

// MayRun reports whether the rule may come to run a task of which these upstream
// tasks have ended, and open others are known not to have. What becomes of the rest
// of c.Total is not known: they may have ended in any way, or not yet.
func (r TriggerRule) MayRun(c UpstreamCounts, open int) bool {
	rest := c.Total - c.Done() - open
	isRun := func(more UpstreamCounts) bool {
		return r.Decide(UpstreamCounts{Total: c.Total, Success: c.Success + more.Success, Failed: c.Failed + more.Failed, Skipped: c.Skipped + more.Skipped}) == VerdictRun
	}
	// A rule asks whether there is one of a kind and whether all have ended: one task
	// of each kind, and all that are left as one kind, show everything there is.
	for kinds := range OutcomeSkipped << 1 {
		few := UpstreamCounts{}
		for _, o := range []Outcome{OutcomeSuccess, OutcomeFailed, OutcomeSkipped} {
			if kinds&o != 0 {
				few = few.Add(o)
			}
		}
		left := rest - few.Done()
		if left >= 0 && (isRun(few) ||
			few.Success > 0 && isRun(UpstreamCounts{Success: 1 + left, Failed: few.Failed, Skipped: few.Skipped}) ||
			few.Failed > 0 && isRun(UpstreamCounts{Success: few.Success, Failed: 1 + left, Skipped: few.Skipped}) ||
			few.Skipped > 0 && isRun(UpstreamCounts{Success: few.Success, Failed: few.Failed, Skipped: 1 + left})) {
			return true
		}
	}
	return false
}

// ruledOut is the verdict of a rule that needs all upstream tasks and can be
// broken by one of them.
func ruledOut(broken bool, otherwise Verdict, done bool) Verdict {
	switch {
	case broken:
		return otherwise
	case done:
		return VerdictRun
	default:
		return VerdictWait
	}
}

// firstOf is the verdict of a rule that runs at the first upstream task of a
// kind, and gives up when all ended without one.
func firstOf(met bool, otherwise Verdict, done bool) Verdict {
	switch {
	case met:
		return VerdictRun
	case done:
		return otherwise
	default:
		return VerdictWait
	}
}

// withoutSuccess is the verdict of a rule that wanted a success and got none.
func withoutSuccess(c UpstreamCounts) Verdict {
	if c.Failed > 0 {
		return VerdictUpstreamFailed
	}
	return VerdictSkip
}

// EarlyOutcomes returns the outcomes that can settle the rule before all
// upstream tasks ended. The store asks for a decision when one of these comes
// in, or when the last upstream task ended, and not otherwise.
func (r TriggerRule) EarlyOutcomes() Outcome {
	switch r {
	case AllFailed:
		return OutcomeSuccess | OutcomeSkipped
	case AllSkipped:
		return OutcomeSuccess | OutcomeFailed
	case OneDone:
		return OutcomeSuccess | OutcomeFailed
	case OneSuccess:
		return OutcomeSuccess
	case NoneSkipped:
		return OutcomeSkipped
	case AllDone, AllDoneMinOneSuccess, Always:
		return 0
	default: // OneFailed, NoneFailed, NoneFailedMinOneSuccess, AllSuccess
		return OutcomeFailed
	}
}
