package reference

import "github.com/sauravritesh63/miniairflow"

// taskItems are the keys that make a task run more than once.
func taskItems() []Key {
	list := either("", Type{schema: map[string]any{"type": "array", "maxItems": miniairflow.ItemsMax}}, template(""))
	return []Key{
		{
			Name: "for_each", Absent: "it runs once", Reads: readsUpstream,
			Type: either("list, one `${{ … }}` of a list, or map of names to these", list, notEmpty(mapOf("", miniairflow.IdentifierPattern(), list))),
			Text: "The items that it runs for, one task run each: `per_file[0]`, `per_file[1]` …. A map of lists stands for their product, of which an item is an object. " +
				"The task itself waits until all of them have ended: it fails if one of them failed, is a success without items, and skipped if all of them were skipped. " +
				"Its outputs are lists in the order of the items, with null for an item that was no success. With `when` that reads `item` each item is asked. " +
				"A task gets its item as `${{ item }}`, and in `MINIAIRFLOW_ITEM` and `MINIAIRFLOW_ITEM_INDEX`. At most 10,000 items, of 4 MiB together; not with `approval`.",
			Sample: "[eu, us]",
			Example: "tasks:\n  regions:\n    for_each: [eu, us]\n    command: [echo, \"${{ item }}\"]\n" +
				"  builds:\n    for_each: {os: [linux, darwin], go: [\"1.26\", \"1.27\"]}\n" +
				"    when: \"${{ item.os == 'linux' || item.go == '1.27' }}\"\n    command: [echo, \"${{ item.os }} ${{ item.go }}\"]\n",
		},
		{
			Name: "key", Absent: "the item's number", Type: text(), Reads: readsUpstream + ", and `item` and `index`",
			Text:    "Names an item in place of its number: `regions[eu]`. No two items may have the same.",
			Sample:  `"${{ item }}"`,
			Example: "tasks:\n  regions:\n    for_each: [eu, us]\n    key: \"${{ item }}\"\n    command: [echo, \"${{ item }}\"]\n",
		},
		{
			Name: "max_parallel", Absent: "as many as `max_active_tasks` allows", Type: integer(1, miniairflow.ItemsMax),
			Text:    "How many of its items are queued or running at a time.",
			Sample:  "2",
			Example: "tasks:\n  files:\n    for_each: [a, b, c, d]\n    max_parallel: 2\n    command: [echo, \"${{ item }}\"]\n",
		},
	}
}
