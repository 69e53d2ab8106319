package persistencetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// Upstream is the name of the workflow that others follow in HotCalls. A test may give
// it many runs before.
const Upstream = "upstream"

// hotStarts returns what starts runs but for people and schedules: ends of other runs,
// webhooks and files.
func hotStarts(t testing.TB, store miniairflow.Store) []HotCall {
	t.Helper()
	MustSync(t, store, hourly(Upstream, miniairflow.OverlapSkip))
	other := MustSync(t, store, Define("other", Task("a")))
	after := Define("follower", Task("a"))
	after.Triggers = &miniairflow.Triggers{After: &miniairflow.AfterTrigger{Match: miniairflow.WaitSameDay, Workflows: []miniairflow.AfterWorkflow{
		{Workflow: Upstream, Status: miniairflow.AfterSuccess}, {Workflow: "other", Status: miniairflow.AfterFinished},
	}}}
	follower := MustSync(t, store, after)
	file := Define("arriving", Task("a"))
	file.Triggers = &miniairflow.Triggers{File: &miniairflow.FileTrigger{Path: "*.csv"}}
	arriving := MustSync(t, store, file).WorkflowID
	ended := MustTrigger(t, store, other)
	var ends []miniairflow.AfterEnd
	return []HotCall{
		{"note an end", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.CancelRun(ctx, miniairflow.Cancel{RunID: ended.ID})
			return err
		}},
		{"find ends", func(ctx context.Context, s miniairflow.Store) (err error) {
			ends, err = s.AfterEnds(ctx, 20)
			return err
		}},
		{"start after an end", func(ctx context.Context, s miniairflow.Store) error {
			end := miniairflow.AfterEnd{RunID: ended.ID, WorkflowID: follower.WorkflowID, Status: miniairflow.RunCancelled}
			_, err := (&miniairflow.Control{Store: s}).StartAfter(ctx, end)
			return err
		}},
		{"forget ends", func(ctx context.Context, s miniairflow.Store) error {
			return s.ForgetAfterEnds(ctx, ends, map[miniairflow.AfterEnd]string{ends[0]: "it cannot start"})
		}},
		{"find followers", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.Followers(ctx, []string{Upstream, "other"}, 200)
			return err
		}},
		{"a webhook", trigger("webhook:1")},
		{"the same webhook again", trigger("webhook:1")},
		{"find file triggers", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.FileTriggers(ctx)
			return err
		}},
		{"watch files", func(ctx context.Context, s miniairflow.Store) error {
			return s.WatchFiles(ctx, arriving, "hash", files(50))
		}},
		{"find seen files", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.SeenFiles(ctx, arriving)
			return err
		}},
		{"note files", func(ctx context.Context, s miniairflow.Store) error {
			return s.NoteFiles(ctx, arriving, miniairflow.FileNotes{
				Seen: files(3), Faults: map[string]string{files(3)[0].Path: "it cannot start"}, Gone: []string{"49.csv", "48.csv"}, Forgotten: []string{"47.csv"},
			})
		}},
		{"note a fault of files", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.NoteFileFault(ctx, arriving, "the folder is not there")
			return err
		}},
	}
}

// trigger asks for a run of Upstream that is known by a key.
func trigger(key string) func(context.Context, miniairflow.Store) error {
	return func(ctx context.Context, s miniairflow.Store) error {
		_, err := (&miniairflow.Control{Store: s}).TriggerWorkflow(ctx, miniairflow.TriggerRequest{Workflow: Upstream, IdempotencyKey: key})
		return err
	}
}

func files(n int) []miniairflow.FoundFile {
	found := make([]miniairflow.FoundFile, n)
	for i := range found {
		found[i] = miniairflow.FoundFile{Path: fmt.Sprintf("%02d.csv", i), Size: 1, Modified: time.Now()}
	}
	return found
}

// hotDates returns what makes runs of schedules, with the policies that count others,
// and of a backfill.
func hotDates(t testing.TB, store miniairflow.Store) []HotCall {
	t.Helper()
	for _, overlap := range []miniairflow.Overlap{miniairflow.OverlapQueue, miniairflow.OverlapSkip, miniairflow.OverlapCancelRunning} {
		MustSync(t, store, hourly("hourly-"+string(overlap), overlap))
	}
	v := MustSync(t, store, hourly(Upstream, miniairflow.OverlapSkip))
	now, err := store.Now(t.Context())
	require.NoError(t, err)
	from := now.Truncate(time.Hour).Add(-30 * time.Hour)
	b, _, err := (&miniairflow.Control{Store: store}).CreateBackfill(t.Context(), miniairflow.BackfillRequest{
		Workflow: Upstream, From: from.Format(time.RFC3339), To: from.Add(20 * time.Hour).Format(time.RFC3339),
		Mode: miniairflow.BackfillAll, Order: miniairflow.BackfillOldest, Concurrency: 10, By: miniairflow.Actor{Name: "test"},
	})
	require.NoError(t, err)
	ofWorkflow := miniairflow.BackfillFilter{WorkflowID: v.WorkflowID, Limit: 10}
	return []HotCall{
		{"fire", func(ctx context.Context, s miniairflow.Store) error {
			_, _, err := s.FireDue(ctx, 100, fireLate)
			return err
		}},
		{"find runs that make room", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.ReplacedRuns(ctx, 100)
			return err
		}},
		{"find cursors", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.FindCursors(ctx, v.WorkflowID)
			return err
		}},
		{"find missed slots", func(ctx context.Context, s miniairflow.Store) error {
			if _, err := s.CountMissedSlots(ctx, miniairflow.MissedFilter{WorkflowID: v.WorkflowID}, 100); err != nil {
				return err
			}
			_, err := s.FindMissedSlots(ctx, miniairflow.MissedFilter{WorkflowID: v.WorkflowID, Before: 1 << 40, Limit: 10})
			return err
		}},
		{"find due backfills", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.DueBackfills(ctx, 100)
			return err
		}},
		{"advance a backfill", func(ctx context.Context, s miniairflow.Store) error {
			_, err := (&miniairflow.Control{Store: s}).AdvanceBackfill(ctx, b)
			return err
		}},
		{"count the dates of a backfill", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.CountBackfillRuns(ctx, []uuid.UUID{b.ID})
			return err
		}},
		{"view dates", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.ViewBackfill(ctx, b, []time.Time{from, from.Add(time.Hour)})
			return err
		}},
		{"find runs of a backfill", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.FindRuns(ctx, miniairflow.RunFilter{BackfillID: b.ID, Limit: 10})
			return err
		}},
		{"find backfills", findBackfills(miniairflow.BackfillFilter{Limit: 10})},
		{"find backfills of a workflow", findBackfills(ofWorkflow)},
		{"find running backfills", findBackfills(miniairflow.BackfillFilter{Statuses: []miniairflow.BackfillStatus{miniairflow.BackfillRunning}, Limit: 10})},
		{"cancel a backfill", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.CancelBackfill(ctx, b.ID, false, miniairflow.Actor{Name: "test"})
			return err
		}},
		{"find abandoned runs", func(ctx context.Context, s miniairflow.Store) error {
			_, err := s.AbandonedRuns(ctx, 100)
			return err
		}},
	}
}

func hourly(name string, overlap miniairflow.Overlap) *miniairflow.Definition {
	d := Define(name, Task("a"))
	d.Schedules = []miniairflow.Schedule{{Cron: "0 * * * *", Timezone: "UTC", Catchup: miniairflow.CatchupLatest, Overlap: overlap}}
	return d
}

func findBackfills(filter miniairflow.BackfillFilter) func(context.Context, miniairflow.Store) error {
	return func(ctx context.Context, s miniairflow.Store) error {
		_, err := s.FindBackfills(ctx, filter)
		return err
	}
}

// fireLate makes a run of the latest slot of each cursor, and leaves those before it out.
func fireLate(due miniairflow.DueSchedules) []miniairflow.Fire {
	last := due.Now.Truncate(time.Hour)
	var fires []miniairflow.Fire
	for _, c := range due.Due {
		id, err := miniairflow.NewParentID()
		if err != nil {
			return nil
		}
		left := miniairflow.MissedRange{
			First: last.Add(-3 * time.Hour), Last: last.Add(-time.Hour), Before: last.Add(-4 * time.Hour), Count: 3,
			Reason: miniairflow.MissedByLatest, Text: miniairflow.MissedByLatest.Text(),
		}
		fires = append(fires, miniairflow.Fire{
			Cursor: c, NextAt: last.Add(time.Hour), Left: []miniairflow.MissedRange{left},
			Runs: []miniairflow.NewRun{{
				ID: id, WorkflowID: c.WorkflowID, VersionID: c.VersionID, Type: miniairflow.RunScheduled, LogicalDate: last, Overlap: c.Schedules[0].Overlap,
			}},
		})
	}
	return fires
}
