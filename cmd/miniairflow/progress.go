package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress shows a run while it goes on: a block that is drawn again and again
// on a terminal, a line for each change elsewhere.
type progress struct {
	out     io.Writer
	label   string
	width   int // of the terminal; 0: not a terminal
	height  int
	colours bool

	mu    sync.Mutex
	run   *runView
	tasks []taskRunView // by index
	lines int           // drawn last
	frame int
	said  map[int]state // by index: what was last said of a task, on plain lines
	ended bool

	prompt string   // of the question that is open; empty: none is
	held   []string // lines that wait for its end

	stop chan struct{}
	done chan struct{}
}

// newProgress returns a progress that writes to out. The owner must call close.
func newProgress(out io.Writer, label string) *progress {
	p := &progress{out: out, label: label, said: map[int]state{}, stop: make(chan struct{}), done: make(chan struct{})}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb" {
		if width, height, err := term.GetSize(int(file.Fd())); err == nil && width > 20 && height > 5 {
			p.width, p.height = width, height
			p.colours = os.Getenv("NO_COLOR") == ""
		}
	}
	go p.tick()
	return p
}

// tick redraws the block while tasks run, so that their times move.
func (p *progress) tick() {
	defer close(p.done)
	if p.width == 0 {
		<-p.stop
		return
	}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			p.mu.Lock()
			p.frame++
			p.draw(time.Now())
			p.mu.Unlock()
		}
	}
}

// update shows the run with all of its tasks that it has been told of; changed are
// those that moved.
func (p *progress) update(run *runView, changed []taskRunView) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.run = run
	for _, t := range changed {
		at, found := slices.BinarySearchFunc(p.tasks, t.Index, func(have taskRunView, index int) int { return have.Index - index })
		if !found {
			p.tasks = slices.Insert(p.tasks, at, t)
			continue
		}
		p.tasks[at] = t
	}
	if p.width > 0 {
		p.draw(time.Now())
		return
	}
	for i := range changed {
		p.say(&changed[i])
	}
	if run.isTerminal() && !p.ended {
		p.ended = true
		p.print(p.summary(time.Now()))
	}
}

// taskRuns returns the tasks as they were last, in the order of the file.
func (p *progress) taskRuns() []taskRunView {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.tasks)
}

// note prints lines that stay, above the block where there is one, and after the
// question that is open.
func (p *progress) note(lines ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.print(lines...)
	if p.width > 0 {
		p.draw(time.Now())
	}
}

// ask prints lines and a question, behind which a person answers on the same
// terminal: until answered is called, the block is away and notes are held back.
func (p *progress) ask(question string, lines ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.prompt = ""
	p.print(lines...)
	p.prompt = question
	_, _ = io.WriteString(p.out, question)
}

// answered ends what ask began, and prints lines and then what was held back.
func (p *progress) answered(lines ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prompt = ""
	p.print(append(lines, p.held...)...)
	p.held = nil
	if p.width > 0 {
		p.draw(time.Now())
	}
}

// clear takes the block away. The lock is held.
func (p *progress) clear() {
	if p.lines > 0 {
		fmt.Fprintf(p.out, "\x1b[%dA\x1b[J", p.lines)
		p.lines = 0
	}
}

// heldMax is how many lines wait for the end of a question. Where there are more,
// they are printed, and the question again below them.
const heldMax = 200

// print prints lines, or holds them back while a question is open. The lock is held.
func (p *progress) print(lines ...string) {
	if p.prompt != "" && len(p.held)+len(lines) <= heldMax {
		p.held = append(p.held, lines...)
		return
	}
	if p.prompt != "" {
		lines, p.held = append(p.held, lines...), nil
		fmt.Fprintln(p.out)
	}
	for _, line := range lines {
		fmt.Fprintln(p.out, line)
	}
	_, _ = io.WriteString(p.out, p.prompt)
}

// say prints a line for a task whose state is worth one.
func (p *progress) say(t *taskRunView) {
	if p.said[t.Index] == t.Status || t.Status == "pending" || t.Status == "queued" {
		return
	}
	p.said[t.Index] = t.Status
	line := fmt.Sprintf("%s  %-15s  %s", time.Now().Format(time.TimeOnly), t.Status, t.Name)
	if t.Attempt > 1 {
		line += fmt.Sprintf("  attempt %d", t.Attempt)
	}
	if t.FinishedAt != nil && t.StartedAt != nil {
		line += "  " + took(t.StartedAt, t.FinishedAt, time.Now())
	}
	if t.Reason != nil {
		line += "  " + printable(*t.Reason)
	}
	p.print(line)
}

// summary is the line about the whole run.
func (p *progress) summary(now time.Time) string {
	counts := map[state]int{}
	for i := range p.tasks {
		counts[p.tasks[i].Status]++
	}
	parts := []string{fmt.Sprintf("%s %s", p.label, p.run.Status)}
	if p.run.StartedAt != nil {
		parts = append(parts, took(p.run.StartedAt, p.run.FinishedAt, now))
	}
	for _, s := range shownStates {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	if p.run.Reason != nil {
		parts = append(parts, printable(*p.run.Reason))
	}
	return strings.Join(parts, "  ")
}

var shownStates = []state{"running", "success", "failed", "waiting", "up_for_retry", "skipped", "upstream_failed", "cancelled", "queued", "pending"}

var (
	spinner = []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}
	icons   = map[state]string{
		"success": "✓", "failed": "✗", "waiting": "◷", "up_for_retry": "↻", "skipped": "↷",
		"upstream_failed": "⊘", "cancelled": "■", "queued": "…", "pending": "·",
	}
	colours = map[state]string{
		"success": "32", "failed": "31", "waiting": "36", "up_for_retry": "33", "skipped": "35",
		"upstream_failed": "33", "cancelled": "33", "running": "36", "queued": "90", "pending": "90",
	}
)

// draw writes the block over the last one. The lock is held.
func (p *progress) draw(now time.Time) {
	if p.run == nil || p.ended || p.prompt != "" {
		return
	}
	var b strings.Builder
	if p.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", p.lines)
	}
	rows := p.rows(now)
	for _, row := range rows {
		b.WriteString(row)
		b.WriteByte('\n')
	}
	p.lines = len(rows)
	p.ended = p.run.isTerminal()
	_, _ = io.WriteString(p.out, b.String())
}

// rows returns the lines of the block: as many tasks as fit, those that move
// before those that are over or wait, and the summary.
func (p *progress) rows(now time.Time) []string {
	room := p.height - 3
	shown := make([]bool, len(p.tasks))
	count := 0
	pick := func(want func(state) bool) {
		for i := range p.tasks {
			if !shown[i] && count < room && want(p.tasks[i].Status) {
				shown[i] = true
				count++
			}
		}
	}
	pick(func(s state) bool { return s == "running" || s == "waiting" || s == "up_for_retry" || s == "failed" })
	pick(func(s state) bool { return s != "pending" })
	pick(func(state) bool { return true })
	var rows []string
	for i := range p.tasks {
		if shown[i] {
			rows = append(rows, p.row(&p.tasks[i], now))
		}
	}
	if hidden := len(p.tasks) - count; hidden > 0 {
		rows = append(rows, fmt.Sprintf("  … and %d more", hidden))
	}
	return append(rows, p.clip(p.summary(now)))
}

func (p *progress) row(t *taskRunView, now time.Time) string {
	icon := icons[t.Status]
	if t.Status == "running" {
		icon = spinner[p.frame%len(spinner)]
	}
	text := fmt.Sprintf("%-15s %-28s %8s", t.Status, t.Name, t.took(now))
	if t.Attempt > 1 {
		text += fmt.Sprintf("  attempt %d", t.Attempt)
	}
	if t.Reason != nil {
		text += "  " + printable(*t.Reason)
	}
	text = p.clip(text)
	if p.colours {
		return fmt.Sprintf("  \x1b[%sm%s %s\x1b[0m", colours[t.Status], icon, text)
	}
	return "  " + icon + " " + text
}

// clip shortens a line to the terminal: a wrapped one would break the block.
func (p *progress) clip(s string) string {
	runes := []rune(s)
	if limit := p.width - 5; len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return s
}

// close draws the last state and stops the redrawing. It may be called twice.
func (p *progress) close() {
	p.mu.Lock()
	select {
	case <-p.stop:
	default:
		close(p.stop)
		if p.width > 0 {
			p.draw(time.Now())
		}
	}
	p.mu.Unlock()
	<-p.done
}
