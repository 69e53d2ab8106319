package miniairflow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

var outcomes = []miniairflow.Outcome{miniairflow.OutcomeSuccess, miniairflow.OutcomeFailed, miniairflow.OutcomeSkipped}

// eachCounts calls f with every way in which up to four upstream tasks can stand.
func eachCounts(f func(c miniairflow.UpstreamCounts)) {
	for total := range 5 {
		for success := range total + 1 {
			for failed := range total - success + 1 {
				for skipped := range total - success - failed + 1 {
					f(miniairflow.UpstreamCounts{Total: total, Success: success, Failed: failed, Skipped: skipped})
				}
			}
		}
	}
}

func TestVerdictsAreFinal(t *testing.T) {
	for _, rule := range miniairflow.TriggerRules {
		eachCounts(func(c miniairflow.UpstreamCounts) {
			verdict := rule.Decide(c)
			if c.Done() == c.Total {
				require.NotEqual(t, miniairflow.VerdictWait, verdict, "%s %+v", rule, c)
				return
			}
			for _, o := range outcomes {
				next := rule.Decide(c.Add(o))
				if verdict != miniairflow.VerdictWait {
					require.Equal(t, verdict, next, "%s %+v then %d", rule, c, o)
				}
			}
		})
	}
}

func TestEarlyOutcomesAreTheOnesThatSettle(t *testing.T) {
	for _, rule := range miniairflow.TriggerRules {
		var settles miniairflow.Outcome
		eachCounts(func(c miniairflow.UpstreamCounts) {
			for _, o := range outcomes {
				after := c.Add(o)
				early := after.Done() < after.Total
				if early && rule.Decide(c) == miniairflow.VerdictWait && rule.Decide(after) != miniairflow.VerdictWait {
					settles |= o
				}
			}
		})
		require.Equal(t, settles, rule.EarlyOutcomes(), "%s", rule)
	}
}

// MayRun says of what is known the same as a try of every way in which the rest can stand.
func TestMayRunTriesWhatIsNotKnown(t *testing.T) {
	for _, rule := range miniairflow.TriggerRules {
		eachCounts(func(c miniairflow.UpstreamCounts) {
			for open := range c.Total - c.Done() + 1 {
				mayRun := false
				eachCounts(func(all miniairflow.UpstreamCounts) {
					isOfC := all.Total == c.Total && all.Success >= c.Success && all.Failed >= c.Failed && all.Skipped >= c.Skipped
					mayRun = mayRun || isOfC && all.Total-all.Done() >= open && rule.Decide(all) == miniairflow.VerdictRun
				})
				require.Equal(t, mayRun, rule.MayRun(c, open), "%s %+v, %d open", rule, c, open)
			}
		})
	}
	require.True(t, miniairflow.AllDoneMinOneSuccess.MayRun(miniairflow.UpstreamCounts{Total: 10_000, Failed: 1}, 0))
	require.False(t, miniairflow.AllSuccess.MayRun(miniairflow.UpstreamCounts{Total: 10_000, Failed: 1}, 0))
}

func TestTriggerRules(t *testing.T) {
	const (
		run  = miniairflow.VerdictRun
		skip = miniairflow.VerdictSkip
		fail = miniairflow.VerdictUpstreamFailed
		wait = miniairflow.VerdictWait
	)
	// Two upstream tasks that ended as: success and success, success and failed,
	// success and skipped, failed and failed, failed and skipped, skipped and
	// skipped; then one that ended as success, failed, skipped, the other still running.
	counts := []miniairflow.UpstreamCounts{
		{Total: 2, Success: 2},
		{Total: 2, Success: 1, Failed: 1},
		{Total: 2, Success: 1, Skipped: 1},
		{Total: 2, Failed: 2},
		{Total: 2, Failed: 1, Skipped: 1},
		{Total: 2, Skipped: 2},
		{Total: 2, Success: 1},
		{Total: 2, Failed: 1},
		{Total: 2, Skipped: 1},
	}
	want := map[miniairflow.TriggerRule][]miniairflow.Verdict{
		miniairflow.AllSuccess:              {run, fail, skip, fail, fail, skip, wait, fail, wait},
		miniairflow.AllFailed:               {skip, skip, skip, run, skip, skip, skip, wait, skip},
		miniairflow.AllDone:                 {run, run, run, run, run, run, wait, wait, wait},
		miniairflow.AllDoneMinOneSuccess:    {run, run, run, fail, fail, skip, wait, wait, wait},
		miniairflow.AllSkipped:              {skip, skip, skip, skip, skip, run, skip, skip, wait},
		miniairflow.OneFailed:               {skip, run, skip, run, run, skip, wait, run, wait},
		miniairflow.OneSuccess:              {run, run, run, fail, fail, skip, run, wait, wait},
		miniairflow.OneDone:                 {run, run, run, run, run, skip, run, run, wait},
		miniairflow.NoneFailed:              {run, fail, run, fail, fail, run, wait, fail, wait},
		miniairflow.NoneFailedMinOneSuccess: {run, fail, run, fail, fail, skip, wait, fail, wait},
		miniairflow.NoneSkipped:             {run, run, skip, run, skip, skip, wait, wait, skip},
		miniairflow.Always:                  {run, run, run, run, run, run, run, run, run},
	}
	require.Len(t, want, len(miniairflow.TriggerRules))
	for rule, verdicts := range want {
		for i, c := range counts {
			require.Equal(t, verdicts[i], rule.Decide(c), "%s %+v", rule, c)
		}
		require.Equal(t, run, rule.Decide(miniairflow.UpstreamCounts{}), "%s without upstream tasks", rule)
	}
}

func TestOutcomeOf(t *testing.T) {
	for _, s := range miniairflow.TaskStatuses {
		if !s.IsTerminal() {
			continue
		}
		want, tolerated := miniairflow.OutcomeFailed, miniairflow.OutcomeFailed
		switch s {
		case miniairflow.TaskSuccess:
			want, tolerated = miniairflow.OutcomeSuccess, miniairflow.OutcomeSuccess
		case miniairflow.TaskSkipped:
			want, tolerated = miniairflow.OutcomeSkipped, miniairflow.OutcomeSkipped
		case miniairflow.TaskFailed:
			tolerated = miniairflow.OutcomeSuccess
		}
		require.Equal(t, want, miniairflow.OutcomeOf(s, false), s)
		require.Equal(t, tolerated, miniairflow.OutcomeOf(s, true), s)
	}
}
