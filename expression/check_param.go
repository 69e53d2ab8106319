package expression

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// scheduleParams checks the values that schedules give, each that says the same once.
// It is for the definition to bound how many there are, and nothing is checked beyond.
func (c *checker) scheduleParams() {
	if len(c.d.Schedules) > miniairflow.SchedulesMax {
		return
	}
	params := make(map[string]*miniairflow.Param, len(c.d.Params))
	for i := range c.d.Params {
		params[c.d.Params[i].Name] = &c.d.Params[i]
	}
	seen := map[[2]string]bool{}
	for i, s := range c.d.Schedules {
		for _, name := range keysOf(s.Params) {
			text, isText := s.Params[name].(string)
			key := [2]string{name, text}
			if params[name] == nil || isText && seen[key] {
				continue
			}
			seen[key] = seen[key] || isText
			c.paramValue([]string{"schedule", strconv.Itoa(i), "params", name}, params[name], s.Params[name])
		}
	}
}

// triggerParams checks the values that triggers give. What comes of an event nobody
// knows before.
func (c *checker) triggerParams() {
	if hook := c.d.Webhook(); hook != nil {
		c.eventParams("a webhook's value", eventWebhook, hook.Params)
	}
	if file := c.d.File(); file != nil {
		c.forbid([]string{"triggers", eventFile, "path"}, "the path of a trigger", file.Path)
		c.eventParams("a value for a file", eventFile, file.Params)
	}
}

func (c *checker) eventParams(what, event string, params map[string]any) {
	for _, name := range keysOf(params) {
		at := site{path: []string{"triggers", event, "params", name}, name: what, task: -1, event: event}
		if text, isText := params[name].(string); isText {
			c.template(at, text)
		} else {
			c.noTemplate(at.path, params[name])
		}
	}
}

// wrongEvent is about a name of events where there is none of its kind, and about any
// other one where there is an event.
func wrongEvent(where site, name string, from *root) string {
	if where.event == "" {
		return fmt.Sprintf("%s is known in params of triggers.%s only", name, from.event)
	}
	names := []string{varsRoot.form}
	for _, r := range roots {
		if r.event == where.event {
			names = append(names, r.form)
		}
	}
	return fmt.Sprintf("%s may read %s only, not %s", where.name, enumerated(names, "and"), name)
}

// sampleRun stands for the run that a param's default will read.
var sampleRun = miniairflow.RunScope{
	ID: uuid.MustParse("01936f2a-0000-7000-8000-000000000000"), Number: 1, Workflow: "workflow", Type: miniairflow.RunScheduled,
	LogicalDate:       time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC),
	DataIntervalStart: time.Date(2026, 1, 30, 6, 0, 0, 0, time.UTC),
	DataIntervalEnd:   time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC),
	RunAfter:          time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC),
}

// paramValue checks what a param is where no run gives it: that a template gives what
// the param's type takes. A schedule would find out only when it is due, with nobody
// there to see.
func (c *checker) paramValue(path []string, p *miniairflow.Param, given any) {
	text, isText := given.(string)
	if !isText {
		c.noTemplate(path, given)
		return
	}
	before := len(c.problems)
	c.template(site{path: path, name: "a param's " + valueWord(path), task: -1}, text)
	if len(c.problems) > before || !strings.Contains(text, opening) || len(c.engine.Vars(text)) > 0 {
		return // what the variables are nobody knows before a run
	}
	value, err := c.engine.Text(text, miniairflow.Scope{Run: sampleRun})
	if err == nil {
		// Another run has other values: only the type holds for all of them.
		_, err = (&miniairflow.Param{Type: p.Type}).Check(value)
	}
	if err != nil {
		hint := ""
		if p.Type == miniairflow.ParamDate && checkDate(value) == nil {
			hint = ", with formatDate(…, '%F') from a time"
		}
		c.add(path, "%s of param %q (%s): %v%s", valueWord(path), p.Name, p.Type, err, hint)
	}
}

// valueWord is what a param's value is called at a path.
func valueWord(path []string) string {
	if path[0] == "schedule" {
		return "value"
	}
	return "default"
}
