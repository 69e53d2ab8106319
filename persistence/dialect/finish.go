package dialect

import (
	"fmt"

	"github.com/sauravritesh63/miniairflow"
)

// EndOf returns what a finish makes of its task run and of its attempt, which is
// running on where it is put aside. A run that is being cancelled gets no retries,
// and nothing of it looks again.
func EndOf(f *miniairflow.Finish, isCancelling bool) (miniairflow.TaskStatus, miniairflow.AttemptStatus) {
	goesOn := f.Next == miniairflow.TaskUpForRetry || f.Next == miniairflow.TaskWaiting
	switch {
	case !goesOn || !isCancelling:
		return f.Next, f.Attempt
	case f.Attempt == miniairflow.AttemptRunning:
		return miniairflow.TaskCancelled, miniairflow.AttemptCancelled
	default:
		return miniairflow.TaskCancelled, f.Attempt
	}
}

// StoppedWait is a task run that a rerun changes while it waits.
type StoppedWait struct {
	Seq    int
	Status miniairflow.AttemptStatus // of its attempt, which ends with it
	Reason string
}

// StoppedWaits returns the task runs that a plan changes while they wait, ascending.
func StoppedWaits(before []miniairflow.TaskStatus, plan miniairflow.RerunPlan, req miniairflow.Rerun) []StoppedWait {
	marks := make(map[int]miniairflow.TaskStatus, len(plan.Mark))
	for _, m := range plan.Mark {
		marks[m.Seq] = m.Status
	}
	var stopped []StoppedWait
	for _, seq := range RerunSeqs(plan) {
		if seq >= len(before) || before[seq] != miniairflow.TaskWaiting {
			continue
		}
		s := StoppedWait{Seq: seq, Status: miniairflow.AttemptCancelled, Reason: clearReason(req.By)}
		status, isMarked := marks[seq]
		switch {
		case isMarked && req.Kind == miniairflow.RerunAnswer:
			s.Status, s.Reason = answered(status), EndReason(status, req)
		case isMarked:
			s.Reason = EndReason(status, req)
		}
		stopped = append(stopped, s)
	}
	return stopped
}

// EncodeAnswer returns the outputs of an answer as JSON; nil if the rerun is none.
func EncodeAnswer(req miniairflow.Rerun) (*string, error) {
	if req.Outputs == nil {
		return nil, nil
	}
	data, err := EncodeObject(req.Outputs)
	if err != nil {
		return nil, fmt.Errorf("outputs of answer: %w", err)
	}
	text := string(data)
	return &text, nil
}

// answered returns how the attempt of an approval ends with its answer.
func answered(status miniairflow.TaskStatus) miniairflow.AttemptStatus {
	if status == miniairflow.TaskSuccess {
		return miniairflow.AttemptSuccess
	}
	return miniairflow.AttemptFailed
}
