package loader

import (
	"maps"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

// noticeFields are the keys that say who is told of what.
func noticeFields[T any](target func(*T) *miniairflow.Notices) fields[T] {
	table := fields[T]{}
	for _, event := range miniairflow.NotificationEvents {
		table[event.Key()] = func(v value, t *T) { v.notices(event, target(t)) }
	}
	return table
}

var recipientFields = fields[miniairflow.Recipient]{
	"webhook": func(v value, r *miniairflow.Recipient) { r.Webhook = v.recipientWebhook() },
	"email":   func(v value, r *miniairflow.Recipient) { r.Email = v.email() },
	"text":    textField(func(r *miniairflow.Recipient) *string { return &r.Text }),
}

var recipientWebhookFields = fields[miniairflow.Webhook]{
	"url":     textField(func(w *miniairflow.Webhook) *string { return &w.URL }),
	"format":  func(v value, w *miniairflow.Webhook) { w.Format = v.webhookFormat() },
	"secret":  textField(func(w *miniairflow.Webhook) *string { return &w.Secret }),
	"headers": func(v value, w *miniairflow.Webhook) { w.Headers = v.environment(nil) },
}

var emailFields = fields[miniairflow.Email]{
	"to": func(v value, e *miniairflow.Email) {
		e.To = v.texts("an address or a list of them: write [somebody@example.org]")
	},
}

// notices reads who is told of an event: a list, or one entry without it. It takes the
// place of what defaults say, and an empty list takes that back.
func (v value) notices(event miniairflow.NotificationEvent, notices *miniairflow.Notices) {
	own := maps.Clone(*notices) // that of defaults belongs to others as well
	if own == nil {
		own = miniairflow.Notices{}
	}
	delete(own, event)
	if recipients := v.recipients(); len(recipients) > 0 {
		own[event] = recipients
	}
	*notices = own
	if len(own) == 0 {
		*notices = nil
	}
}

func (v value) recipients() []miniairflow.Recipient {
	items := []value{v}
	switch v.node.Kind {
	case yaml.MappingNode:
		items[0].path = append(slices.Clip(v.path), "0")
		v.doc.positions[joined(items[0].path)] = v.at
	case yaml.SequenceNode:
		items = v.items("")
	default:
		v.mismatch("a list: write [{email: {to: somebody@example.org}}]")
		return nil
	}
	recipients := make([]miniairflow.Recipient, len(items))
	for i, item := range items {
		entries, _ := item.entries("one of webhook and email, such as {email: {to: somebody@example.org}}")
		recipientFields.read(entries, v.label(), &recipients[i])
	}
	return recipients
}

// recipientWebhook reads a webhook, or just its URL.
func (v value) recipientWebhook() *miniairflow.Webhook {
	w := &miniairflow.Webhook{}
	if v.node.Kind == yaml.ScalarNode && !v.isNull() {
		v.doc.positions[joined(append(v.path, "url"))] = v.at
		w.URL, _ = v.text()
		return w
	}
	entries, _ := v.entries("its url, such as {url: \"https://example.org/hook\"}")
	recipientWebhookFields.read(entries, "webhook", w)
	return w
}

// webhookFormat reads a format. The usual one is no word in the canonical form.
func (v value) webhookFormat() miniairflow.WebhookFormat {
	text, _ := v.text()
	if miniairflow.WebhookFormat(text) == miniairflow.FormatGeneric {
		return ""
	}
	return miniairflow.WebhookFormat(text)
}

// email reads whom a letter goes to, or just the addresses.
func (v value) email() *miniairflow.Email {
	e := &miniairflow.Email{}
	if v.node.Kind != yaml.MappingNode {
		for i, item := range v.items("the address, such as {to: somebody@example.org}") {
			text, _ := item.text()
			e.To = append(e.To, text)
			v.doc.positions[joined(append(slices.Clip(v.path), "to", strconv.Itoa(i)))] = item.at
		}
		return e
	}
	entries, _ := v.entries("the address, such as {to: somebody@example.org}")
	emailFields.read(entries, "email", e)
	return e
}

// isOfNotices reports whether a path leads to who is told about a run.
func isOfNotices(path []string) bool {
	return len(path) > 0 && slices.ContainsFunc(miniairflow.NotificationEvents, func(e miniairflow.NotificationEvent) bool { return e.Key() == path[0] })
}
