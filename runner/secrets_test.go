package runner_test

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph"
	"github.com/sauravritesh63/miniairflow/logs"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/secrets"
)

// keySecrets lets a system keep and open secrets.
func (s *system) keySecrets() {
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	vault := secrets.NewVault(key, "", false)
	s.control.Vault, s.secrets = vault, secrets.Stored{Store: s.store, Vault: vault}
}

// plant sets so many secrets of mixed kinds and returns them by name.
func (s *system) plant(r *rand.Rand, n int) map[string]string {
	planted := map[string]string{}
	for i := range n {
		core := fmt.Sprintf("%08x%08x", r.Uint32(), r.Uint32())
		value := []string{
			core, core + " with spaces ", `q"` + core + `'\n$HOME`, "geheimnis-" + core + "-żółw", "-----BEGIN KEY-----\n" + core + "\n" + core[8:] + core + "\n-----END KEY-----",
			fmt.Sprint(1e15 + r.Float64()*1e15)[:2] + fmt.Sprint(r.Uint64()), "a&b=" + core + "/+?", strings.Repeat(core, 400),
		}[i%8]
		name := fmt.Sprintf("SECRET_%d", i)
		_, err := s.control.SetSecret(s.t.Context(), name, value, miniairflow.Actor{Name: "test"})
		require.NoError(s.t, err)
		planted[name] = value
	}
	return planted
}

// leaky is what tasks do with the secret SECRET: everything that shows it.
const leaky = `set +e
printf '%s\n' "$SECRET"; printf '%s\n' "$SECRET" >&2
for part in "${SECRET:0:3}" "${SECRET:3}"; do printf %s "$part"; env true; done; echo
printf %s "$SECRET" | base64 -w 0; echo; printf %s "$SECRET" | od -An -v -tx1 | tr -d ' \n'; echo
printf '%s\n' "$SECRET" | cat -; echo "before $SECRET after $SECRET"
`

// planting is a workflow that uses one secret in every way.
func planting(name, secret, url string) string {
	text := fmt.Sprintf(`
name: %[1]s
tasks:
  says: {secrets: {SECRET: %[2]s}, command: %[4]s}
  fails: {secrets: {SECRET: %[2]s}, command: 'echo "$SECRET" >&2; exit 1', allow_failure: true}
  hands_on: {secrets: {SECRET: %[2]s}, outputs: {o: string}, command: 'printf "o<<END\n%%s\nEND\n" "$SECRET" >> "$MINIAIRFLOW_OUTPUT"'}
  prints: {secrets: {SECRET: %[2]s}, outputs: {all: {type: string, from: stdout}}, command: 'printf %%s "$SECRET"'}
  reads: {stdin: "${{ secrets.%[2]s }}", command: [cat]}
  gets_it_twice: {secrets: {SECRET: %[2]s}, stdin: "${{ secrets.%[2]s }}", command: '[ "$(cat; echo .)" = "$SECRET." ]'}
  env: {env: {OTHER: "${{ secrets.%[2]s }}"}, command: 'echo "$OTHER"'}
  asks:
    http: {url: %[3]s, method: POST, body: "${{ secrets.%[2]s }}"}
    outputs: {echo: {type: string, from: body}}
  is_refused:
    http: {url: %[3]s/refuse, method: POST, body: "${{ secrets.%[2]s }}"}
    allow_failure: true
  looks:
    wait: {command: 'echo "$SECRET"; [ -e "$MINIAIRFLOW_RUN_DIR/seen" ] || { touch "$MINIAIRFLOW_RUN_DIR/seen"; exit 1; }', interval: 1s}
    secrets: {SECRET: %[2]s}
  after:
    depends_on: [hands_on, asks, prints]
    command: [echo, "${{ tasks.hands_on.outputs.o }}", "${{ tasks.asks.outputs.echo }}", "${{ tasks.prints.outputs.all }}"]
`, name, secret, url, asYAML(leaky))
	return text
}

func asYAML(text string) string {
	data, _ := json.Marshal(text)
	return string(data)
}

// echo answers with the body of each request, as an error if it is told to, and
// keeps it.
type echo struct{ received sync.Map }

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	e.received.Store(string(body), true)
	if strings.HasSuffix(r.URL.Path, "/refuse") {
		w.WriteHeader(http.StatusTeapot)
	}
	_, _ = w.Write(body)
}

// Twenty secrets that tasks use in every way arrive there, and appear in no log, no
// answer of the API and no column of the database.
func TestSecretsStaySecret(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	other := &echo{}
	server := httptest.NewServer(other)
	t.Cleanup(server.Close)
	sqliteURL := persistencetest.SQLiteURL(t)
	path, _ := strings.CutPrefix(sqliteURL, "sqlite://")
	for name, c := range map[string]struct {
		url  func(*testing.T) string
		read func(t *testing.T, url string) string
	}{
		"sqlite": {func(*testing.T) string { return sqliteURL }, func(t *testing.T, _ string) string {
			text := ""
			files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.db"))
			require.NoError(t, err)
			require.NotEmpty(t, files)
			for _, file := range files {
				text += columns(t, "sqlite", "file:"+file, `SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'`)
			}
			return text
		}},
		"postgres": {func(t *testing.T) string { return persistencetest.PostgresURL(t) }, func(t *testing.T, url string) string {
			return columns(t, "pgx", url, `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			url := c.url(t)
			s := newSystem(t, persistencetest.Open(t, url))
			s.keySecrets()
			planted := s.plant(rand.New(rand.NewPCG(seed, 0)), 20)
			files := map[string]string{}
			for name := range planted {
				files[strings.ToLower(name)+".yaml"] = planting(strings.ToLower(name), name, server.URL)
			}
			s.load(files)
			s.scheduler()
			s.worker("w1")
			var runs []uuid.UUID
			for name := range planted {
				runs = append(runs, s.trigger(strings.ToLower(name), nil))
			}
			seen := map[string]string{}
			for _, id := range runs {
				run := s.finish(id)
				require.Equal(t, miniairflow.RunSuccess, run.Status, "%s: %s", run.Label(), run.Reason)
				seen["logs of "+run.Label()] = s.logs(t, id)
			}
			for name, value := range planted {
				_, arrived := other.received.LoadAndDelete(value)
				require.True(t, arrived, "%s has not arrived as it is", name)
			}
			seen["the database"], seen["the API"] = c.read(t, url), answers(t, s, runs)
			for where, text := range seen {
				require.Contains(t, text, "***", "%s shows that something was hidden", where)
				for name, value := range planted {
					forms := []string{value, base64.StdEncoding.EncodeToString([]byte(value)), hex.EncodeToString([]byte(value))}
					if lines := strings.Split(value, "\n"); len(lines) > 2 {
						forms = append(forms, lines[1:len(lines)-1]...)
					}
					for _, form := range forms {
						require.NotContains(t, text, form, "%s in %s", name, where)
					}
				}
			}
		})
	}
}

// logs returns all that the tasks of a run have printed.
func (s *system) logs(t *testing.T, id uuid.UUID) string {
	var all bytes.Buffer
	for _, task := range s.tasks(id) {
		for attempt := 1; attempt <= task.Attempt; attempt++ {
			_, err := logs.Copy(t.Context(), &all, s.store, miniairflow.AttemptKey{RunID: id, Seq: task.Seq, Attempt: attempt}, 0)
			require.NoError(t, err)
		}
	}
	return all.String()
}

// columns returns the content of all columns that a query names, as text.
func columns(t *testing.T, driver, url, query string) string {
	db, err := sql.Open(driver, url)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	found := map[string][]string{}
	each(t, db, query, func(values []string) { found[values[0]] = append(found[values[0]], values[1]) })
	var text strings.Builder
	for _, table := range slices.Sorted(maps.Keys(found)) {
		for _, column := range found[table] {
			each(t, db, fmt.Sprintf(`SELECT CAST(%q AS text) FROM %q WHERE %q IS NOT NULL`, column, table, column), func(values []string) {
				text.WriteString(values[0] + "\n")
			})
		}
	}
	return text.String()
}

// each hands on the rows of a query, whose columns are text.
func each(t *testing.T, db *sql.DB, query string, row func([]string)) {
	rows, err := db.QueryContext(t.Context(), query)
	require.NoError(t, err, query)
	defer rows.Close()
	names, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values, targets := make([]string, len(names)), make([]any, len(names))
		for i := range values {
			targets[i] = &values[i]
		}
		require.NoError(t, rows.Scan(targets...), query)
		row(values)
	}
	require.NoError(t, rows.Err())
}

// answers returns what the API says of the runs, of their workflows and of secrets.
func answers(t *testing.T, s *system, runs []uuid.UUID) string {
	api, err := graph.NewHandler(graph.Config{Store: s.store, Control: s.control, Logger: persistencetest.Logger(t)})
	require.NoError(t, err)
	defer func() { require.NoError(t, api.Close()) }()
	queries := []string{`{ secrets { name keyId updatedBy } auditLog(first: 200) { nodes { subject label reason details { text } } } workflows(first: 50) { nodes { name version { definition } } } }`}
	for _, id := range runs {
		queries = append(queries, fmt.Sprintf(`{ node(id: %q) { ... on WorkflowRun { reason params taskRuns { nodes {
			name reason outputs waitReason attempts { reason } logs(limit: 1048576) { text } } } } } }`, id))
	}
	all := ""
	for _, query := range queries {
		body, err := json.Marshal(map[string]string{"query": query})
		require.NoError(t, err)
		request := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, request)
		require.NotContains(t, answer.Body.String(), `"errors"`)
		var plain any
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &plain))
		all += answer.Body.String() + fmt.Sprint(plain) // escaped, and as it is
	}
	return all
}

// A task that names a secret which is not there says what to do, and a retry finds
// it when it was set meanwhile.
func TestSecretThatIsMissing(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.keySecrets()
		s.load(map[string]string{"w.yaml": "tasks:\n  a: {secrets: [LATE], command: '[ \"$LATE\" = in-time ] && echo got it > got'}\n"})
		s.dags = t.TempDir()
		s.scheduler()
		s.worker("w1")
		id := s.trigger("w", nil)
		require.Equal(t, miniairflow.RunFailed, s.finish(id).Status)
		require.Contains(t, s.tasks(id)["a"].Reason, "there is no secret LATE: set it with `miniairflow secrets set LATE`")
		_, err := s.control.SetSecret(t.Context(), "LATE", "in-time", miniairflow.Actor{Name: "test"})
		require.NoError(t, err)
		_, err = s.control.Rerun(t.Context(), miniairflow.RerunRequest{RunID: id, Kind: miniairflow.RerunFailed, By: miniairflow.Actor{Name: "test"}})
		require.NoError(t, err)
		require.Equal(t, miniairflow.RunSuccess, s.finish(id).Status)
		_, err = os.Stat(filepath.Join(s.dags, "got"))
		require.NoError(t, err)
	})
}

// A secret of which nothing is left without white space would be found in every text.
func TestSecretOfWhiteSpace(t *testing.T) {
	require.Error(t, miniairflow.CheckSecret("K", "a\n\n\n"))
	require.NoError(t, miniairflow.CheckSecret("K", "abcd\n"))
}
