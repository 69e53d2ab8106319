package miniairflow_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// asJSON stands for an evaluator: what stands between ${{ and }} is JSON already.
func asJSON(t miniairflow.Template) (string, error) {
	return strings.TrimSuffix(strings.TrimPrefix(t.Text, "${{"), "}}"), nil
}

func TestForEachValues(t *testing.T) {
	list := func(text string) json.RawMessage { return json.RawMessage(text) }
	long := "[" + strings.Repeat("1,", miniairflow.ItemsMax) + "1]"
	big := fmt.Sprintf("[%q]", strings.Repeat("x", miniairflow.ItemBytesMax))
	product := func(lists ...string) miniairflow.ForEach {
		f := miniairflow.ForEach{Product: []miniairflow.NamedList{}}
		for i, l := range lists {
			f.Product = append(f.Product, miniairflow.NamedList{Name: string(rune('a' + i)), List: list(l)})
		}
		return f
	}
	for name, c := range map[string]struct {
		f     miniairflow.ForEach
		want  string // the items as they follow each other
		wrong string
	}{
		"List":       {f: miniairflow.ForEach{List: list(`[1, "x", {"a": [1, 2]}, null]`)}, want: `1 "x" {"a":[1,2]} null`},
		"Empty":      {f: miniairflow.ForEach{List: list(`[]`)}},
		"Expression": {f: miniairflow.ForEach{List: list(`"${{[true,2]}}"`)}, want: `true 2`},
		"Inside":     {f: miniairflow.ForEach{List: list(`["a", "${{[7]}}"]`)}, want: `"a" [7]`},
		"Product":    {f: product(`[1,2]`, `["x","y"]`), want: `{"a":1,"b":"x"} {"a":1,"b":"y"} {"a":2,"b":"x"} {"a":2,"b":"y"}`},
		"OfNothing":  {f: product(`[1,2]`, `[]`)},
		"Text":       {f: miniairflow.ForEach{List: list(`"${{\"abc\"}}"`)}, wrong: "for_each is text, not a list"},
		"Null":       {f: miniairflow.ForEach{List: list(`"${{null}}"`)}, wrong: "for_each is null, not a list"},
		"Object":     {f: product(`[1]`, `"${{{}}}"`), wrong: "for_each.b is an object, not a list"},
		"TooMany":    {f: miniairflow.ForEach{List: list(long)}, wrong: "has 10001 items, but may have at most 10000"},
		"TooLarge":   {f: miniairflow.ForEach{List: list(big)}, wrong: "bytes together"},
		"Explosion":  {f: product(long[:2001]+"1]", long[:2001]+"1]"), wrong: "more than 10000 items"},
	} {
		t.Run(name, func(t *testing.T) {
			values, err := c.f.Values(asJSON)
			if c.wrong != "" {
				require.ErrorContains(t, err, c.wrong)
				return
			}
			require.NoError(t, err)
			texts := make([]string, len(values))
			for i, value := range values {
				texts[i] = string(value)
			}
			require.Equal(t, c.want, strings.Join(texts, " "))
		})
	}
}

func TestCheckKeys(t *testing.T) {
	items := func(keys ...string) []miniairflow.Item {
		all := make([]miniairflow.Item, len(keys))
		for i, key := range keys {
			all[i] = miniairflow.Item{Index: i, Key: key}
		}
		return all
	}
	require.NoError(t, miniairflow.CheckKeys(items("a", "b", "c d é", "]")))
	require.ErrorContains(t, miniairflow.CheckKeys(items("a", "b", "a")), `key gives "a" for the items 0 and 2`)
	for _, key := range []string{"", "a\nb", "\x00", strings.Repeat("x", 129)} {
		require.ErrorContains(t, miniairflow.CheckKeys(items("a", key)), "key of item 1")
	}
}

// Places of items and of their tasks lead to each other, and none of them is used twice.
func TestPlacesOfItems(t *testing.T) {
	d := &miniairflow.Definition{}
	for i := range 5 {
		task := miniairflow.Task{Name: fmt.Sprintf("t%d", i)}
		if i%2 == 1 {
			task.ForEach = &miniairflow.ForEach{List: json.RawMessage(`[1]`)}
		}
		d.Tasks = append(d.Tasks, task)
	}
	g, err := miniairflow.NewDAG(d)
	require.NoError(t, err)
	seen := map[int]bool{}
	for _, i := range []int{1, 3} {
		for _, item := range []int{0, 1, miniairflow.ItemsMax - 1} {
			seq := g.FirstItemOf(i) + item
			require.True(t, miniairflow.IsItem(seq))
			require.False(t, seen[seq])
			seen[seq] = true
			task, got, ok := g.Place(seq)
			require.True(t, ok)
			require.Equal(t, [2]int{i, item}, [2]int{task, got})
			require.Equal(t, d.Tasks[i].Name, d.TaskAt(seq).Name)
			require.Equal(t, d.Tasks[i].Name, g.TaskAt(seq).Name)
		}
	}
	_, _, ok := g.Place(miniairflow.FirstItem + 2*miniairflow.ItemsMax)
	require.False(t, ok, "there are two tasks with items only")
	require.Nil(t, d.TaskAt(miniairflow.FirstItem+2*miniairflow.ItemsMax))
	require.Nil(t, d.TaskAt(5))
	task, item, ok := g.Place(4)
	require.Equal(t, [3]any{4, -1, true}, [3]any{task, item, ok})
	require.Less(t, miniairflow.FirstItem+miniairflow.ItemTasksMax*miniairflow.ItemsMax, miniairflow.MaxSeq, "every item has an id")
	require.Greater(t, miniairflow.FirstItem, miniairflow.TasksMax, "no task is taken for an item")
}
