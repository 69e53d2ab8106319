package miniairflow

import (
	"context"
	"fmt"
	"slices"
)

// NamedValue is a variable or a secret that a workflow names. Without it the tasks
// that name it fail.
type NamedValue struct {
	Name  string
	IsSet bool
}

// VarNames returns the variables that the templates of d read, sorted.
func (d *Definition) VarNames(eval Evaluator) []string {
	names := VarsOfDefaults(eval, d.Params)
	for _, group := range d.ScheduleGroups() {
		names = append(names, VarsOfDefaults(eval, d.ParamsOf(group))...)
	}
	for _, params := range d.triggerParams() {
		for _, value := range params {
			if text, ok := value.(string); ok {
				names = append(names, eval.Vars(text)...)
			}
		}
	}
	d.eachTemplate(func(text string) { names = append(names, eval.Vars(text)...) })
	slices.Sort(names)
	return slices.Compact(names)
}

// triggerParams returns the values that triggers give.
func (d *Definition) triggerParams() []map[string]any {
	var params []map[string]any
	if hook := d.Webhook(); hook != nil {
		params = append(params, hook.Params)
	}
	if file := d.File(); file != nil {
		params = append(params, file.Params)
	}
	return params
}

// SecretNames returns the secrets that tasks and notifications of d are handed, and that
// of its webhook, sorted.
func (d *Definition) SecretNames(eval Evaluator) []string {
	var names []string
	if hook := d.Webhook(); hook != nil {
		names = append(names, hook.Secret)
	}
	for i := range d.Tasks {
		names = append(names, d.Tasks[i].SecretNames()...)
	}
	d.eachRecipient(func(r *Recipient) {
		if r.Webhook != nil && r.Webhook.Secret != "" {
			names = append(names, r.Webhook.Secret)
		}
	})
	d.eachTemplate(func(text string) { names = append(names, eval.Secrets(text)...) })
	slices.Sort(names)
	return slices.Compact(names)
}

// eachRecipient visits who is told of anything.
func (d *Definition) eachRecipient(visit func(r *Recipient)) {
	each := func(notices Notices) {
		for _, recipients := range notices {
			for i := range recipients {
				visit(&recipients[i])
			}
		}
	}
	each(d.Notify)
	for i := range d.Tasks {
		each(d.Tasks[i].Notify)
	}
}

// eachTemplate visits what may read shared values, but for the defaults of params.
func (d *Definition) eachTemplate(visit func(text string)) {
	for _, text := range d.Env {
		visit(text)
	}
	d.eachRecipient(func(r *Recipient) {
		for _, template := range r.Templates() {
			visit(template.Text)
		}
	})
	for i := range d.Tasks {
		t := &d.Tasks[i]
		visit(t.When)
		for _, template := range t.Templates() {
			visit(template.Text)
		}
		if t.ForEach == nil {
			continue
		}
		visit(t.ForEach.Key)
		for _, template := range t.ForEach.Templates() {
			visit(template.Text)
		}
	}
}

// NamedVars returns the variables that a workflow reads, by name, and which of them
// there are now.
func (c *Control) NamedVars(ctx context.Context, d *Definition) ([]*NamedValue, error) {
	names := d.VarNames(c.Evaluator)
	if len(names) == 0 {
		return []*NamedValue{}, nil
	}
	known, err := c.Store.KnownVars(ctx, names)
	if err != nil {
		return nil, fmt.Errorf("find %d variables: %w", len(names), err)
	}
	return namedValues(names, known), nil
}

// NamedSecrets is NamedVars for the secrets that tasks of a workflow are handed.
func (c *Control) NamedSecrets(ctx context.Context, d *Definition) ([]*NamedValue, error) {
	names := d.SecretNames(c.Evaluator)
	if len(names) == 0 {
		return []*NamedValue{}, nil
	}
	secrets, err := c.Store.FindSecrets(ctx)
	if err != nil {
		return nil, fmt.Errorf("find secrets: %w", err)
	}
	known := make([]string, len(secrets))
	for i, s := range secrets {
		known[i] = s.Name
	}
	return namedValues(names, known), nil
}

// namedValues marks those of the names that are known. Both are sorted.
func namedValues(names, known []string) []*NamedValue {
	values := make([]*NamedValue, len(names))
	for i, name := range names {
		_, isSet := slices.BinarySearch(known, name)
		values[i] = &NamedValue{Name: name, IsSet: isSet}
	}
	return values
}
