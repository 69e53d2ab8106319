package artifacts_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/artifacts"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// attempt plays the next attempt of the only task of a run, which leaves one file
// with the given text, and ends so.
func attempt(t *testing.T, store miniairflow.Store, depot artifacts.Depot, session uuid.UUID, name, text string, next miniairflow.TaskStatus) miniairflow.Claim {
	t.Helper()
	exchange := miniairflow.Exchange{SessionID: session, Queues: []string{miniairflow.QueueDefault}, Limit: 1, Token: uuid.New()}
	result, err := store.Exchange(t.Context(), exchange)
	require.NoError(t, err)
	require.Len(t, result.Claims, 1)
	claim := result.Claims[0]
	upload(t, depot, miniairflow.AttemptKey{RunID: claim.RunID, Seq: claim.Seq, Attempt: claim.Attempt}, name, []byte(text))
	if next != "" {
		finish := miniairflow.Finish{RunID: claim.RunID, Seq: claim.Seq, Token: claim.Token, Attempt: miniairflow.AttemptSuccess, Next: next}
		if next == miniairflow.TaskUpForRetry {
			finish.Attempt = miniairflow.AttemptFailed
		}
		_, err = store.Exchange(t.Context(), miniairflow.Exchange{SessionID: session, Finishes: []miniairflow.Finish{finish}, Token: uuid.New()})
		require.NoError(t, err)
	}
	return claim
}

func session(t *testing.T, store miniairflow.Store) uuid.UUID {
	t.Helper()
	w := miniairflow.Worker{ID: uuid.New(), Name: uuid.NewString(), Queues: []string{miniairflow.QueueDefault}, Concurrency: 1, Status: miniairflow.WorkerActive}
	require.NoError(t, store.StartSession(t.Context(), w, time.Hour))
	return w.ID
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   string
}

// get asks for a path, with a header in pairs.
func get(t *testing.T, url string, header ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{status: response.StatusCode, header: response.Header, body: string(body)}
}

func TestHandler(t *testing.T) {
	onDepots(t, func(t *testing.T, store miniairflow.Store, depot artifacts.Depot) {
		const name = "out/größe & \"x\" #1?.csv"
		text := strings.Repeat("0123456789", 100_000)
		d := persistencetest.Define("etl", persistencetest.Task("build"))
		d.Tasks[0].Noop, d.Tasks[0].Command = false, &miniairflow.Command{Script: "true", Shell: "bash"}
		run := persistencetest.MustTrigger(t, store, persistencetest.MustSync(t, store, d))
		_, err := store.StartRuns(t.Context(), 1)
		require.NoError(t, err)
		server := httptest.NewServer(artifacts.NewHandler(store, depot, slog.New(slog.DiscardHandler)))
		defer server.Close()
		address := server.URL + artifacts.URL(run.ID, "build", name)

		own := session(t, store)
		attempt(t, store, depot, own, name, "of an attempt that failed", miniairflow.TaskUpForRetry)
		got := get(t, address)
		require.Equal(t, http.StatusNotFound, got.status, "a failed attempt shows nothing")
		_, _, err = store.PromoteRetries(t.Context(), 1)
		require.NoError(t, err)
		attempt(t, store, depot, own, name, text, "")
		got = get(t, address)
		require.Equal(t, http.StatusNotFound, got.status, "nor does one that runs")
		require.NoError(t, store.EndSession(t.Context(), own, miniairflow.EndStopped))
		_, err = store.Reap(t.Context(), 1)
		require.NoError(t, err)
		got = get(t, address)
		require.Equal(t, http.StatusNotFound, got.status, "nor one that was lost")
		attempt(t, store, depot, session(t, store), name, text, miniairflow.TaskSuccess)

		got = get(t, address)
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Equal(t, text, got.body)
		require.Equal(t, "application/octet-stream", got.header.Get("Content-Type"))
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		require.Contains(t, got.header.Get("Content-Disposition"), "attachment; filename*=utf-8''")
		got = get(t, address, "Range", "bytes=999990-")
		require.Equal(t, http.StatusPartialContent, got.status)
		require.Equal(t, "0123456789", got.body)
		got = get(t, address, "If-None-Match", got.header.Get("ETag"))
		require.Equal(t, http.StatusNotModified, got.status)
		got = get(t, address+"?attempt=3")
		require.Equal(t, http.StatusOK, got.status)

		for _, path := range []string{
			address + "?attempt=1", address + "?attempt=2", address + "?attempt=-1", address + "?attempt=x",
			server.URL + "/artifacts/" + run.ID.String() + "/build/", server.URL + "/artifacts/" + run.ID.String() + "/nobody/x",
			server.URL + "/artifacts/" + uuid.NewString() + "/build/x", server.URL + "/artifacts/x/build/x",
			server.URL + "/artifacts/" + run.ID.String() + "/build/%2e%2e/%2e%2e/x", server.URL + "/artifacts/" + run.ID.String() + "/build/a%00b",
			server.URL + "/artifacts/" + run.ID.String() + "/build/%2fetc%2fpasswd", server.URL + "/artifacts/" + run.ID.String() + "/build/%ff",
		} {
			got = get(t, path)
			require.Equal(t, http.StatusNotFound, got.status, path)
			var problem struct {
				Errors []struct{ Extensions struct{ Code string } }
			}
			require.NoError(t, json.Unmarshal([]byte(got.body), &problem), got.body)
			require.Equal(t, miniairflow.CodeNotFound, problem.Errors[0].Extensions.Code)
		}
	})
}

// A process that does not know the folder says what to do.
func TestHandlerWithoutTheFolder(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		depot, err := artifacts.InFolder(t.Context(), t.TempDir(), store)
		require.NoError(t, err)
		d := persistencetest.Define("etl", persistencetest.Task("build"))
		d.Tasks[0].Noop, d.Tasks[0].Command = false, &miniairflow.Command{Script: "true", Shell: "bash"}
		run := persistencetest.MustTrigger(t, store, persistencetest.MustSync(t, store, d))
		_, err = store.StartRuns(t.Context(), 1)
		require.NoError(t, err)
		attempt(t, store, depot, session(t, store), "x", "text", miniairflow.TaskSuccess)
		other, err := artifacts.InFolder(t.Context(), t.TempDir(), store)
		require.NoError(t, err)
		for what, c := range map[string]struct {
			depot artifacts.Depot
			want  string
		}{
			"none":    {artifacts.InStore(store), "--artifacts-dir"},
			"another": {other, "on storage that they share"},
		} {
			server := httptest.NewServer(artifacts.NewHandler(store, c.depot, slog.New(slog.DiscardHandler)))
			got := get(t, server.URL+fmt.Sprintf("/artifacts/%s/build/x", run.ID))
			require.Equal(t, http.StatusConflict, got.status, what)
			require.Contains(t, got.body, c.want)
			server.Close()
		}
	})
}
