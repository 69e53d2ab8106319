package miniairflow

// PlannedRun is a run with the state in which it is created.
type PlannedRun struct {
	NewRun
	Status RunStatus
	Reason string
	// Replaces is set for a run that does not wait for older scheduled runs of its
	// workflow: see RunStore.ReplacedRuns.
	Replaces bool
}

// Load is what a workflow has of runs that are not over.
type Load struct {
	Active int // pending or running, or no less than Max of them; needed for OverlapSkip
	Max    int // how many may be running
	Queued int // scheduled ones that wait for their turn, up to QueuedMax
}

// AdmitRuns decides which runs of a fire are created in which state, and which of its
// slots are left out. It adds the runs to the load of their workflow. With OverlapSkip
// a run that others do not leave room for is skipped. With OverlapQueue no more than QueuedMax wait:
// of several the newest find room. Of several with OverlapCancelRunning only as many are
// made as may run: they take the place of the others, however many of these wait.
func AdmitRuns(f Fire, load *Load) (planned []PlannedRun, left []MissedRange) {
	if len(f.Runs) == 0 {
		return nil, nil
	}
	runs, overlap := f.Runs, f.Cursor.Schedules[0].Overlap
	if overlap == OverlapCancelRunning {
		first := len(runs) - min(len(runs), load.Max)
		left, runs = leaveOutRuns(runs[:first], MissedReplaced), runs[first:]
	}
	if overlap == OverlapQueue {
		first := len(runs) - min(len(runs), max(QueuedMax-load.Queued, 0))
		left, runs = append(left, leaveOutRuns(runs[:first], MissedQueueFull)...), runs[first:]
	}
	for _, run := range runs {
		next := PlannedRun{NewRun: run, Status: RunPending, Replaces: run.Overlap == OverlapCancelRunning}
		if run.Overlap == OverlapSkip && load.Active >= load.Max {
			next.Status, next.Reason = RunSkipped, "overlap: skip: max_active_runs was reached"
		} else {
			load.Active++
			load.Queued++
		}
		planned = append(planned, next)
	}
	return planned, left
}

// leaveOutRuns returns the slots of runs, the oldest first, as ranges.
func leaveOutRuns(runs []NewRun, reason MissedReason) (left []MissedRange) {
	for _, run := range runs {
		left = Slot{LogicalDate: run.LogicalDate, DataIntervalStart: run.DataIntervalStart}.leave(left, reason, reason.Text())
	}
	return left
}
