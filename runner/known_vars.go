package runner

import (
	"context"
	"fmt"

	"github.com/sauravritesh63/miniairflow"
)

// knownVars are the variables that one pass over due schedules has read. Their
// plan may not use the store: what it misses it asks for, and is made again.
type knownVars struct {
	values map[string]any  // of those that there are
	asked  map[string]bool // all names; whether they were read
}

// has reports whether all names were read, and asks for those that were not.
func (k *knownVars) has(names []string) bool {
	isKnown := true
	for _, name := range names {
		if !k.asked[name] {
			if k.asked == nil {
				k.asked = map[string]bool{}
			}
			k.asked[name], isKnown = false, false
		}
	}
	return isKnown
}

// read reads what was asked for, and reports whether there was anything.
func (k *knownVars) read(ctx context.Context, store miniairflow.VarStore) (isNew bool, err error) {
	var names []string
	for name, isRead := range k.asked {
		if !isRead {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return false, nil
	}
	values, err := store.ReadVars(ctx, names)
	if err != nil {
		return false, fmt.Errorf("read %d variables: %w", len(names), err)
	}
	if k.values == nil {
		k.values = values
	} else {
		for name, value := range values {
			k.values[name] = value
		}
	}
	for _, name := range names {
		k.asked[name] = true
	}
	return true, nil
}
