// Package crontab turns the lines of a crontab into workflow files, each of which
// does what cron did, and says where that needs a hand.
package crontab

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
)

// Bounds of what is imported at once.
const (
	bytesMax    = 1 << 20
	entriesMax  = 10_000
	settingsMax = 1_000
)

// Options say what the crontab does not.
type Options struct {
	System   bool   // its lines have a user between the times and the command, as in /etc/crontab
	Timezone string // in which cron counts the times, where no CRON_TZ says it; empty: UTC, with a note
}

// Workflow is what became of one line.
type Workflow struct {
	Name string // unique among those of an import
	Line int
	YAML []byte // a workflow file that the loader takes
}

// Note is something that somebody should look at.
type Note struct {
	Line   int // 0: the crontab as a whole
	Text   string
	IsLoss bool // the line gave no workflow
}

// String returns the note with its line.
func (n Note) String() string {
	if n.Line == 0 {
		return n.Text
	}
	return fmt.Sprintf("line %d: %s", n.Line, n.Text)
}

// Import returns a workflow for each entry of a crontab, and what needs a hand.
// The error is CodeInvalid for a text that is no crontab as a whole.
func Import(text string, options Options) ([]Workflow, []Note, error) {
	if len(text) > bytesMax {
		return nil, nil, miniairflow.Errorf(miniairflow.CodeInvalid, "the crontab is larger than %d bytes", bytesMax)
	}
	if err := checkZone(options.Timezone); err != nil {
		return nil, nil, err
	}
	i := &importer{options: options, zone: options.Timezone, env: map[string]string{}, shell: "sh", names: map[string]int{}}
	number := 0
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		number++
		i.line(number, strings.TrimSuffix(line, "\n"))
		if len(i.workflows) > entriesMax {
			return nil, nil, miniairflow.Errorf(miniairflow.CodeInvalid, "the crontab has more than %d entries", entriesMax)
		}
	}
	if len(i.workflows) == 0 && !slices.ContainsFunc(i.notes, func(n Note) bool { return n.IsLoss }) {
		return nil, nil, miniairflow.Errorf(miniairflow.CodeInvalid, "the crontab has no entry: a line has five fields for the time and then a command")
	}
	if i.guessedZone {
		i.notes = slices.Insert(i.notes, 0, Note{Text: "the times are read as UTC: cron takes those of its machine, so name its zone with --timezone, as Europe/Berlin"})
	}
	return i.workflows, i.notes, nil
}

func checkZone(zone string) error {
	if zone == "" {
		return nil
	}
	if err := miniairflow.CheckSchedule(miniairflow.Schedule{Cron: "@daily", Timezone: zone}); err != nil {
		return miniairflow.Errorf(miniairflow.CodeInvalid, "%v", err)
	}
	return nil
}

// importer reads a crontab from top to bottom: a setting holds for the lines below it.
type importer struct {
	options     Options
	zone        string // empty: none was named
	env         map[string]string
	shell       string
	comments    []string // right above
	names       map[string]int
	workflows   []Workflow
	notes       []Note
	guessedZone bool
}

func (i *importer) note(line int, format string, args ...any) {
	i.notes = append(i.notes, Note{Line: line, Text: fmt.Sprintf(format, args...)})
}

func (i *importer) loss(line int, format string, args ...any) {
	i.note(line, "not imported: "+format, args...)
	i.notes[len(i.notes)-1].IsLoss = true
}

var setting = regexp.MustCompile(`^["']?([A-Za-z_][A-Za-z0-9_]*)["']?\s*=\s*(.*)$`)

func (i *importer) line(number int, line string) {
	line = strings.TrimLeft(line, " \t")
	switch found := setting.FindStringSubmatch(line); {
	case line == "":
		i.comments = nil
	case strings.HasPrefix(line, "#"):
		i.comments = append(i.comments, strings.Trim(line, "# \t"))
	case found != nil:
		i.comments = nil
		i.set(number, found[1], unquoted(strings.TrimRight(found[2], " \t")))
	default:
		i.entry(number, line)
		i.comments = nil
	}
}

func unquoted(text string) string {
	if n := len(text); n > 1 && text[0] == text[n-1] && (text[0] == '"' || text[0] == '\'') {
		return text[1 : n-1]
	}
	return text
}

// set takes a setting over, if it means something here.
func (i *importer) set(number int, name, value string) {
	switch {
	case name == "SHELL":
		i.setShell(number, value)
	case name == "CRON_TZ":
		if err := checkZone(value); err != nil {
			i.note(number, "CRON_TZ: %v", err)
			return
		}
		i.zone = value
	case name == "MAILTO" || name == "MAILFROM":
		if value != "" {
			i.note(number, "%s=%s: no mail is sent; what a task prints is its log, and `miniairflow runs list --status failed` lists failures", name, value)
		}
	case slices.Contains([]string{"CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING", "RANDOM_DELAY", "START_HOURS_RANGE", "NO_MAIL_OUTPUT", "LOGNAME", "USER"}, name):
		i.note(number, "%s has no meaning here and is left out", name)
	case slices.Contains(miniairflow.TaskEnv, name):
		i.note(number, "%s is left out: every task receives its own", name)
	default:
		if _, isKnown := i.env[name]; !isKnown && len(i.env) >= settingsMax {
			i.note(number, "%s is left out: an import takes %d variables at most", name, settingsMax)
			return
		}
		i.env[name] = value // entries above are written already
	}
}

func (i *importer) setShell(number int, value string) {
	switch value[strings.LastIndex(value, "/")+1:] {
	case "bash":
		i.shell = "bash"
	case "sh", "dash":
		i.shell = "sh"
	default:
		i.shell = "sh"
		i.note(number, "SHELL=%s: scripts run in bash or sh here; sh is used", value)
	}
}

// entry makes a workflow of a line with times and a command.
func (i *importer) entry(number int, line string) {
	cron, user, command, ok := i.fields(line)
	if !ok {
		i.loss(number, "it has neither five fields for the time and a command, nor NAME=value")
		return
	}
	script, stdin := cutPercent(command)
	e := entry{
		line: number, source: line, name: i.unique(nameOf(script)), description: describe(i.comments),
		cron: cron, zone: i.zone, env: i.env, shell: i.shell, script: script, stdin: stdin,
	}
	before := len(i.notes)
	i.checkTimes(&e)
	if user != "" {
		i.note(number, "%s: the user %s is left out: tasks run as the user of their worker", e.name, user)
	}
	if background.MatchString(script) {
		i.note(number, "%s: what it starts in the background (&) ends here when the command does", e.name)
	}
	text, err := e.write()
	if err != nil {
		i.loss(number, "%v", err)
		return
	}
	if _, problems := loader.Parse(e.name+".yaml", text, loader.Limits{}); len(problems) > 0 {
		i.notes = i.notes[:before]
		i.loss(number, "%s", problems[0].Message)
		return
	}
	i.workflows = append(i.workflows, Workflow{Name: e.name, Line: number, YAML: text})
}

// fields takes a line apart.
func (i *importer) fields(line string) (cron, user, command string, ok bool) {
	line = strings.TrimPrefix(line, "-") // do not log, says SUSE's
	count := 5
	if strings.HasPrefix(line, "@") {
		count = 1
	}
	if i.options.System {
		count++
	}
	words := make([]string, 0, count)
	rest := line
	for range count {
		word := rest
		if at := strings.IndexAny(rest, " \t"); at >= 0 {
			word, rest = rest[:at], strings.TrimLeft(rest[at:], " \t")
		} else {
			rest = ""
		}
		words = append(words, word)
	}
	if rest == "" {
		return "", "", "", false
	}
	if i.options.System {
		user, words = words[count-1], words[:count-1]
	}
	return strings.Join(words, " "), user, rest, strings.IndexAny(words[0], "*0123456789@~?") == 0
}

var background = regexp.MustCompile(`[^&>|]&\s*($|[^&>\s])`)

// checkTimes drops times that mean nothing here.
func (i *importer) checkTimes(e *entry) {
	if e.cron == "@reboot" {
		i.note(e.line, "%s: @reboot is no time; the workflow has no schedule: start it with `miniairflow trigger %s`", e.name, e.name)
		e.cron = ""
		return
	}
	if e.zone == "" {
		i.guessedZone = true
	}
	if err := miniairflow.CheckSchedule(miniairflow.Schedule{Cron: e.cron, Timezone: "UTC"}); err != nil {
		i.note(e.line, "%s: %v; the workflow has no schedule until you write one", e.name, err)
		e.cron = ""
		return
	}
	if fields := strings.Fields(e.cron); len(fields) == 5 && mixesDays(fields[2], fields[4]) {
		i.note(e.line, "%s: cron starts it on days that both day fields name, here one of them is enough: rewrite the schedule", e.name)
	}
}

// mixesDays reports whether cron takes a step in one of the day fields for a star,
// so that both fields must match, which they need not here.
func mixesDays(month, week string) bool {
	isStep := func(field string) bool { return strings.HasPrefix(field, "*/") }
	isFree := func(field string) bool { return field == "*" || field == "?" }
	return (isStep(month) || isStep(week)) && !isFree(month) && !isFree(week)
}

// unique returns the name, with a number if it is taken.
func (i *importer) unique(name string) string {
	free := name
	for i.names[free] > 0 {
		i.names[name]++ // so that the next one of this name does not begin at 2 again
		free = fmt.Sprintf("%s-%d", name, i.names[name])
	}
	i.names[free] = 1
	return free
}
