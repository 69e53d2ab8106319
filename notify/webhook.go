package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// The headers of a request to a webhook.
const (
	HeaderID        = "X-Miniairflow-Notification-Id"
	HeaderTimestamp = "X-Miniairflow-Timestamp"
	HeaderSignature = "X-Miniairflow-Signature"
)

// answerMax bounds what is read of an answer, and answerShown what is shown of it.
const (
	answerMax   = 4 << 10
	answerShown = 200
)

// Refused is the error of a receiver that has not taken a message.
type Refused struct {
	Reason string
	Wish   time.Duration // after which it wants to be asked again; 0: it does not say
}

// Error implements error.
func (r *Refused) Error() string { return r.Reason }

// newClient returns a client that follows nobody: where a message goes is what the
// workflow file says.
func newClient(allowPrivate bool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            newDialer(allowPrivate).DialContext,
			TLSHandshakeTimeout:    dialTimeout,
			ResponseHeaderTimeout:  SendTimeout,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post sends a message to its webhook.
func (s *Sender) post(ctx context.Context, m *Message) error {
	body, err := m.body()
	if err != nil {
		return err
	}
	target, err := miniairflow.ParseURL(m.Webhook.URL)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(body))
	if err != nil {
		return errors.New("the request cannot be made") // the cause may show the URL
	}
	for name, value := range m.Webhook.Headers {
		if err := miniairflow.CheckHeader(value); err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
		request.Header.Set(name, value)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "miniairflow")
	request.Header.Set(HeaderID, m.ID.String())
	now := strconv.FormatInt(s.now().Unix(), 10)
	request.Header.Set(HeaderTimestamp, now)
	if m.Webhook.Key != "" {
		request.Header.Set(HeaderSignature, Sign(m.Webhook.Key, now, body))
	}
	response, err := s.client.Do(request)
	if err != nil {
		return withoutURL(err)
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, answerMax)) // it is shown, as far as it has come
	if m.Webhook.IsMuted {
		answer = nil // receivers say in many forms what they were asked for
	}
	return judge(response, string(answer), s.now())
}

// judge returns nil for an answer that says that the message was taken.
func judge(response *http.Response, answer string, now time.Time) error {
	status := response.StatusCode
	switch {
	case status >= 200 && status < 300:
		return nil
	case status >= 300 && status < 400:
		return &Refused{Reason: fmt.Sprintf("the answer is status %d: redirections are not followed, write the address to which it leads", status)}
	}
	reason := fmt.Sprintf("the answer is status %d", status)
	if text := oneLine(answer); text != "" {
		reason += ": " + text
	}
	return &Refused{Reason: reason, Wish: retryAfter(response.Header.Get("Retry-After"), now)}
}

// retryAfter reads the header of that name: seconds, or a time.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, int(24*time.Hour/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// oneLine returns the beginning of a text, as one line.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "�")), " ")
	if runes := []rune(text); len(runes) > answerShown {
		text = string(runes[:answerShown]) + "…"
	}
	return text
}

// withoutURL returns an error of the client without the URL, which is often as good as
// a password.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// Sign returns the signature of a body that is sent at a time, in seconds since 1970:
// "sha256=" and the HMAC-SHA256 of the time, a dot and the body, in hex.
func Sign(key, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// body returns what the webhook gets.
func (m *Message) body() ([]byte, error) {
	switch m.Webhook.Format {
	case miniairflow.FormatSlack:
		return json.Marshal(map[string]any{"text": m.slackText()})
	case miniairflow.FormatTeams:
		return json.Marshal(m.teamsCard())
	default:
		return json.Marshal(m.Facts)
	}
}

// slackText returns the text as Slack takes it: what is not the file's own must mean
// nothing to it.
func (m *Message) slackText() string {
	if m.IsOwn {
		return m.Text
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(m.Text)
}

// teamsCard returns the text as an Adaptive Card, which the workflows of Teams take.
func (m *Message) teamsCard() map[string]any {
	type block = map[string]any
	lines := []block{}
	for line := range strings.Lines(m.Text) {
		lines = append(lines, block{"type": "TextBlock", "text": strings.TrimSuffix(line, "\n"), "wrap": true, "spacing": "Small"})
	}
	card := block{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": lines,
	}
	return block{
		"type":        "message",
		"attachments": []block{{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}},
	}
}
