package miniairflow

import (
	"net/mail"
	"strconv"
	"strings"
)

// Limits of who is told of one event.
const (
	RecipientsMax       = 10
	EmailAddressesMax   = 20
	NotificationTextMax = 8 << 10 // bytes of a template
)

// notices checks who is told. at leads to the map that holds the keys.
func (v *validator) notices(at []string, notices Notices) {
	for _, event := range NotificationEvents {
		recipients := notices[event]
		key := sub(at, event.Key())
		if len(recipients) > RecipientsMax {
			v.add(key, "%s has %d recipients, but may have at most %d", event.Key(), len(recipients), RecipientsMax)
		}
		for i := range recipients {
			v.recipient(sub(key, strconv.Itoa(i)), &recipients[i])
		}
	}
}

func (v *validator) recipient(at []string, r *Recipient) {
	switch {
	case r.Webhook == nil && r.Email == nil:
		v.add(at, "nobody is told: write webhook: {url: \"https://…\"} or email: {to: [somebody@example.org]}")
	case r.Webhook != nil && r.Email != nil:
		v.add(at, "one entry tells one: write webhook and email as two entries of the list")
	case r.Webhook != nil:
		v.recipientWebhook(sub(at, "webhook"), r.Webhook)
	default:
		v.email(sub(at, "email"), r.Email)
	}
	if len(r.Text) > NotificationTextMax {
		v.add(sub(at, "text"), "text has %d bytes, but may have at most %d", len(r.Text), NotificationTextMax)
	}
	v.noNUL(sub(at, "text"), r.Text)
}

func (v *validator) recipientWebhook(at []string, w *Webhook) {
	literal, _, templated := strings.Cut(w.URL, "${{")
	switch {
	case w.URL == "":
		v.add(at, "the webhook has no url: write url: https://…")
	case !templated:
		if _, err := ParseURL(w.URL); err != nil {
			v.add(sub(at, "url"), "%v", err)
		}
	case !startsAlike(literal, "http://") && !startsAlike(literal, "https://"):
		v.add(sub(at, "url"), "url %s must begin with https:// or http://", show(w.URL))
	}
	if w.Format != "" {
		oneOf(v, sub(at, "format"), w.Format, WebhookFormats)
	}
	if w.Secret != "" && !identifier.MatchString(w.Secret) {
		v.add(sub(at, "secret"), "secret name %s is not valid: up to 128 letters, digits and _, not starting with a digit", show(w.Secret))
	}
	(&HTTP{Headers: w.Headers}).validateHeaders(v, sub(at, "headers"))
}

func (v *validator) email(at []string, e *Email) {
	switch {
	case len(e.To) == 0:
		v.add(at, "the email goes to nobody: write to: [somebody@example.org]")
	case len(e.To) > EmailAddressesMax:
		v.add(sub(at, "to"), "the email has %d addresses, but may have at most %d", len(e.To), EmailAddressesMax)
	}
	for i, address := range e.To {
		if strings.Contains(address, "${{") {
			v.add(sub(at, "to", strconv.Itoa(i)), "${{ }} is not allowed in an address")
			continue
		}
		parsed, err := mail.ParseAddress(address)
		if err != nil || parsed.Address != address {
			v.add(sub(at, "to", strconv.Itoa(i)), "%s is not an address: write somebody@example.org", show(address))
		}
	}
}
