package miniairflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ForEach makes a task run once for each item of a list. The task run of the
// task itself then stands for all of them: it waits for its items, which are
// task runs of their own, and ends as they did. What depends on the task knows
// nothing of the items.
type ForEach struct {
	List        json.RawMessage `json:"list,omitempty"`         // a JSON array, or a JSON text that is exactly one ${{ }} of a list; nil with Product
	Product     []NamedList     `json:"product,omitempty"`      // every combination: the last list changes fastest, and an item is an object
	Key         string          `json:"key,omitempty"`          // a template that names an item; empty: its number
	MaxParallel int             `json:"max_parallel,omitempty"` // items that are queued or running at a time; 0: as many as the run allows
}

// NamedList is one of the lists of a product.
type NamedList struct {
	Name string          `json:"name"`
	List json.RawMessage `json:"list"` // as ForEach.List
}

// Item is what a task run of a task with for_each works on.
type Item struct {
	Index  int             // counts from 0
	Key    string          // names it within its task; no other item has the same
	Value  json.RawMessage // compact JSON
	Status TaskStatus      // pending; or skipped or failed, by the task's `when`, with Reason
	Reason string
}

// Limits of for_each.
const (
	ItemsMax     = 10_000  // of one task
	ItemBytesMax = 4 << 20 // of all items of one task, as JSON
	// ItemOutputsMax bounds the outputs that the items of one task may have together,
	// in bytes of JSON, for an expression to read them.
	ItemOutputsMax = 8 << 20
	ItemTasksMax   = 1_000 // tasks with for_each in one workflow
	itemKeyMax     = 128   // characters
)

// FirstItem is the lowest place of an item in a run: no task has so high a one.
const FirstItem = 1 << 17

// IsItem reports whether the task run at place seq of a run is an item of a task
// with for_each, and no task itself.
func IsItem(seq int) bool { return seq >= FirstItem }

// ItemName returns the name of an item's task run: per_file[2], per_file[eu].
func ItemName(task, key string) string { return task + "[" + key + "]" }

// ItemKey returns the key in the name of an item's task run; "" if the name is not
// that of an item of the task.
func ItemKey(task, name string) string {
	key, ok := strings.CutPrefix(name, task+"[")
	if !ok || !strings.HasSuffix(key, "]") {
		return ""
	}
	return strings.TrimSuffix(key, "]")
}

// FirstItemOf returns the place in a run of the first item of task i, which has
// for_each; the others follow it.
func (g *DAG) FirstItemOf(i int) int {
	place, _ := slices.BinarySearch(g.Fans, i)
	return FirstItem + place*ItemsMax
}

// Place returns the task to which the task run at place seq belongs, and which
// item of it that is; item is -1 for the task itself. ok is false if there is
// no such task.
func (g *DAG) Place(seq int) (task, item int, ok bool) {
	if seq < FirstItem {
		return seq, -1, seq >= 0 && seq < len(g.Definition.Tasks)
	}
	fan := (seq - FirstItem) / ItemsMax
	if fan >= len(g.Fans) {
		return 0, -1, false
	}
	return g.Fans[fan], (seq - FirstItem) % ItemsMax, true
}

// TaskAt returns the task of the task run at place seq, which there must be.
func (g *DAG) TaskAt(seq int) *Task {
	task, _, _ := g.Place(seq)
	return &g.Definition.Tasks[task]
}

// TaskAt is DAG.TaskAt for those who have no graph; nil if there is no such task.
func (d *Definition) TaskAt(seq int) *Task {
	if seq < FirstItem {
		if seq < 0 || seq >= len(d.Tasks) {
			return nil
		}
		return &d.Tasks[seq]
	}
	fan := (seq - FirstItem) / ItemsMax
	for i := range d.Tasks {
		if d.Tasks[i].ForEach == nil {
			continue
		}
		if fan == 0 {
			return &d.Tasks[i]
		}
		fan--
	}
	return nil
}

// eachTemplate visits the texts of the lists that may have ${{ }}, and the key.
func (f *ForEach) eachTemplate(visit visitTemplate) error {
	if err := eachTextOfJSON(&f.List, visit, "for_each"); err != nil {
		return err
	}
	for i := range f.Product {
		if err := eachTextOfJSON(&f.Product[i].List, visit, "for_each", f.Product[i].Name); err != nil {
			return err
		}
	}
	return eachText(&f.Key, visit, "key")
}

// Templates returns the templates of f, but not its key, which is another one for
// each item.
func (f *ForEach) Templates() []Template {
	var all []Template
	bare := ForEach{List: f.List, Product: f.Product}
	_ = bare.eachTemplate(func(t Template) (string, error) {
		if t.Text != "" {
			all = append(all, t)
		}
		return t.Text, nil // unchanged, so nothing is written
	})
	return all
}

// Render returns a copy of f with each of its templates, the key included, as
// render makes it.
func (f *ForEach) Render(render func(Template) (string, error)) (*ForEach, error) {
	rendered := *f
	rendered.Product = slices.Clone(f.Product)
	if err := rendered.eachTemplate(render); err != nil {
		return nil, err
	}
	return &rendered, nil
}

// Values returns the items that the lists make, each as compact JSON. render
// computes a template to JSON. The errors say which limit is passed, or what is
// no list.
func (f *ForEach) Values(render func(Template) (string, error)) ([]json.RawMessage, error) {
	bare := &ForEach{List: f.List, Product: f.Product}
	computed, err := bare.Render(func(t Template) (string, error) {
		if t.Text == "" {
			return "", nil
		}
		return render(t)
	})
	if err != nil {
		return nil, err
	}
	if f.Product == nil {
		return withinBytes(listOfJSON("for_each", computed.List))
	}
	lists, count := make([][]json.RawMessage, len(f.Product)), 1
	for i, named := range computed.Product {
		if lists[i], err = listOfJSON("for_each."+named.Name, named.List); err != nil {
			return nil, err
		}
		if count *= len(lists[i]); count > ItemsMax {
			return nil, Errorf(CodeInvalid, "for_each makes more than %d items: the product of its lists is too large", ItemsMax)
		}
	}
	return withinBytes(combinations(f.Product, lists, count), nil)
}

// combinations returns the product of the lists as objects.
func combinations(names []NamedList, lists [][]json.RawMessage, count int) []json.RawMessage {
	items := make([]json.RawMessage, 0, count)
	for n := range count {
		var object bytes.Buffer
		size := count
		for i, list := range lists {
			size /= len(list)
			object.WriteString(separator(i) + strconv.Quote(names[i].Name) + ":")
			object.Write(list[n/size%len(list)])
		}
		object.WriteByte('}')
		items = append(items, object.Bytes())
	}
	return items
}

func separator(i int) string {
	if i == 0 {
		return "{"
	}
	return ","
}

// listOfJSON returns the elements of a JSON array, each compact.
func listOfJSON(name string, document json.RawMessage) ([]json.RawMessage, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(document, &list); err != nil || list == nil {
		return nil, Errorf(CodeInvalid, "%s is %s, not a list", name, kindOfJSON(document))
	}
	if len(list) > ItemsMax {
		return nil, Errorf(CodeInvalid, "%s has %d items, but may have at most %d", name, len(list), ItemsMax)
	}
	for i := range list {
		var compact bytes.Buffer
		if err := json.Compact(&compact, list[i]); err != nil {
			return nil, fmt.Errorf("item %d of %s: %w", i, name, err)
		}
		list[i] = compact.Bytes()
	}
	return list, nil
}

// kindOfJSON names what a JSON document is.
func kindOfJSON(document json.RawMessage) string {
	switch text := bytes.TrimSpace(document); {
	case len(text) == 0 || bytes.Equal(text, []byte("null")):
		return "null"
	case text[0] == '"':
		return "text"
	case text[0] == '{':
		return "an object"
	case text[0] == 't' || text[0] == 'f':
		return "a boolean"
	default:
		return "a number"
	}
}

func withinBytes(items []json.RawMessage, err error) ([]json.RawMessage, error) {
	total := 0
	for _, item := range items {
		total += len(item)
	}
	if total > ItemBytesMax {
		return nil, Errorf(CodeInvalid, "the items of for_each have %d bytes together, but may have at most %d: hand over names of files instead of what is in them", total, ItemBytesMax)
	}
	return items, err
}

// CheckKeys reports a key that cannot name an item, or that two items share.
func CheckKeys(items []Item) error {
	seen := make(map[string]int, len(items))
	for _, item := range items {
		if item.Key == "" || len([]rune(item.Key)) > itemKeyMax || strings.ContainsFunc(item.Key, isControl) {
			return Errorf(CodeInvalid, "key of item %d is %s: it must have 1 to %d characters, none of them a control character", item.Index, show(item.Key), itemKeyMax)
		}
		if first, isTwice := seen[item.Key]; isTwice {
			return Errorf(CodeInvalid, "key gives %s for the items %d and %d: make it differ, such as with ${{ index }}", show(item.Key), first, item.Index)
		}
		seen[item.Key] = item.Index
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// FanOut is how far the items of a task run are.
type FanOut struct {
	Total     int // items
	Held      int // that max_parallel still holds back
	Success   int // that ended so
	Failed    int
	Skipped   int
	Cancelled int
}

// Ended returns how many items are over.
func (f FanOut) Ended() int { return f.Success + f.Failed + f.Skipped + f.Cancelled }

// end returns how a task run ends whose items are all over. Where a failure ends the
// run, that of an item came before the others were cancelled.
func (f FanOut) end(failFast bool) (to TaskStatus, reason string) {
	switch {
	case f.Cancelled > 0 && (!failFast || f.Failed == 0):
		return TaskCancelled, fmt.Sprintf("%d of %d items were cancelled", f.Cancelled, f.Total)
	case f.Failed > 0:
		return TaskFailed, fmt.Sprintf("%d of %d items failed", f.Failed, f.Total)
	case f.Skipped == f.Total:
		return TaskSkipped, "all items were skipped"
	default:
		return TaskSuccess, ""
	}
}

// Release returns how many more items may be queued.
func (f FanOut) Release(maxParallel int) int {
	open := f.Total - f.Held - f.Ended()
	if maxParallel == 0 {
		return f.Held
	}
	return max(0, min(f.Held, maxParallel-open))
}

// decideItems decides about a task run that waits for its items.
func decideItems(t *Task, n *Node, failFast bool) Change {
	c := Change{Seq: n.Seq, To: TaskWaiting, Generation: n.Generation, OfItems: true}
	if n.Fan.Ended() == n.Fan.Total {
		c.To, c.Reason = n.Fan.end(failFast)
		return c
	}
	c.Release = n.Fan.Release(t.ForEach.MaxParallel)
	return c
}

// fanOut decides about a task run whose items are known now.
func fanOut(t *Task, c Change, items []Item, err error) Change {
	switch {
	case err != nil:
		c.To, c.Reason = TaskFailed, fmt.Sprintf("for_each: %v", err)
	case len(items) == 0:
		c.To, c.Reason = TaskSuccess, "for_each has no items"
	default:
		c.To, c.Reason, c.Items = TaskWaiting, fmt.Sprintf("waits for its %d items", len(items)), items
		for _, item := range items {
			if item.Status == TaskPending {
				c.Release++
			}
		}
		if most := t.ForEach.MaxParallel; most > 0 {
			c.Release = min(c.Release, most)
		}
	}
	return c
}
