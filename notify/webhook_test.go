package notify_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/notify"
)

// failed is a notification about a run.
func failed() *miniairflow.Notification {
	return &miniairflow.Notification{
		ID: uuid.MustParse("0193a000-0000-7000-8000-000000000001"), WorkflowName: "daily-etl", RunNumber: 142, Event: miniairflow.NotifyFailure,
		NotificationFacts: miniairflow.NotificationFacts{Status: "failed", Reason: "task load <1> failed & ended"}, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

func message(n *miniairflow.Notification, own, page string) *notify.Message {
	run := &miniairflow.WorkflowRun{ID: uuid.MustParse("0193a000-0000-7000-8000-000000000000"), WorkflowName: n.WorkflowName, Number: n.RunNumber, Type: miniairflow.RunScheduled, LogicalDate: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}
	m := notify.Compose(n, run, own, page)
	return &m
}

// taken is a request as a receiver got it.
type taken struct {
	header http.Header
	body   []byte
}

// receiver is a server that answers with a status and notes what it is asked.
func receiver(t *testing.T, status int, header map[string]string) (url string, requests *[]taken) {
	requests = &[]taken{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			status = http.StatusInternalServerError
		}
		*requests = append(*requests, taken{r.Header, body})
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "no\n  such hook")
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

func newSender(t *testing.T, cfg notify.Config) *notify.Sender {
	s := notify.NewSender(cfg)
	t.Cleanup(s.Close)
	return s
}

func TestWords(t *testing.T) {
	n := failed()
	require.Equal(t, "daily-etl#142 failed", message(n, "", "").Subject)
	require.Equal(t, "daily-etl#142 failed: task load <1> failed & ended\nhttps://a.example.org/ui/workflows/daily-etl/runs/142", message(n, "", "https://a.example.org/").Text)
	require.Equal(t, "own", message(n, "own", "https://a.example.org/").Text)
	n.OfTasks, n.Count, n.NotificationFacts = true, 1, miniairflow.NotificationFacts{Tasks: []miniairflow.ToldOfTask{{Name: "load", Status: "failed", Attempt: 3, Reason: "exit code 1"}}}
	require.Equal(t, "daily-etl#142: task load failed (attempt 3): exit code 1", message(n, "", "").Text)
	n.Count, n.Event = 500, miniairflow.NotifyRetry
	require.Equal(t, "daily-etl#142: 500 tasks are tried again\n- load (attempt 3): exit code 1\n- and 499 more", message(n, "", "").Text)
	n.Event = miniairflow.NotifyCancel
	require.Equal(t, "daily-etl#142: 500 tasks were cancelled", message(n, "", "").Subject)
}

// A receiver can tell from the signature who has sent a request, by the rule of
// docs/notifications.md.
func TestGenericWebhook(t *testing.T) {
	url, requests := receiver(t, http.StatusAccepted, nil)
	n := failed()
	n.Reason = "task load failed"
	m := message(n, "", "")
	m.Webhook = &notify.Hook{URL: url, Headers: map[string]string{"Authorization": "Bearer x"}, Key: "geheim"}
	require.NoError(t, newSender(t, notify.Config{AllowPrivate: true}).Send(t.Context(), m))
	require.Len(t, *requests, 1)
	got := (*requests)[0]
	require.Equal(t, m.ID.String(), got.header.Get("X-Miniairflow-Notification-Id"))
	require.Equal(t, "Bearer x", got.header.Get("Authorization"))
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	seconds, err := strconv.ParseInt(got.header.Get("X-Miniairflow-Timestamp"), 10, 64)
	require.NoError(t, err)
	require.InDelta(t, time.Now().Unix(), seconds, 600)
	mac := hmac.New(sha256.New, []byte("geheim"))
	mac.Write([]byte(got.header.Get("X-Miniairflow-Timestamp") + "." + string(got.body)))
	require.Equal(t, "sha256="+hex.EncodeToString(mac.Sum(nil)), got.header.Get("X-Miniairflow-Signature"))
	require.JSONEq(t, documented(t), string(got.body))
}

// documented returns the body that the documentation shows.
func documented(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/notifications.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "```json\n")
	require.True(t, found)
	block, _, _ := strings.Cut(rest, "```")
	return block
}

func TestChatWebhooks(t *testing.T) {
	url, requests := receiver(t, http.StatusOK, nil)
	s := newSender(t, notify.Config{AllowPrivate: true})
	send := func(own string, format miniairflow.WebhookFormat) string {
		m := message(failed(), own, "")
		m.Webhook = &notify.Hook{URL: url, Format: format}
		require.NoError(t, s.Send(t.Context(), m))
		last := (*requests)[len(*requests)-1]
		require.Empty(t, last.header.Get("X-Miniairflow-Signature"))
		return string(last.body)
	}
	require.JSONEq(t, `{"text": "daily-etl#142 failed: task load &lt;1&gt; failed &amp; ended"}`, send("", miniairflow.FormatSlack))
	require.JSONEq(t, `{"text": "<!here> see"}`, send("<!here> see", miniairflow.FormatSlack))
	var card struct {
		Type        string
		Attachments []struct {
			ContentType string
			Content     struct {
				Type string
				Body []struct{ Type, Text string }
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(send("two\nlines", miniairflow.FormatTeams)), &card))
	require.Equal(t, "message", card.Type)
	require.Equal(t, "application/vnd.microsoft.card.adaptive", card.Attachments[0].ContentType)
	require.Equal(t, "AdaptiveCard", card.Attachments[0].Content.Type)
	require.Equal(t, []struct{ Type, Text string }{{"TextBlock", "two"}, {"TextBlock", "lines"}}, card.Attachments[0].Content.Body)
}

// What is not taken says why, without the URL, and when to come again.
func TestWebhookThatTakesNothing(t *testing.T) {
	s := newSender(t, notify.Config{AllowPrivate: true})
	send := func(url string) error {
		m := message(failed(), "", "")
		m.Webhook = &notify.Hook{URL: url}
		return s.Send(t.Context(), m)
	}
	busy, _ := receiver(t, http.StatusTooManyRequests, map[string]string{"Retry-After": "90"})
	err := send(busy + "/T000/secret")
	require.EqualError(t, err, "the answer is status 429: no such hook")
	refused := (*notify.Refused)(nil)
	require.ErrorAs(t, err, &refused)
	require.Equal(t, 90*time.Second, refused.Wish)

	m := message(failed(), "", "")
	m.Webhook = &notify.Hook{URL: busy, IsMuted: true}
	require.EqualError(t, s.Send(t.Context(), m), "the answer is status 429")

	target, requests := receiver(t, http.StatusOK, nil)
	moved, _ := receiver(t, http.StatusFound, map[string]string{"Location": target})
	require.ErrorContains(t, send(moved), "status 302: redirections are not followed")
	require.Empty(t, *requests)

	gone := httptest.NewServer(nil)
	gone.Close()
	err = send(gone.URL + "/T000/secret")
	require.ErrorContains(t, err, "connection refused")
	require.NotContains(t, err.Error(), "T000")
	m.Webhook = &notify.Hook{URL: target, Headers: map[string]string{"X": "a\r\nB: c"}}
	require.ErrorContains(t, s.Send(t.Context(), m), "header X: ")
	require.Empty(t, *requests)
}

// A workflow file must not make the server talk to its own network, whatever name or
// form of address it has for that.
func TestPrivateWebhooksAreRefused(t *testing.T) {
	url, requests := receiver(t, http.StatusOK, nil)
	s := newSender(t, notify.Config{})
	port := url[strings.LastIndex(url, ":"):]
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::1]", "[::]", "169.254.169.254"} {
		m := message(failed(), "", "")
		m.Webhook = &notify.Hook{URL: "http://" + host + port}
		require.ErrorContains(t, s.Send(t.Context(), m), "only with --allow-private-webhooks", host)
	}
	require.Empty(t, *requests)
}
