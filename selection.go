package miniairflow

import (
	"fmt"
	"slices"
	"strings"
)

// Selection chooses the tasks of a run by the names of tasks and groups. Of each
// kind that names any, a chosen task is in it: two kinds together choose what both
// do. The zero value chooses all tasks.
//
// The tasks of finally run with From and Until, whatever these choose of the
// others, but if one of finally is named itself; with Only they run if they are
// named.
type Selection struct {
	Only  []string `json:"only,omitempty"`  // just these
	From  []string `json:"from,omitempty"`  // these and all tasks below them
	Until []string `json:"until,omitempty"` // these and all tasks above them
}

// SelectionMax bounds the names of a Selection, of all kinds together.
const SelectionMax = 1000

// IsEmpty reports whether the selection names nothing, and so chooses all tasks.
func (s *Selection) IsEmpty() bool {
	return s == nil || len(s.Only)+len(s.From)+len(s.Until) == 0
}

// Names returns what the selection names, by kind.
func (s *Selection) Names() [3][]string { return [3][]string{s.Only, s.From, s.Until} }

// String returns the selection as the flags of a command, shortened where it
// names many: "--from load --until report".
func (s *Selection) String() string {
	var flags []string
	for _, kind := range s.kinds() {
		if len(kind.names) > 0 {
			flags = append(flags, "--"+kind.name+" "+strings.ReplaceAll(listSome(kind.names), ", ", ","))
		}
	}
	return strings.Join(flags, " ")
}

// selectionKind is one way to choose tasks.
type selectionKind struct {
	name  string
	names []string
	next  func(g *DAG, seq int) []int // the tasks that a chosen one brings along
}

func (s *Selection) kinds() []selectionKind {
	return []selectionKind{
		{name: "only", names: s.Only, next: func(*DAG, int) []int { return nil }},
		{name: "from", names: s.From, next: func(g *DAG, seq int) []int { return g.Downstream[seq] }},
		{name: "until", names: s.Until, next: func(g *DAG, seq int) []int { return g.Upstream[seq] }},
	}
}

// Select returns the shape of a run that executes what s chooses: tasks that are
// not chosen stand alone in it, so that nobody waits for them and no trigger rule
// counts them. An empty selection returns g itself. Errors are CodeInvalid with
// Field "only", "from" or "until": a name that is unknown, and a choice that leaves
// nothing to do before the tasks of finally.
func (g *DAG) Select(s *Selection) (*DAG, error) {
	if s.IsEmpty() {
		return g, nil
	}
	left, err := g.leftOut(s)
	if err != nil {
		return nil, err
	}
	selected := *g
	selected.Selection, selected.left = s, left
	selected.Upstream, selected.Downstream = without(g.Upstream, left), without(g.Downstream, left)
	for seq := g.Mains; seq < len(left); seq++ {
		if left[seq] {
			selected.leftFinals++
		}
	}
	return &selected, nil
}

// leftOut returns for each task whether s leaves it out.
func (g *DAG) leftOut(s *Selection) ([]bool, error) {
	if n := len(s.Only) + len(s.From) + len(s.Until); n > SelectionMax {
		return nil, fieldError("only", "%d names choose the tasks of the run, at most %d are allowed: name groups, or use from and until", n, SelectionMax)
	}
	left := make([]bool, len(g.Upstream))
	namesFinal, field := false, ""
	for _, kind := range s.kinds() {
		if len(kind.names) == 0 {
			continue
		}
		field = kind.name
		seeds, err := g.named(kind)
		if err != nil {
			return nil, err
		}
		namesFinal = namesFinal || slices.ContainsFunc(seeds, g.IsFinal)
		chosen := g.reach(seeds, kind.next)
		for seq := range left {
			left[seq] = left[seq] || !chosen[seq]
		}
	}
	if !slices.Contains(left[:g.Mains], false) {
		return nil, fieldError(field, "%s chooses no task%s", s, nothingLeft(s, namesFinal))
	}
	if !namesFinal {
		for seq := g.Mains; seq < len(left); seq++ {
			left[seq] = len(s.Only) > 0
		}
	}
	return left, nil
}

// nothingLeft says why a selection chooses no task.
func nothingLeft(s *Selection, namesFinal bool) string {
	if namesFinal {
		return " but those of finally, which end a run: choose a task that runs before them"
	}
	if len(s.Only)*len(s.From)+len(s.Only)*len(s.Until)+len(s.From)*len(s.Until) > 0 {
		return ": none is in both"
	}
	return ""
}

// named returns the places of the tasks that are named, by themselves or by
// their group.
func (g *DAG) named(kind selectionKind) ([]int, error) {
	d := g.Definition
	places, known := make(map[string][]int, len(d.Tasks)), make([]string, 0, len(d.Tasks)+len(d.Groups))
	for seq := range d.Tasks {
		if group := d.Tasks[seq].Group; group != "" {
			places[group] = append(places[group], seq)
		}
	}
	for seq := range d.Tasks {
		places[d.Tasks[seq].Name] = []int{seq}
		known = append(known, d.Tasks[seq].Name)
	}
	for i := range d.Groups {
		known = append(known, d.Groups[i].Name)
	}
	var seqs []int
	taken := make(map[string]bool, len(kind.names))
	for _, name := range kind.names {
		if len(places[name]) == 0 {
			return nil, fieldError(kind.name, "workflow %q has no task or group %s%s", d.Name, show(name), DidYouMean(name, known))
		}
		if !taken[name] { // a large group that is named a thousand times is taken once
			seqs = append(seqs, places[name]...)
		}
		taken[name] = true
	}
	return seqs, nil
}

// reach marks the tasks that seeds lead to, these included.
func (g *DAG) reach(seeds []int, next func(g *DAG, seq int) []int) []bool {
	reached := make([]bool, len(g.Upstream))
	open := slices.Clone(seeds)
	for len(open) > 0 {
		seq := open[len(open)-1]
		open = open[:len(open)-1]
		if !reached[seq] {
			reached[seq] = true
			open = append(open, next(g, seq)...)
		}
	}
	return reached
}

// without returns the neighbours of each task but for those that are left out,
// which have none themselves.
func without(neighbours [][]int, left []bool) [][]int {
	kept := make([][]int, len(neighbours))
	for seq, all := range neighbours {
		switch {
		case left[seq]:
		case slices.ContainsFunc(all, func(other int) bool { return left[other] }):
			kept[seq] = slices.DeleteFunc(slices.Clone(all), func(other int) bool { return left[other] })
		default:
			kept[seq] = all
		}
	}
	return kept
}

// IsLeftOut reports whether the run's selection leaves task i out: it is skipped
// from the start.
func (g *DAG) IsLeftOut(i int) bool { return g.left != nil && g.left[i] }

// LeftOutReason says why a task that is left out is skipped.
func (g *DAG) LeftOutReason() string { return fmt.Sprintf("not chosen (%s)", g.Selection) }

// HasFinals reports whether tasks of finally are to run.
func (g *DAG) HasFinals() bool { return g.Mains+g.leftFinals < len(g.Upstream) }

// DoneBeforeFinals returns how many task runs have ended when the turn of those
// of finally comes: all others, and those of finally that are left out.
func (g *DAG) DoneBeforeFinals() int { return g.Mains + g.leftFinals }
