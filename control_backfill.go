package miniairflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// BackfillRequest asks for a backfill.
type BackfillRequest struct {
	Workflow    string // its name
	Name        string // of the backfill; empty: one is made up, so that each request makes a new one
	Schedule    string // which one of several; empty: the one without a name, or the only one
	From, To    string // times, see ParseMoment, by the clocks of the schedule; a date in To is its whole day
	Mode        BackfillMode
	Order       BackfillOrder
	Concurrency int // 0: BackfillConcurrencyDefault
	Params      map[string]any
	Selection   Selection
	By          Actor
}

// CreateBackfill creates a backfill, or returns the one of that name if it was asked
// for in the same words; created says which. Errors: ErrNotFound; CodeConflict as
// those of BackfillStore.CreateBackfill; CodeInvalid with Field "name", "schedule",
// "from", "to", "mode", "order", "concurrency", "params.<name>", "only", "fromTasks" or
// "untilTasks".
func (c *Control) CreateBackfill(ctx context.Context, req BackfillRequest) (b *Backfill, created bool, err error) {
	if b, err = c.sameBackfill(ctx, req); b != nil || err != nil {
		return b, false, err
	}
	asked, _, err := c.newBackfill(ctx, req)
	if err != nil {
		return nil, false, err
	}
	b, created, err = c.Store.CreateBackfill(ctx, *asked, req.By)
	if err != nil {
		return nil, false, fmt.Errorf("create backfill of workflow %q: %w", req.Workflow, err)
	}
	return b, created, nil
}

// sameBackfill returns the backfill that has the name of the request, if it was asked for
// in the same words, whatever its workflow has become since; nil: there is none.
func (c *Control) sameBackfill(ctx context.Context, req BackfillRequest) (*Backfill, error) {
	if req.Name == "" {
		return nil, nil
	}
	w, err := c.findWorkflow(ctx, req.Workflow)
	if err != nil {
		return nil, err
	}
	found, err := c.Store.FindBackfills(ctx, BackfillFilter{WorkflowID: w.ID, Name: req.Name, Limit: 1})
	switch {
	case err != nil:
		return nil, fmt.Errorf("find backfill %s of workflow %q: %w", show(req.Name), w.Name, err)
	case len(found) == 0, found[0].Hash != req.hash():
		return nil, nil // if nothing else is wrong with it, the store refuses the name
	}
	return found[0], nil
}

// PlanBackfill says what CreateBackfill would do, if it did all of it now: the dates in
// its order, and what would become of each. Nothing is created.
func (c *Control) PlanBackfill(ctx context.Context, req BackfillRequest) (*Backfill, []BackfillDate, error) {
	b, slots, err := c.newBackfill(ctx, req)
	if err != nil {
		return nil, nil, err
	}
	view, err := c.Store.ViewBackfill(ctx, b, DatesOf(slots))
	if err != nil {
		return nil, nil, fmt.Errorf("look at the dates of workflow %q: %w", req.Workflow, err)
	}
	return b, b.Plan(slots, view), nil
}

// newBackfill returns the backfill that is asked for, and all of its slots.
func (c *Control) newBackfill(ctx context.Context, req BackfillRequest) (*Backfill, []Slot, error) {
	w, err := c.findWorkflow(ctx, req.Workflow)
	if err != nil {
		return nil, nil, err
	}
	if w.RetiredAt != nil {
		return nil, nil, Errorf(CodeConflict, "workflow %q is retired: its file %s is gone", w.Name, w.SourceFile)
	}
	v, err := c.Store.FindVersion(ctx, w.VersionID)
	if err != nil {
		return nil, nil, fmt.Errorf("find version of workflow %q: %w", w.Name, err)
	}
	b, err := req.backfill(w, v.Definition)
	if err != nil {
		return nil, nil, err
	}
	if b.Selection, err = c.selectionOf(ctx, v.ID, req.Selection); err != nil {
		var invalid *Error
		if errors.As(err, &invalid) && (invalid.Field == "from" || invalid.Field == "until") {
			invalid.Field += "Tasks" // from is a date here
		}
		return nil, nil, err
	}
	slots, err := b.Slots(BackfillDatesMax + 1)
	if err != nil {
		return nil, nil, err
	}
	if err := checkDates(b, slots); err != nil {
		return nil, nil, err
	}
	b.Total = len(slots)
	now, err := c.Store.Now(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("read the database's time: %w", err)
	}
	plan, err := c.backfillPlan(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	_, err = plan(b, now, []BackfillDate{{Slot: slots[0]}}) // what is wrong with the params, before it begins
	return b, slots, err
}

// backfill returns the backfill of the request, but for its tasks and dates.
func (req *BackfillRequest) backfill(w *Workflow, d *Definition) (*Backfill, error) {
	id, err := NewParentID()
	if err != nil {
		return nil, err
	}
	b := &Backfill{
		ID: id, WorkflowID: w.ID, WorkflowName: w.Name, VersionID: w.VersionID, Name: req.Name, Mode: req.Mode, Order: req.Order,
		Concurrency: req.concurrency(), Params: req.Params, Status: BackfillRunning, Hash: req.hash(),
	}
	if b.Schedules, err = req.schedule(d); err != nil {
		return nil, err
	}
	zone, err := LoadZone(b.Timezone())
	if err != nil {
		return nil, err
	}
	if b.From, err = ParseMoment(req.From, zone); err != nil {
		return nil, fieldError("from", "from: %v", err)
	}
	if b.To, err = lastMoment(req.To, zone); err != nil {
		return nil, fieldError("to", "to: %v", err)
	}
	if b.Name == "" {
		b.Name = fmt.Sprintf("%s_%s_%x", b.From.In(zone).Format(time.DateOnly), b.To.In(zone).Format(time.DateOnly), id[10:13])
	}
	return b, checkBackfill(b)
}

// lastMoment reads the end of a range: a time, or the last moment of a day.
func lastMoment(text string, zone *time.Location) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return ParseMoment(text, zone)
	}
	next, err := ParseMoment(day.AddDate(0, 0, 1).Format(time.DateOnly), zone)
	return next.Add(-time.Microsecond), err
}

func checkBackfill(b *Backfill) error {
	switch {
	case !workflowName.MatchString(b.Name):
		return fieldError("name", "backfill name %s is not valid: up to 128 letters, digits, _, - and ., starting with a letter or digit", show(b.Name))
	case b.To.Before(b.From):
		return fieldError("to", "to %s is before from %s", b.To.Format(time.RFC3339), b.From.Format(time.RFC3339))
	case !slices.Contains(BackfillModes, b.Mode):
		return fieldError("mode", "mode %s is unknown: use missing, failed or all", show(string(b.Mode)))
	case !slices.Contains(BackfillOrders, b.Order):
		return fieldError("order", "order %s is unknown: use oldest or newest", show(string(b.Order)))
	case b.Concurrency < 1 || b.Concurrency > BackfillConcurrencyMax:
		return fieldError("concurrency", "a concurrency of %d is not possible: use 1 to %d", b.Concurrency, BackfillConcurrencyMax)
	}
	return nil
}

// schedule returns the schedules whose slots are meant.
func (req *BackfillRequest) schedule(d *Definition) (ScheduleGroup, error) {
	groups := d.ScheduleGroups()
	names := make([]string, 0, len(groups))
	for _, g := range groups {
		if g.Name() == req.Schedule || req.Schedule == "" && len(groups) == 1 {
			return g, nil
		}
		if g.Name() != "" {
			names = append(names, g.Name())
		}
	}
	switch {
	case len(groups) == 0:
		return nil, fieldError("schedule", "workflow %q has no schedule, so it has no dates: trigger it with a logical date", d.Name)
	case req.Schedule == "":
		return nil, fieldError("schedule", "workflow %q has several schedules: name one of %s", d.Name, strings.Join(names, ", "))
	default:
		return nil, fieldError("schedule", "workflow %q has no schedule %s; it has %s%s",
			d.Name, show(req.Schedule), listOr(names, "one without a name"), DidYouMean(req.Schedule, names))
	}
}

func (req *BackfillRequest) concurrency() int {
	if req.Concurrency == 0 {
		return BackfillConcurrencyDefault
	}
	return req.Concurrency
}

// hash returns what the backfill is known by: the words of the request, whatever its
// workflow has become since.
func (req *BackfillRequest) hash() string {
	params := req.Params
	if params == nil {
		params = map[string]any{} // the same
	}
	return hashJSON([]any{req.Schedule, req.From, req.To, req.Mode, req.Order, req.concurrency(), params, req.Selection})
}

// checkDates refuses a range with no date, and one with too many.
func checkDates(b *Backfill, slots []Slot) error {
	first, last := b.From.Format(time.RFC3339), b.To.Format(time.RFC3339)
	switch {
	case len(slots) == 0:
		return fieldError("from", "the schedule has no slot from %s to %s", first, last)
	case len(slots) > BackfillDatesMax:
		cut := slots[BackfillDatesMax-1].LogicalDate.Format(time.RFC3339)
		end, side := "to", "after"
		if b.Order == BackfillNewest {
			end, side = "from", "before"
		}
		return fieldError(end, "there are more than %d slots from %s to %s: set %q to %s, and make another backfill for what is %s it",
			BackfillDatesMax, first, last, end, cut, side)
	}
	return nil
}

// SetBackfillPaused pauses a backfill or lets it go on. It is idempotent; one that is
// over is returned as it is.
func (c *Control) SetBackfillPaused(ctx context.Context, id uuid.UUID, paused bool, by Actor) (*Backfill, error) {
	b, err := c.Store.SetBackfillPaused(ctx, id, paused, by)
	if err != nil {
		return nil, backfillError("set pause of", id, err)
	}
	return b, nil
}

// CancelBackfill ends a backfill, and its runs that are not over unless these are to be
// kept. It is idempotent; one that is over is returned as it is.
func (c *Control) CancelBackfill(ctx context.Context, id uuid.UUID, keepRuns bool, by Actor) (*Backfill, error) {
	b, err := c.Store.CancelBackfill(ctx, id, keepRuns, by)
	if err != nil {
		return nil, backfillError("cancel", id, err)
	}
	return b, nil
}

func backfillError(what string, id uuid.UUID, err error) error {
	if errors.Is(err, ErrNotFound) {
		return Errorf(CodeNotFound, "no backfill has the id %s", id)
	}
	return fmt.Errorf("%s backfill %s: %w", what, id, err)
}

// AdvanceBackfill lets a backfill take its next step, see BackfillStore, and reports
// whether it moved.
func (c *Control) AdvanceBackfill(ctx context.Context, b *Backfill) (bool, error) {
	plan, err := c.backfillPlan(ctx, b)
	if err != nil {
		return false, err
	}
	moved, err := c.Store.AdvanceBackfill(ctx, b.ID, plan)
	if err != nil {
		return false, fmt.Errorf("advance backfill %s: %w", b.Label(), err)
	}
	return moved, nil
}

// backfillPlan returns what makes the runs of a backfill, with the variables that the
// defaults of its params read, as they are now.
func (c *Control) backfillPlan(ctx context.Context, b *Backfill) (BackfillPlan, error) {
	g, err := c.Store.FindDAG(ctx, b.VersionID)
	if err != nil {
		return nil, fmt.Errorf("find version of backfill %s: %w", b.Label(), err)
	}
	params := g.Definition.ParamsOf(b.Schedules)
	eval, err := EvaluatorOfDefaults(ctx, c.Evaluator, c.Store, params)
	if err != nil {
		return nil, err
	}
	return func(b *Backfill, now time.Time, dates []BackfillDate) ([]NewRun, error) {
		var runs []NewRun
		for i, date := range dates {
			run, err := b.run(params, eval, now, date.Slot)
			switch {
			case err != nil && i == 0:
				return nil, fmt.Errorf("%s: %w", date.LogicalDate.UTC().Format(time.RFC3339), err)
			case err != nil:
				return runs, nil // its turn comes next, and then it is the first
			}
			runs = append(runs, run)
		}
		return runs, nil
	}, nil
}

// run returns the run of a slot.
func (b *Backfill) run(params []Param, eval Evaluator, now time.Time, slot Slot) (NewRun, error) {
	id, err := NewParentID()
	if err != nil {
		return NewRun{}, err
	}
	resolved, err := ResolveParams(params, b.Params, RunScope{
		ID: id, Workflow: b.WorkflowName, Type: RunBackfill, LogicalDate: slot.LogicalDate,
		DataIntervalStart: slot.DataIntervalStart, DataIntervalEnd: slot.LogicalDate, RunAfter: now,
	}, eval)
	if err != nil {
		return NewRun{}, err
	}
	return NewRun{
		ID: id, WorkflowID: b.WorkflowID, VersionID: b.VersionID, Type: RunBackfill, ScheduleName: b.Schedules.Name(),
		LogicalDate: slot.LogicalDate, DataIntervalStart: slot.DataIntervalStart, Params: resolved, Selection: b.Selection, BackfillID: b.ID,
		Cause: Cause{Kind: CauseBackfill, Detail: b.Name, By: b.By},
	}, nil
}
