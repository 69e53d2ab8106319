package loader

import (
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

// scheduleDraft is a schedule whose keys are being read. Its times wait for its zone,
// and its params for their types.
type scheduleDraft struct {
	miniairflow.Schedule
	times  map[string]value // at, start and end
	params *value
}

var scheduleFields = fields[scheduleDraft]{
	"name":           func(v value, s *scheduleDraft) { s.Name = v.nameText() },
	"cron":           textField(func(s *scheduleDraft) *string { return &s.Cron }),
	"every":          func(v value, s *scheduleDraft) { s.Every = v.step() },
	"at":             func(v value, s *scheduleDraft) { s.times["at"] = v },
	"timezone":       textField(func(s *scheduleDraft) *string { return &s.Timezone }),
	"start":          func(v value, s *scheduleDraft) { s.times["start"] = v },
	"end":            func(v value, s *scheduleDraft) { s.times["end"] = v },
	"jitter":         func(v value, s *scheduleDraft) { s.Jitter = v.duration() },
	"catchup":        func(v value, s *scheduleDraft) { s.Catchup = v.catchup() },
	"catchup_window": func(v value, s *scheduleDraft) { s.CatchupWindow = v.duration() },
	"max_catchup":    func(v value, s *scheduleDraft) { s.MaxCatchup = v.counted() },
	"overlap":        textField(func(s *scheduleDraft) *miniairflow.Overlap { return &s.Overlap }),
	"params":         func(v value, s *scheduleDraft) { s.params = &v },
}

// schedules reads a cron expression, a block, or a list of both.
func (v value) schedules(w *workflowDraft) {
	entries := []value{v}
	if v.node.Kind == yaml.SequenceNode {
		entries = v.items("")
	} else { // the one entry gets the path that it would have in a list
		entries[0].path = slices.Concat(v.path, []string{"0"})
		v.doc.positions[joined(entries[0].path)] = v.at
	}
	for _, entry := range entries {
		draft := entry.schedule()
		w.Schedules, w.scheduleParams = append(w.Schedules, draft.Schedule), append(w.scheduleParams, draft.params)
	}
}

func (v value) schedule() scheduleDraft {
	s := scheduleDraft{times: map[string]value{}, Schedule: miniairflow.Schedule{
		Timezone: v.doc.around.timezone, Catchup: miniairflow.CatchupLatest, Overlap: miniairflow.OverlapQueue,
	}}
	if v.node.Kind != yaml.MappingNode {
		if v.node.Kind != yaml.ScalarNode || v.isNull() {
			v.mismatch(`a cron expression such as "0 2 * * *", or a map with cron:, every: or at:`)
			return s
		}
		s.Cron, _ = v.text()
		return s
	}
	entries, _ := v.entries("")
	before := v.doc.faults
	scheduleFields.read(entries, "schedule", &s)
	s.readTimes()
	if s.Cron == "" && v.doc.faults > before { // what was meant in its place may be what is wrong
		v.doc.fault(append(slices.Clip(v.path), "cron"))
	}
	for _, timing := range []string{"cron", "every", "at"} {
		if _, ok := v.doc.positions[joined(append(v.path, timing))]; ok {
			return s
		}
	}
	if v.doc.faults == before {
		v.fail(`the schedule has no times: write cron: "0 2 * * *", every: 90m or at: 2027-01-31T06:00:00Z`)
	}
	v.doc.fault(v.path)
	return s
}

// readTimes reads the times of a schedule in its zone. A wrong zone is told elsewhere.
func (s *scheduleDraft) readTimes() {
	zone, err := miniairflow.LoadZone(s.Timezone)
	if err != nil {
		zone = time.UTC
	}
	for name, target := range map[string]*time.Time{"at": &s.At, "start": &s.Start, "end": &s.End} {
		if v, ok := s.times[name]; ok {
			*target = v.moment(zone)
		}
	}
}

// moment reads a time with its offset, or one that clocks of a zone show.
func (v value) moment(zone *time.Location) time.Time {
	text, ok := v.textFor("a time such as 2027-01-31T06:00:00Z, or 2027-01-31 06:00 by the clocks of timezone")
	if !ok {
		return time.Time{}
	}
	at, err := miniairflow.ParseMoment(text, zone)
	switch {
	case err != nil:
		v.fail("%s: %v", v.label(), err)
	case at.Year() < 1970: // and the first of them would be none at all
		v.fail("%s is in the year %d: write one from 1970 to 9999", v.label(), at.Year())
		return time.Time{}
	}
	return at
}

// nameText reads a name that is not empty: without one it would be no name's.
func (v value) nameText() string {
	text, ok := v.text()
	if ok && text == "" {
		v.fail("%s is empty: leave it out, or write a name", v.label())
	}
	return text
}

// step reads a duration that is not nothing.
func (v value) step() miniairflow.Duration {
	before := v.doc.faults
	d := v.duration()
	if d == 0 && v.doc.faults == before {
		v.fail("%s is 0, but must be at least 1s", v.label())
	}
	return d
}

// counted reads a number that is not nothing.
func (v value) counted() int {
	before := v.doc.faults
	n := v.integer()
	if n == 0 && v.doc.faults == before {
		v.fail("%s is 0, but must be at least 1", v.label())
	}
	return n
}

// giveScheduleParams reads the values that schedules give, now that the types of the
// params are known.
func (w *workflowDraft) giveScheduleParams() {
	for i, v := range w.scheduleParams {
		w.Schedules[i].Params = w.givenParams(v)
	}
}

// givenParams reads values of params; none if v is nil. Those of an unknown one are read
// as text.
func (w *workflowDraft) givenParams(v *value) map[string]any {
	if v == nil {
		return nil
	}
	types := make(map[string]miniairflow.ParamType, len(w.Params))
	for _, p := range w.Params {
		types[p.Name] = p.Type
	}
	entries, _ := v.entries("NAME: value, such as {region: eu}")
	var given map[string]any
	for _, e := range entries {
		e.doc.positions[joined(e.path)] = e.at
		if given == nil {
			given = make(map[string]any, len(entries))
		}
		given[e.name] = e.paramValue(types[e.name])
	}
	return given
}

// catchup explains Airflow's booleans, which most people try first.
func (v value) catchup() miniairflow.Catchup {
	if v.isPlain() && v.node.Tag == "!!bool" {
		v.fail("catchup is not a boolean here: write none, latest (the newest missed slot) or all")
		return ""
	}
	text, _ := v.text()
	return miniairflow.Catchup(text)
}
