package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/secrets"
)

const (
	hookSecret = "correct horse"
	deployFile = `
name: deploy
triggers:
  webhook:
    secret: HOOK
    params: {branch: "${{ body.ref }}", event: "${{ headers['x-event'] }}", n: "${{ body.n }}", dry: "${{ query.dry }}", by: hook}
params:
  branch: {type: string, pattern: "refs/.*"}
  event: {type: string, default: none}
  n: {type: integer, default: 1}
  dry: {type: boolean, default: false}
  by: {type: string, default: hand}
tasks: {a: {noop: true}}
---
name: unset
triggers: {webhook: {secret: UNSET}}
tasks: {a: {noop: true}}
---
name: off
is_active: false
triggers: {webhook: {secret: HOOK}}
tasks: {a: {noop: true}}
---
name: plain
tasks: {a: {noop: true}}
`
)

// hookServer is a server in front of a store with the workflows of deployFile.
type hookServer struct {
	*testing.T
	url   string
	store miniairflow.Store
}

func newHookServer(t *testing.T) *hookServer {
	store := persistencetest.SQLite(t)
	definitions, problems := loader.Parse("deploy.yaml", []byte(deployFile), loader.Limits{})
	require.Empty(t, problems)
	_, err := store.SyncFiles(t.Context(), []miniairflow.FileSync{{Path: "deploy.yaml", Definitions: definitions}})
	require.NoError(t, err)
	s, err := New(Config{
		Addr: "127.0.0.1:0", Graph: http.NotFoundHandler(), UI: http.NotFoundHandler(), Token: "token", Logger: persistencetest.Logger(t),
		Ready: func(context.Context) error { return nil },
		Hooks: &miniairflow.Control{Store: store, Evaluator: expression.New()}, Secrets: secrets.Given{"HOOK": hookSecret},
	})
	require.NoError(t, err)
	h := httptest.NewServer(s.http.Handler)
	t.Cleanup(h.Close)
	return &hookServer{T: t, url: h.URL, store: store}
}

// send sends a request and returns the status of the answer with the label of the run and
// why it waits, or the message of the error.
func (s *hookServer) send(method, path, body string, headers ...string) (status int, said string) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(s, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(s, err)
	defer func() { require.NoError(s, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	require.NoError(s, err)
	require.Equal(s, "application/json", response.Header.Get("Content-Type"))
	var answer struct {
		Label, Hold string
		Errors      []struct{ Message string }
	}
	require.NoError(s, json.Unmarshal(text, &answer), string(text))
	if len(answer.Errors) > 0 {
		return response.StatusCode, answer.Errors[0].Message
	}
	if answer.Hold != "" {
		return response.StatusCode, answer.Label + ": " + answer.Hold
	}
	return response.StatusCode, answer.Label
}

func sign(secret, message string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(message))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

const refBody = `{"ref": "refs/heads/main", "n": 3}`

// A request of who knows the secret starts a run, with params from all of its parts.
func TestHookStartsRun(t *testing.T) {
	s := newHookServer(t)
	status, label := s.send("POST", "/hooks/deploy?dry=true", refBody, "Authorization", "Bearer "+hookSecret, "X-Event", "push", "Idempotency-Key", "one")
	require.Equal(t, http.StatusAccepted, status, label)
	require.Equal(t, "deploy#1", label)
	runs, err := s.store.FindRuns(t.Context(), miniairflow.RunFilter{})
	require.NoError(t, err)
	require.Len(t, runs, 1)
	require.Equal(t, map[string]any{"branch": "refs/heads/main", "event": "push", "n": int64(3), "dry": true, "by": "hook"}, runs[0].Params)
	require.Equal(t, miniairflow.Cause{Kind: miniairflow.CauseWebhook, Detail: "delivery one", By: "webhook"}, runs[0].Cause)

	_, label = s.send("POST", "/hooks/deploy", `{"ref": "refs/tags/v2"}`, "X-Miniairflow-Token", hookSecret, "X-Github-Delivery", "one")
	require.Equal(t, "deploy#1", label, "the same delivery")
	_, label = s.send("POST", "/hooks/deploy", `{"ref": "refs/tags/v2"}`, "X-Miniairflow-Token", hookSecret)
	require.Equal(t, "deploy#2", label)
	runs, err = s.store.FindRuns(t.Context(), miniairflow.RunFilter{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"branch": "refs/tags/v2", "event": "none", "n": int64(1), "dry": false, "by": "hook"}, runs[0].Params, "null is not given")
}

// A workflow that stands still gets its run, as by hand, and who calls is told why it waits.
func TestHookOfWorkflowThatStandsStill(t *testing.T) {
	s := newHookServer(t)
	right := []string{"Authorization", "Bearer " + hookSecret}
	_, said := s.send("POST", "/hooks/deploy", refBody, right...)
	require.Equal(t, "deploy#1", said)
	_, said = s.send("POST", "/hooks/off", "", right...)
	require.Equal(t, "off#1: its workflow is not active", said)
	deploy, err := s.store.FindWorkflowByName(t.Context(), "deploy")
	require.NoError(t, err)
	_, err = s.store.SetPaused(t.Context(), deploy.ID, true, miniairflow.Actor{Name: "test"})
	require.NoError(t, err)
	_, said = s.send("POST", "/hooks/deploy", refBody, append([]string{"Idempotency-Key", "one"}, right...)...)
	require.Equal(t, "deploy#2: its workflow is paused", said)
	runs, err := s.store.FindRuns(t.Context(), miniairflow.RunFilter{})
	require.NoError(t, err)
	require.Len(t, runs, 3)
	_, err = s.store.CancelRun(t.Context(), miniairflow.Cancel{RunID: runs[0].ID, By: miniairflow.Actor{Name: "test"}})
	require.NoError(t, err)
	_, said = s.send("POST", "/hooks/deploy", refBody, append([]string{"Idempotency-Key", "one"}, right...)...)
	require.Equal(t, "deploy#2", said, "it waits no more")
}

// What starts no run says why, and nothing to who does not know the secret.
func TestHookRefuses(t *testing.T) {
	s := newHookServer(t)
	right := []string{"Authorization", "Bearer " + hookSecret}
	const wrong = "the secret or the signature is missing or wrong"
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		said               string
	}{
		"no secret":         {"POST", "/hooks/deploy", refBody, nil, 401, wrong},
		"wrong secret":      {"POST", "/hooks/deploy", refBody, []string{"Authorization", "Bearer correct"}, 401, wrong},
		"the API's token":   {"POST", "/hooks/deploy", refBody, []string{"Authorization", "Bearer token"}, 401, wrong},
		"wrong, not JSON":   {"POST", "/hooks/deploy", "{", nil, 401, wrong},
		"no webhook":        {"POST", "/hooks/plain", refBody, right, 404, "no workflow has a webhook here"},
		"no workflow":       {"POST", "/hooks/nowhere", refBody, right, 404, "no workflow has a webhook here"},
		"no name":           {"POST", "/hooks/a%00b", refBody, right, 404, "no workflow has a webhook here"},
		"not set":           {"POST", "/hooks/unset", refBody, right, 503, "the webhook cannot tell who calls: its secret is not there"},
		"GET":               {"GET", "/hooks/deploy", "", right, 405, "send it with POST"},
		"too large":         {"POST", "/hooks/deploy", strings.Repeat(" ", hookBytesMax+1), right, 413, "the body is larger than 1048576 bytes"},
		"not JSON":          {"POST", "/hooks/deploy", "ref=main", right, 400, "the body is not JSON: invalid character 'r' looking for beginning of value"},
		"two values":        {"POST", "/hooks/deploy", "{} {}", right, 400, "the body is more than one JSON value"},
		"deep":              {"POST", "/hooks/deploy", strings.Repeat("[", 101) + strings.Repeat("]", 101), right, 400, "the body has more than 100 lists and objects within each other"},
		"param not given":   {"POST", "/hooks/deploy", `{"ref": null}`, right, 400, `param "branch" (string) has no default and was not given`},
		"param of a rule":   {"POST", "/hooks/deploy", `{"ref": "main"}`, right, 400, `param "branch": "main" does not match the pattern refs/.*`},
		"param of a type":   {"POST", "/hooks/deploy", `{"ref": "refs/a", "n": "x"}`, right, 400, `param "n": "x" is not an integer`},
		"param of a string": {"POST", "/hooks/deploy", `"text"`, right, 400, `param "branch": ${{ body.ref }}: `},
		"long key":          {"POST", "/hooks/deploy", refBody, append([]string{"Idempotency-Key", strings.Repeat("x", 300)}, right...), 400, "the idempotency key must be text of up to 255 bytes, without NUL"},
	} {
		status, said := s.send(c.method, c.path, c.body, c.headers...)
		require.Equal(t, c.status, status, "%s: %s", name, said)
		require.Contains(t, said, c.said, name)
	}
	count, err := s.store.CountRuns(t.Context(), miniairflow.RunFilter{}, 10)
	require.NoError(t, err)
	require.Zero(t, count)
}

// A signed request starts one run, however often and by whomever it is sent again.
func TestHookSignatures(t *testing.T) {
	s := newHookServer(t)
	at := func(ago time.Duration) string { return strconv.FormatInt(time.Now().Add(-ago).Unix(), 10) }
	now := at(0)
	signed := sign(hookSecret, now+"./hooks/deploy."+refBody)
	headers := func(timestamp, signature string, more ...string) []string {
		return append([]string{"X-Miniairflow-Timestamp", timestamp, "X-Miniairflow-Signature", signature}, more...)
	}
	for range 2 {
		status, label := s.send("POST", "/hooks/deploy", refBody, headers(now, signed)...)
		require.Equal(t, http.StatusAccepted, status, label)
		require.Equal(t, "deploy#1", label)
	}
	_, label := s.send("POST", "/hooks/deploy", refBody, headers(now, strings.ToUpper(signed))...)
	require.Equal(t, "deploy#1", label, "the same signature, written otherwise")
	_, label = s.send("POST", "/hooks/deploy", refBody, headers(now, sign(hookSecret, now+".k1./hooks/deploy."+refBody), "Idempotency-Key", "k1")...)
	require.Equal(t, "deploy#2", label)
	later := at(-time.Second)
	_, label = s.send("POST", "/hooks/deploy", refBody, headers(later, sign(hookSecret, later+".k1./hooks/deploy."+refBody), "Idempotency-Key", "k1")...)
	require.Equal(t, "deploy#2", label, "signed anew, with the same key")
	_, label = s.send("POST", "/hooks/deploy", refBody, "X-Hub-Signature-256", sign(hookSecret, refBody), "X-GitHub-Delivery", "a")
	require.Equal(t, "deploy#3", label)
	_, label = s.send("POST", "/hooks/deploy", refBody, "X-Hub-Signature-256", sign(hookSecret, refBody), "X-GitHub-Delivery", "b")
	require.Equal(t, "deploy#4", label, "the same body, of another event")
	_, label = s.send("POST", "/hooks/deploy", refBody, "X-Hub-Signature-256", sign(hookSecret, refBody), "X-GitHub-Delivery", "a")
	require.Equal(t, "deploy#3", label, "delivered again")
	runs, err := s.store.FindRuns(t.Context(), miniairflow.RunFilter{})
	require.NoError(t, err)
	var causes []string
	for _, run := range runs {
		causes = append(causes, run.Cause.String())
	}
	require.Equal(t, []string{"webhook delivery b", "webhook delivery a", "webhook delivery k1", "webhook"}, causes, "the newest first")

	old, early := at(6*time.Minute), at(-6*time.Minute)
	for name, h := range map[string][]string{
		"another body":      headers(now, sign(hookSecret, now+"./hooks/deploy.{}")),
		"another address":   headers(now, sign(hookSecret, now+"./hooks/other."+refBody)),
		"another query":     headers(now, sign(hookSecret, now+"./hooks/deploy?dry=true."+refBody)),
		"no address":        headers(now, sign(hookSecret, now+"."+refBody)),
		"another secret":    headers(now, sign("other", now+"./hooks/deploy."+refBody)),
		"another key":       headers(now, signed, "Idempotency-Key", "k2"),
		"old":               headers(old, sign(hookSecret, old+"./hooks/deploy."+refBody)),
		"of the future":     headers(early, sign(hookSecret, early+"./hooks/deploy."+refBody)),
		"no time":           headers("", sign(hookSecret, "./hooks/deploy."+refBody)),
		"another time":      headers(later, signed),
		"no digits":         headers(now, "sha256=zz"),
		"no scheme":         headers(now, strings.TrimPrefix(signed, "sha256=")),
		"GitHub, wrong":     {"X-Hub-Signature-256", sign("other", refBody)},
		"wrong, with token": headers(now, "sha256=00", "Authorization", "Bearer "+hookSecret),
	} {
		status, said := s.send("POST", "/hooks/deploy", refBody, h...)
		require.Equal(t, http.StatusUnauthorized, status, "%s: %s", name, said)
	}
}

// Of a signed request params read nothing that anybody could change on its way.
func TestHookSignatureHoldsForWhatParamsRead(t *testing.T) {
	s := newHookServer(t)
	now := strconv.FormatInt(time.Now().Unix(), 10)
	status, label := s.send("POST", "/hooks/deploy?dry=true", refBody, "X-Event", "evil", "X-Miniairflow-Timestamp", now,
		"X-Miniairflow-Signature", sign(hookSecret, now+"./hooks/deploy?dry=true."+refBody))
	require.Equal(t, http.StatusAccepted, status, label)
	status, said := s.send("POST", "/hooks/deploy?dry=true", refBody, "X-Hub-Signature-256", sign(hookSecret, refBody))
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, said, "GitHub's signature does not hold for the query")
	status, label = s.send("POST", "/hooks/deploy", refBody, "X-Event", "evil", "X-Hub-Signature-256", sign(hookSecret, refBody))
	require.Equal(t, http.StatusAccepted, status, label)
	runs, err := s.store.FindRuns(t.Context(), miniairflow.RunFilter{})
	require.NoError(t, err)
	require.Len(t, runs, 2)
	for i, dry := range []bool{false, true} { // the newest first
		require.Equal(t, map[string]any{"branch": "refs/heads/main", "event": "none", "n": int64(3), "dry": dry, "by": "hook"}, runs[i].Params)
	}
}

// unread is a body that nobody may look at.
type unread struct{ *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.Error("the body was read")
	return 0, io.EOF
}

// Nothing is read of who shows a wrong secret or what can be no signature, nor of a body
// that says it is too large.
func TestHookReadsNoBodyOfStrangers(t *testing.T) {
	t.Parallel()
	now, old := strconv.FormatInt(time.Now().Unix(), 10), strconv.FormatInt(time.Now().Add(-hookWindow-time.Minute).Unix(), 10)
	for name, c := range map[string]struct {
		headers []string
		length  int64
		status  int
	}{
		"wrong secret":         {[]string{"Authorization", "Bearer wrong"}, -1, http.StatusUnauthorized},
		"too large":            {[]string{"Authorization", "Bearer " + hookSecret}, hookBytesMax + 1, http.StatusRequestEntityTooLarge},
		"too large, signed":    {[]string{"X-Hub-Signature-256", sign(hookSecret, "")}, hookBytesMax + 1, http.StatusRequestEntityTooLarge},
		"no digits":            {[]string{"X-Hub-Signature-256", "sha256=zz"}, 10, http.StatusUnauthorized},
		"too few digits":       {[]string{"X-Hub-Signature-256", "sha256=00"}, 10, http.StatusUnauthorized},
		"another way":          {[]string{"X-Hub-Signature-256", "sha1=" + sign(hookSecret, "")[7:]}, 10, http.StatusUnauthorized},
		"too few, with a time": {[]string{"X-Miniairflow-Timestamp", now, "X-Miniairflow-Signature", "sha256=00"}, 10, http.StatusUnauthorized},
		"no time":              {[]string{"X-Miniairflow-Signature", sign(hookSecret, "")}, 10, http.StatusUnauthorized},
		"old":                  {[]string{"X-Miniairflow-Timestamp", old, "X-Miniairflow-Signature", sign(hookSecret, "")}, 10, http.StatusUnauthorized},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/deploy", unread{t})
		r.ContentLength = c.length
		for i := 0; i < len(c.headers); i += 2 {
			r.Header.Set(c.headers[i], c.headers[i+1])
		}
		w := httptest.NewRecorder()
		newHooks(oneHook{}, secrets.Given{"HOOK": hookSecret}, persistencetest.Logger(t)).ServeHTTP(w, r)
		require.Equal(t, c.status, w.Code, name)
	}
}

// oneHook has a webhook under every name.
type oneHook struct{ HookTarget }

func (oneHook) FindWebhook(context.Context, string) (*miniairflow.WebhookTrigger, error) {
	return &miniairflow.WebhookTrigger{Secret: "HOOK"}, nil
}

// A key may be as long as one of the API.
func TestHookTakesLongKeys(t *testing.T) {
	s := newHookServer(t)
	for range 2 {
		status, label := s.send("POST", "/hooks/deploy", refBody, "Authorization", "Bearer "+hookSecret, "Idempotency-Key", strings.Repeat("x", 255))
		require.Equal(t, http.StatusAccepted, status, label)
		require.Equal(t, "deploy#1", label)
	}
}

// Who knows the secret is let in up to a rate, of which the requests of strangers take
// nothing.
func TestHooksAreBounded(t *testing.T) {
	s := newHookServer(t)
	for range 4 * hooksAtOnce {
		status, _ := s.send("POST", "/hooks/nowhere", "")
		require.Equal(t, http.StatusNotFound, status)
		status, _ = s.send("POST", "/hooks/deploy", refBody, "X-Miniairflow-Token", "wrong")
		require.Equal(t, http.StatusUnauthorized, status)
		status, _ = s.send("POST", "/hooks/deploy", refBody, "X-Hub-Signature-256", sign("wrong", refBody))
		require.Equal(t, http.StatusUnauthorized, status)
	}
	status, said := s.send("POST", "/hooks/deploy", refBody, "X-Miniairflow-Token", hookSecret)
	require.Equal(t, http.StatusAccepted, status, said)
}

func TestHooksHaveARateOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := newHooks(nil, nil, nil)
	started := 0
	for range 100 * hooksAtOnce {
		if h.mayStart("deploy") {
			started++
		}
	}
	require.GreaterOrEqual(t, started, hooksAtOnce)
	require.Less(t, started, 100*hooksAtOnce)
	require.True(t, h.mayStart("report"))
}

// The signature that GitHub's own documentation shows is one here.
func TestHookSignatureOfGitHub(t *testing.T) {
	t.Parallel()
	header := http.Header{}
	header.Set("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
	id, err := identify(&url.URL{Path: "/hooks/deploy"}, header, []byte("Hello, World!"), "It's a Secret to Everybody")
	require.NoError(t, err)
	require.Equal(t, header.Get("X-Hub-Signature-256"), id)
}

// The example of the documentation is a signature here.
func TestHookSignatureOfDocumentation(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/triggers.md")
	require.NoError(t, err)
	const timestamp, body = "1767225600", `{"ref": "refs/heads/main"}`
	signature := sign(hookSecret, timestamp+"./hooks/deploy."+body)
	for _, part := range []string{"`" + hookSecret + "`", "`" + timestamp + "`", "`" + body + "`", "`" + signature + "`"} {
		require.Contains(t, string(page), part)
	}
	header := http.Header{}
	header.Set("X-Miniairflow-Timestamp", timestamp)
	header.Set("X-Miniairflow-Signature", signature)
	require.NoError(t, checkForm(header, hookSecret, time.Unix(1767225600, 0).Add(hookWindow)))
	_, err = identify(&url.URL{Path: "/hooks/deploy"}, header, []byte(body), hookSecret)
	require.NoError(t, err)
}
