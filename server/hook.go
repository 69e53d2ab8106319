package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/sauravritesh63/miniairflow"
)

// hooksPath is where requests to webhooks come in. No token opens it: each webhook has
// a secret of its own.
const hooksPath = "/hooks/"

// Bounds of webhooks.
const (
	hookBytesMax = 1 << 20 // of a body
	hookDepthMax = 100     // of lists and objects within each other
	hooksPerTime = 50      // requests a second of one webhook, by who knows its secret
	hooksAtOnce  = 100     // of them that come at one time
	hookTimeout  = 10 * time.Second
	faultsAtOnce = 10 // errors that the log tells at one time: anybody may cause them
	faultsEvery  = 10 * time.Second
)

// HookTarget starts runs for requests; miniairflow.Control is one.
type HookTarget interface {
	FindWebhook(ctx context.Context, workflow string) (*miniairflow.WebhookTrigger, error)
	Deliver(ctx context.Context, d miniairflow.Delivery) (run *miniairflow.WorkflowRun, hold string, err error)
}

// hooks answers requests to webhooks. Only who knows the secret of a webhook counts in
// its rate: strangers take nothing from it.
type hooks struct {
	target  HookTarget
	secrets miniairflow.SecretSource
	logger  *slog.Logger
	places  *places
	faults  *rate.Limiter

	mu    sync.Mutex
	rates map[string]*rate.Limiter // by workflow
}

func newHooks(target HookTarget, secrets miniairflow.SecretSource, logger *slog.Logger) *hooks {
	return &hooks{
		target: target, secrets: secrets, logger: logger, places: newPlaces(),
		faults: rate.NewLimiter(rate.Every(faultsEvery), faultsAtOnce), rates: map[string]*rate.Limiter{},
	}
}

// mayStart reports whether one more run of a workflow is within its rate.
func (h *hooks) mayStart(workflow string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rates[workflow] == nil {
		h.rates[workflow] = rate.NewLimiter(hooksPerTime, hooksAtOnce)
	}
	return h.rates[workflow].Allow()
}

// ServeHTTP starts a run for a request of who knows the secret.
func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		writeError(w, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "send it with POST")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), hookTimeout)
	defer cancel()
	started, err := h.start(ctx, newHookBody(w, r), r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusAccepted, started)
}

// hookStarted is the answer to a request that has started a run.
type hookStarted struct {
	ID     string `json:"id"`
	Number int64  `json:"number"`
	Label  string `json:"label"`
	Hold   string `json:"hold,omitempty"` // why the run does not start now
}

// start reads and checks the request and starts its run. Nothing of the body is looked
// at before it is known to come from somebody who knows the secret.
func (h *hooks) start(ctx context.Context, body *hookBody, r *http.Request) (*hookStarted, error) {
	workflow := strings.TrimPrefix(r.URL.Path, hooksPath)
	hook, err := h.target.FindWebhook(ctx, workflow)
	if err != nil {
		return nil, err
	}
	if r.ContentLength > hookBytesMax {
		return nil, &http.MaxBytesError{Limit: hookBytesMax}
	}
	secret, err := h.reveal(ctx, hook.Secret)
	if err != nil {
		return nil, err
	}
	id, text, err := h.readIdentified(ctx, body, r, secret)
	if err != nil {
		return nil, err
	}
	if !h.mayStart(workflow) {
		message := fmt.Sprintf("a webhook takes up to %d requests a second: try again", hooksPerTime)
		return nil, &hookError{status: http.StatusTooManyRequests, code: "TOO_MANY_REQUESTS", mayRepeat: true, message: message}
	}
	event := miniairflow.EventScope{Headers: shownHeaders(r.Header), Query: map[string]any{}}
	if event.Body, err = decodeHook(text); err != nil {
		return nil, err
	}
	for name, list := range r.URL.Query() {
		event.Query[name] = list[0]
	}
	name := r.Header.Get(keyHeader)
	if name == "" {
		name = r.Header.Get(deliveryHeader)
	}
	run, hold, err := h.target.Deliver(ctx, miniairflow.Delivery{Workflow: workflow, ID: id, Name: name, Event: event})
	if err != nil {
		return nil, err
	}
	return &hookStarted{ID: run.ID.String(), Number: run.Number, Label: run.Label(), Hold: hold}, nil
}

// reveal returns the value of a webhook's secret. Where it has none that can be read, the
// operator has to mend that, and sending again does not help.
func (h *hooks) reveal(ctx context.Context, name string) (string, error) {
	values, err := h.secrets.Reveal(ctx, []string{name})
	if err == nil {
		return values[name], nil
	}
	if ctx.Err() != nil || isAway(err) {
		return "", err
	}
	message := "the webhook cannot tell who calls: its secret cannot be read, the server's log says why"
	if errors.Is(err, miniairflow.ErrNotFound) {
		message = "the webhook cannot tell who calls: its secret is not there"
	}
	return "", &hookError{status: http.StatusServiceUnavailable, code: miniairflow.CodeUnavailable, message: message, cause: err}
}

// readIdentified reads the body of a request of who knows the secret, and returns what it
// is known by. Who shows a wrong secret, or none, has nothing read. Of who shows a
// signature the body is needed to check it.
func (h *hooks) readIdentified(ctx context.Context, body *hookBody, r *http.Request, secret string) (id string, text []byte, err error) {
	if err := checkForm(r.Header, secret, time.Now()); err != nil {
		return "", nil, err
	}
	if !isSigned(r.Header) {
		if id, err = identify(r.URL, r.Header, nil, secret); err != nil {
			return "", nil, err
		}
		text, err = body.read()
		return id, text, err
	}
	if text, err = body.readOfStranger(ctx, h.places, r.RemoteAddr); err != nil {
		return "", nil, err
	}
	id, err = identify(r.URL, r.Header, text, secret)
	return id, text, err
}

// decodeHook reads a body; an empty one is null.
func decodeHook(body []byte) (any, error) {
	invalid := func(format string, args ...any) error {
		return miniairflow.Errorf(miniairflow.CodeInvalid, format, args...)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	if depthOf(body) > hookDepthMax {
		return nil, invalid("the body has more than %d lists and objects within each other", hookDepthMax)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, invalid("the body is not JSON: %v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, invalid("the body is more than one JSON value")
	}
	return value, nil
}

// depthOf returns how deep lists and objects of a JSON text lie within each other.
func depthOf(text []byte) int {
	depth, deepest, isText, isEscaped := 0, 0, false, false
	for _, b := range text {
		switch {
		case isEscaped:
			isEscaped = false
		case isText:
			isText, isEscaped = b != '"', b == '\\'
		case b == '"':
			isText = true
		case b == '{' || b == '[':
			depth++
			deepest = max(deepest, depth)
		case b == '}' || b == ']':
			depth--
		}
	}
	return deepest
}

// hookError is an answer that no code of the domain stands for.
type hookError struct {
	status        int
	code, message string
	mayRepeat     bool  // the same request may be sent again soon
	cause         error // for the log
}

func (e *hookError) Error() string { return e.message }

// refuse answers a request that starts no run. What only operators may know goes to the
// log, and what the sender has to mend to its details.
func (h *hooks) refuse(w http.ResponseWriter, r *http.Request, err error) {
	answer := answerTo(r.Context(), err)
	if answer.cause != nil {
		level := slog.LevelDebug
		if answer.status >= http.StatusInternalServerError && h.faults.Allow() {
			level = slog.LevelError
		}
		h.logger.Log(r.Context(), level, "Webhook cannot answer", "path", r.URL.Path, "error", answer.cause)
	}
	if answer.mayRepeat {
		w.Header().Set("Retry-After", "1")
	}
	writeError(w, answer.status, answer.code, answer.message)
}

// answerTo returns the answer that an error stands for. Of a request that nobody waits
// for any more, as its context tells, errors are its sender's doing.
func answerTo(request context.Context, err error) *hookError {
	var answer *hookError
	var tooLarge *http.MaxBytesError
	switch code := miniairflow.ErrorCode(err); {
	case errors.As(err, &answer):
		return answer
	case errors.As(err, &tooLarge):
		return &hookError{status: http.StatusRequestEntityTooLarge, code: miniairflow.CodeInvalid, message: fmt.Sprintf("the body is larger than %d bytes", hookBytesMax)}
	case code == miniairflow.CodeNotFound:
		return &hookError{status: http.StatusNotFound, code: code, message: miniairflow.ErrorMessage(err)}
	case code == miniairflow.CodeInvalid:
		return &hookError{status: http.StatusBadRequest, code: code, message: miniairflow.ErrorMessage(err)}
	case code == miniairflow.CodeConflict:
		return &hookError{status: http.StatusConflict, code: code, message: miniairflow.ErrorMessage(err)}
	case request.Err() != nil:
		return &hookError{status: http.StatusBadRequest, code: miniairflow.CodeInvalid, message: "the connection has ended", cause: err}
	case isAway(err):
		return &hookError{status: http.StatusServiceUnavailable, code: miniairflow.CodeUnavailable, mayRepeat: true, message: "the database does not answer: try again", cause: err}
	default:
		return &hookError{status: http.StatusInternalServerError, code: miniairflow.CodeInternal, message: "internal error", cause: err}
	}
}

// isAway reports whether an error says that the database does not answer now.
func isAway(err error) bool {
	return miniairflow.ErrorCode(err) == miniairflow.CodeUnavailable || errors.Is(err, context.DeadlineExceeded)
}
