package artifacts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// Prefix begins the paths of all artifacts.
const Prefix = "/artifacts/"

// URL returns the path under which a Handler has an artifact.
func URL(runID uuid.UUID, task, name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return Prefix + runID.String() + "/" + url.PathEscape(task) + "/" + strings.Join(parts, "/")
}

// Handler answers GET /artifacts/{run id}/{task}/{name…} with the bytes of an
// artifact, or with a part of them: of the last attempt that has succeeded, or with
// ?attempt=N of that one. It leaves it to others to decide who may ask.
type Handler struct {
	store  miniairflow.Store
	depot  Depot
	logger *slog.Logger
	mux    *http.ServeMux
}

// NewHandler returns a Handler.
func NewHandler(store miniairflow.Store, depot Depot, logger *slog.Logger) *Handler {
	h := &Handler{store: store, depot: depot, logger: logger, mux: http.NewServeMux()}
	h.mux.HandleFunc("GET "+Prefix+"{run}/{task}/{name...}", h.serve)
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	key, a, err := h.find(r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	content := Open(r.Context(), h.depot, key, a)
	// What cannot be read at all is told while there is still a status to tell it by.
	if _, err := content.Read(make([]byte, 1)); err != nil && !errors.Is(err, io.EOF) {
		h.refuse(w, r, err)
		return
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		h.refuse(w, r, err)
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // it is the request's, and the answer may take longer
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(a.Name)}))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
	header.Set("Cache-Control", "private, no-cache")
	header.Set("ETag", `"`+a.SHA256+`"`)
	http.ServeContent(w, r, "", time.Time{}, content)
}

// find returns the artifact that a request names, and its attempt.
func (h *Handler) find(r *http.Request) (key miniairflow.AttemptKey, a *miniairflow.Artifact, err error) {
	ctx := r.Context()
	if key.RunID, err = uuid.Parse(r.PathValue("run")); err != nil {
		return key, nil, miniairflow.Errorf(miniairflow.CodeNotFound, "there is no run %q", r.PathValue("run"))
	}
	task, err := h.taskRun(ctx, key.RunID, r.PathValue("task"))
	if err != nil {
		return key, nil, err
	}
	key.Seq = task.Seq
	if key.Attempt, err = h.attempt(ctx, key.RunID, task, r.URL.Query().Get("attempt")); err != nil {
		return key, nil, err
	}
	name := r.PathValue("name")
	if miniairflow.CheckArtifactName(name) == nil { // what cannot be a name no database is asked for
		a, err = h.store.FindArtifact(ctx, key, name)
	} else {
		err = miniairflow.ErrNotFound
	}
	if errors.Is(err, miniairflow.ErrNotFound) {
		err = miniairflow.Errorf(miniairflow.CodeNotFound, "task %q of that run has no artifact %q", r.PathValue("task"), name)
	}
	return key, a, err
}

// taskRun returns the task run of that name: of a task, or of an item.
func (h *Handler) taskRun(ctx context.Context, runID uuid.UUID, name string) (task miniairflow.ItemRun, err error) {
	run, err := h.store.FindRun(ctx, runID)
	if errors.Is(err, miniairflow.ErrNotFound) {
		return task, miniairflow.Errorf(miniairflow.CodeNotFound, "there is no run %s", runID)
	}
	if err != nil {
		return task, fmt.Errorf("find run: %w", err)
	}
	dag, err := h.store.FindDAG(ctx, run.VersionID)
	if err != nil {
		return task, fmt.Errorf("find version: %w", err)
	}
	base, _, isItem := strings.Cut(name, "[") // which no name of a task has
	seq := slices.IndexFunc(dag.Definition.Tasks, func(t miniairflow.Task) bool { return t.Name == base })
	if seq < 0 {
		return task, miniairflow.Errorf(miniairflow.CodeNotFound, "that run has no task %q", base)
	}
	if !isItem {
		return miniairflow.ItemRun{Seq: seq, Name: name}, nil
	}
	return h.item(ctx, runID, seq, name)
}

// itemsPage is how many items are looked through at a time.
const itemsPage = 1000

func (h *Handler) item(ctx context.Context, runID uuid.UUID, seq int, name string) (item miniairflow.ItemRun, err error) {
	for after := 0; ; {
		items, err := h.store.FindItems(ctx, runID, seq, after, itemsPage)
		if err != nil {
			return item, fmt.Errorf("find items: %w", err)
		}
		for _, item = range items {
			if item.Name == name {
				return item, nil
			}
		}
		if len(items) < itemsPage {
			return item, miniairflow.Errorf(miniairflow.CodeNotFound, "that run has no item %q", name)
		}
		after = item.Seq
	}
}

// attempt returns the attempt that is asked for. Only one that has succeeded has
// artifacts.
func (h *Handler) attempt(ctx context.Context, runID uuid.UUID, task miniairflow.ItemRun, asked string) (int, error) {
	key := miniairflow.TaskRunKey{RunID: runID, Seq: task.Seq}
	attempts, err := h.store.FindAttempts(ctx, []miniairflow.TaskRunKey{key})
	if err != nil {
		return 0, fmt.Errorf("find attempts: %w", err)
	}
	if asked == "" {
		return miniairflow.ArtifactAttempt(task.Seq, task.Status, attempts[key]), nil
	}
	number, err := strconv.Atoi(asked)
	isSuccess := func(a *miniairflow.TaskAttempt) bool {
		return a.Number == number && a.Status == miniairflow.AttemptSuccess
	}
	if err != nil || !slices.ContainsFunc(attempts[key], isSuccess) {
		return 0, miniairflow.Errorf(miniairflow.CodeNotFound, "there is no successful attempt %q", asked)
	}
	return number, nil
}

// statuses are the answers to errors that are no fault of ours.
var statuses = map[string]int{
	miniairflow.CodeNotFound: http.StatusNotFound, miniairflow.CodeConflict: http.StatusConflict, miniairflow.CodeUnavailable: http.StatusServiceUnavailable,
}

// refuse answers with an error, in the form of GraphQL, which clients of the API can read.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	code := miniairflow.ErrorCode(err)
	status, ok := statuses[code]
	if !ok {
		status = http.StatusInternalServerError
		h.logger.ErrorContext(r.Context(), "Artifacts: Request failed", "path", r.URL.Path, "error", err)
	}
	problem := map[string]any{"message": miniairflow.ErrorMessage(err), "extensions": map[string]string{"code": code}}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{problem}}) // a client that went away needs no answer
}
