package runner

import (
	"fmt"
	"strconv"

	"github.com/sauravritesh63/miniairflow"
)

// itemsOf computes the items of a task, their keys, and for which of them its
// `when` holds. An error means that none of them can be made.
func itemsOf(eval miniairflow.Evaluator, t *miniairflow.Task, scope miniairflow.Scope) ([]miniairflow.Item, error) {
	values, err := t.ForEach.Values(func(template miniairflow.Template) (string, error) {
		return eval.JSON(template.Text, scope)
	})
	if err != nil {
		return nil, err
	}
	isAsked := t.When != "" && eval.ReadsItem(t.When)
	items := make([]miniairflow.Item, len(values))
	for i, value := range values {
		items[i] = miniairflow.Item{Index: i, Key: strconv.Itoa(i), Value: value, Status: miniairflow.TaskPending}
		if t.ForEach.Key == "" && !isAsked {
			continue
		}
		if err := decideItem(eval, t, scope, isAsked, &items[i]); err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
	}
	if err := miniairflow.CheckKeys(items); err != nil || len(t.Artifacts) == 0 {
		return items, err
	}
	return items, miniairflow.CheckItemFolders(items)
}

// decideItem computes the key of an item, and whether it runs.
func decideItem(eval miniairflow.Evaluator, t *miniairflow.Task, scope miniairflow.Scope, isAsked bool, item *miniairflow.Item) (err error) {
	if scope.Item, err = itemScope(item.Value, item.Index); err != nil {
		return err
	}
	if t.ForEach.Key != "" {
		if item.Key, err = eval.Text(t.ForEach.Key, scope); err != nil {
			return fmt.Errorf("key: %w", err)
		}
	}
	if !isAsked {
		return nil
	}
	switch ok, err := eval.Bool(t.When, scope); {
	case err != nil:
		item.Status, item.Reason = miniairflow.TaskFailed, printable(fmt.Sprintf("when: %v", err))
	case !ok:
		item.Status, item.Reason = miniairflow.TaskSkipped, "when is false: "+t.When
	}
	return nil
}
