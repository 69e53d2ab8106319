package miniairflow

import (
	"encoding/json"
	"strconv"
)

// forEach checks what can be known of the items of t before a run.
func (v *validator) forEach(at []string, t *Task) {
	f := t.ForEach
	if f == nil {
		return
	}
	if f.List == nil && f.Product == nil {
		if f.Key != "" {
			v.add(sub(at, "key"), "task %q has a key, but no for_each: key names the items of for_each", t.Name)
		}
		if f.MaxParallel != 0 {
			v.add(sub(at, "max_parallel"), "task %q has max_parallel, but no for_each: it bounds the items of for_each", t.Name)
		}
		return
	}
	if v.fans++; v.fans == ItemTasksMax+1 {
		v.add(sub(at, "for_each"), "the workflow has more than %d tasks with for_each", ItemTasksMax)
	}
	if f.MaxParallel < 0 || f.MaxParallel > ItemsMax {
		v.add(sub(at, "max_parallel"), "max_parallel is %d, but must be 1 to %d", f.MaxParallel, ItemsMax)
	}
	if t.Approval != nil {
		v.add(sub(at, "for_each"), "task %q asks for an approval, which for_each cannot repeat: ask once, and let the tasks after it have for_each", t.Name)
	}
	count := v.items(sub(at, "for_each"), f.List)
	if f.Product != nil && len(f.Product) == 0 {
		v.add(sub(at, "for_each"), "for_each has no list: name one, such as {os: [linux, darwin]}")
	}
	for _, named := range f.Product {
		place := sub(at, "for_each", named.Name)
		if !identifier.MatchString(named.Name) {
			v.addOfKey(place, "list name %s is not valid: letters, digits and _, not starting with a digit", show(named.Name))
		}
		count = max(count, 1) * max(v.items(place, named.List), 1)
		if count > ItemsMax {
			v.add(sub(at, "for_each"), "for_each makes more than %d items: the product of its lists is too large", ItemsMax)
			return
		}
	}
}

// items returns how many items a list has that is written out; 0 if it is not.
func (v *validator) items(at []string, document json.RawMessage) int {
	var list []json.RawMessage
	if json.Unmarshal(document, &list) != nil {
		return 0
	}
	if len(list) > ItemsMax {
		v.add(at, "%s has %d items, but may have at most %d", at[len(at)-1], len(list), ItemsMax)
	}
	for i, item := range list {
		if string(item) == "null" {
			v.add(sub(at, strconv.Itoa(i)), "item %d has no value: write one, or leave it out", i)
		}
	}
	return len(list)
}
