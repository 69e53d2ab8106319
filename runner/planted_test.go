package runner_test

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
)

// planted are twenty secrets, each with what makes hiding hard.
func planted() map[string]string {
	values := []string{
		"plain-hunter-two", "Q7!x", "żółw 🐢 schowany", `with "quotes" and \ backslash`, "815493027661", "<tag>&amp;</tag>", "a+b/c=d?e&f%25g",
		"-----BEGIN KEY-----\nMIIEvSecretLineOne\nMIIEvSecretLineTwo\n-----END KEY-----\n", "dos line one\r\ndos line two",
		"spaces   inside and  after ", `{"client": "id-7731", "key": "k-9982"}`, strings.Repeat("long-secret-", 5000) + "its-end", "bearer-token-77-kk",
		"body-secret-in-json", "waits-for-me-please", "abcabcabcabd", "number-of-item-99", "dollar-$HOME-`id`-$(id)", "'single' quoted secret", "the-last-one-of-all",
	}
	named := make(map[string]string, len(values))
	for i, value := range values {
		named[fmt.Sprintf("PLANTED_%02d", i+1)] = value
	}
	return named
}

// traces are the texts by which a secret would be found, however it was written.
// They are made here in another way than the masks are.
func traces(secret string) []string {
	var all []string
	for _, line := range strings.FieldsFunc(secret, func(r rune) bool { return r == '\n' || r == '\r' }) {
		escaped, _ := json.Marshal(line)
		if half := len(line) / 2; half >= 10 {
			all = append(all, line[:half]) // of one that was cut
		}
		all = append(all, line, string(escaped[1:len(escaped)-1]), fmt.Sprintf("%q", line), url.QueryEscape(line))
	}
	all = append(all, base64.StdEncoding.EncodeToString([]byte(secret)))
	// After "user:" its first byte shares a character with what is before it.
	if inside := base64.RawStdEncoding.EncodeToString([]byte("user:" + secret)); len(inside) > 16 {
		all = append(all, inside[8:len(inside)-2])
	}
	return all
}

// plantedWorkflow uses the secrets in every way, and gives them away in every way
// that a task has. The %s is a server that answers with what it is sent.
const plantedWorkflow = `
tasks:
  prints:
    secrets: [PLANTED_01, PLANTED_02, PLANTED_03, PLANTED_04, PLANTED_05, PLANTED_06, PLANTED_07, PLANTED_08, PLANTED_09, PLANTED_10,
      PLANTED_11, PLANTED_12, PLANTED_13, PLANTED_14, PLANTED_15, PLANTED_16, PLANTED_17, PLANTED_18, PLANTED_19, PLANTED_20]
    command: |
      env | grep -a -A4 PLANTED
      env | grep -a -A4 PLANTED >&2
      for i in 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20; do
        name=PLANTED_$i
        printf '%%s\n' "before ${!name} after"
        printf '%%s' "${!name}" | base64 -w0; echo
        printf 'user:%%s' "${!name}" | base64 -w0; echo
      done
  pieces:
    secrets: {A: PLANTED_03, B: PLANTED_16, C: PLANTED_08}
    command: |
      for text in "$A" "$B" "$C"; do
        for ((i = 0; i < ${#text}; i++)); do printf '%%s' "${text:i:1}"; done
        echo
      done
      echo "abcabc$B"
      while read -r line; do echo "> $line"; done <<< "$C"
  borders:
    secrets: {LONG: PLANTED_12, SHORT: PLANTED_01}
    command: |
      for before in 65520 65530 65535 131070; do
        head -c $before /dev/zero | tr '\0' x
        printf '%%s' "$SHORT"
      done
      printf '%%s' "$LONG"
      printf '%%s' "$LONG" >&2
  reads:
    stdin: "${{ secrets.PLANTED_04 }}"
    env: {URL: "https://user:${{ secrets.PLANTED_07 }}@example.org/"}
    command: cat; echo; echo "$URL"
  hands_on:
    secrets: {TEXT: PLANTED_10, LINES: PLANTED_08, OBJECT: PLANTED_11, PRINTED: PLANTED_18, KEY: PLANTED_20}
    command: |
      {
        echo "text=$TEXT"
        echo "object=$OBJECT"
        printf 'lines<<END\n%%s\nEND\n' "$LINES"
        echo "undeclared=<$TEXT>"
        echo 'list=["'"$KEY"'"]'
      } >> "$MINIAIRFLOW_OUTPUT"
      echo "$PRINTED"
    outputs: {text: string, object: string, lines: string, list: list, printed: {type: string, from: stdout}}
  next:
    depends_on: [hands_on]
    env: {TEXT: "${{ tasks.hands_on.outputs.text }}"}
    command: test "$TEXT" = "***" && echo "got $TEXT"
  many:
    depends_on: [hands_on]
    for_each: ["a", "b"]
    secrets: [PLANTED_17]
    command: echo "${MINIAIRFLOW_ITEM} $PLANTED_17"; echo "out=$PLANTED_17" >> "$MINIAIRFLOW_OUTPUT"
  no_number:
    secrets: {VALUE: PLANTED_19}
    command: echo "rows=$VALUE" >> "$MINIAIRFLOW_OUTPUT"
    outputs: {rows: integer}
  number:
    secrets: {VALUE: PLANTED_05}
    command: echo "rows=$VALUE" >> "$MINIAIRFLOW_OUTPUT"
    outputs: {rows: integer}
  no_key:
    secrets: {VALUE: PLANTED_06}
    command: echo "$VALUE=1" >> "$MINIAIRFLOW_OUTPUT"
  leaves:
    secrets: {VALUE: PLANTED_16}
    command: echo "no secret" > "$MINIAIRFLOW_SCRATCH/$VALUE.txt"
    artifacts: [$MINIAIRFLOW_SCRATCH/*.txt]
  fails:
    secrets: {VALUE: PLANTED_02}
    retry: {count: 1, delay: 1ms}
    command: echo "cannot log in with $VALUE" >&2; exit 3
  asks:
    http:
      url: "%[1]s/asks"
      method: POST
      headers: {Authorization: "Bearer ${{ secrets.PLANTED_13 }}"}
      body: "${{ secrets.PLANTED_14 }} ${{ secrets.PLANTED_04 }}"
    outputs: {body: {type: string, from: body}, header: {type: string, from: headers.X-Echo}, all: {type: object, from: headers}}
  asks_wrong:
    http:
      url: "%[1]s/fails"
      method: POST
      headers: {X-Token: "${{ secrets.PLANTED_13 }}"}
      body: {token: "${{ secrets.PLANTED_04 }}", tag: ["${{ secrets.PLANTED_06 }}"]}
      expected_status: [201]
  asks_not_at_all:
    http:
      url: "%[1]s/asks"
      headers: {X-Token: "${{ secrets.PLANTED_08 }}"}
  waits:
    secrets: {VALUE: PLANTED_15}
    wait:
      command: |
        echo "not yet, $VALUE"
        test -e "$MINIAIRFLOW_RUN_DIR/$VALUE" || { touch "$MINIAIRFLOW_RUN_DIR/$VALUE"; exit 1; }
      interval: 1s
    timeout: 1m
`

// repeat answers with all that it was sent, plain and encoded.
func repeat(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	token := r.Header.Get("Authorization") + r.Header.Get("X-Token")
	w.Header().Set("X-Echo", token)
	all, _ := json.Marshal(map[string]string{"body": string(body), "token": token})
	fmt.Fprintf(w, "%s\n%s\n%s\n", strings.Repeat("x", 4<<10-20)+token, all, url.QueryEscape(string(body)))
}

// locked is a buffer for the lines of several goroutines.
type locked struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// Twenty secrets that tasks use, print, output and fail with are in no log, in no
// answer of the API, in no text or blob of any table, and in no line of the
// worker's own log.
func TestPlantedSecretsAppearNowhere(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		address := persistencetest.SQLiteURL(t)
		path := strings.TrimPrefix(address, "sqlite://")
		plant(t, address, func() []string {
			return append(sqliteTexts(t, path), sqliteTexts(t, strings.TrimSuffix(path, ".db")+"-logs.db")...)
		})
	})
	t.Run("postgres", func(t *testing.T) {
		address := persistencetest.PostgresURL(t)
		plant(t, address, func() []string { return postgresTexts(t, address) })
	})
}

func plant(t *testing.T, address string, stored func() []string) {
	server := httptest.NewServer(http.HandlerFunc(repeat))
	t.Cleanup(server.Close)
	own := &locked{}
	s := newSystem(t, persistencetest.Open(t, address))
	s.keySecrets()
	secrets := planted()
	require.Len(t, secrets, 20)
	for name, value := range secrets {
		_, err := s.control.SetSecret(t.Context(), name, value, miniairflow.Actor{Name: "test", Reason: "planted"})
		require.NoError(t, err)
	}
	s.load(map[string]string{"planted.yaml": fmt.Sprintf(plantedWorkflow, server.URL)})
	s.scheduler()
	config := s.config("w1")
	config.Logger = slog.New(slog.NewTextHandler(own, &slog.HandlerOptions{Level: slog.LevelDebug}))
	spawn(t, runner.NewWorker(config).Run)
	id := s.trigger("planted", nil)
	require.Equal(t, miniairflow.RunFailed, s.finish(id).Status)
	for name, want := range map[string]miniairflow.TaskStatus{
		"prints": "success", "pieces": "success", "borders": "success", "reads": "success", "hands_on": "success", "next": "success", "many": "success",
		"no_number": "failed", "number": "success", "no_key": "failed", "leaves": "failed", "fails": "failed", "asks": "success", "asks_wrong": "failed", "asks_not_at_all": "failed", "waits": "success",
	} {
		require.Equal(t, want, s.tasks(id)[name].Status, "%s: %s", name, s.tasks(id)[name].Reason)
	}
	places := map[string]string{"the database": strings.Join(stored(), "\n"), "the worker's own log": own.text.String()}
	for query, answer := range toldOf(t, s, id) {
		places[query] = answer
	}
	require.Contains(t, strings.Join(stored(), "\n"), "PLANTED_01", "the names are there: the scan reads what is stored")
	found := 0
	for name, secret := range secrets {
		for _, trace := range traces(secret) {
			for place, text := range places {
				if at := strings.Index(text, trace); at >= 0 {
					found++
					t.Errorf("%s is in %s: …%.80s", name, place, text[max(at-60, 0):])
				}
			}
		}
	}
	require.Zero(t, found)
}

// toldOf returns what the API says about a run, its tasks, their logs, and all
// else in which something of it could be.
func toldOf(t *testing.T, s *system, id uuid.UUID) map[string]string {
	api, err := graph.NewHandler(graph.Config{Store: s.store, Control: s.control, Logger: persistencetest.Logger(t)})
	require.NoError(t, err)
	defer func() { require.NoError(t, api.Close()) }()
	ask := func(query string) string {
		body, err := json.Marshal(map[string]any{"query": query})
		require.NoError(t, err)
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", bytes.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		api.ServeHTTP(recorder, request)
		require.NotContains(t, recorder.Body.String(), `"errors"`)
		return recorder.Body.String()
	}
	all := map[string]string{}
	for _, query := range []string{
		`{ workflows { nodes { name description docs tasks { name } } } }`,
		fmt.Sprintf(`{ workflowRun(id: %q) { label reason params waitReason taskRuns(first: 100) { nodes { name reason outputs waitReason attempts { reason } } } } }`, id),
		`{ secrets { name keyId updatedBy } }`, `{ vars { nodes { name value } } }`, `{ auditLog(first: 100) { nodes { actor action subject label reason details { text } } } }`,
	} {
		all[query] = ask(query)
	}
	for _, task := range s.tasks(id) {
		printed := ""
		for attempt := 1; attempt <= task.Attempt; attempt++ {
			query := fmt.Sprintf(`{ taskRun(id: %q) { logs(attempt: %d, limit: 1000000) { text } } }`, task.ID(), attempt)
			text := ask(query)
			var got struct {
				Data struct {
					TaskRun struct{ Logs struct{ Text string } }
				}
			}
			require.NoError(t, json.Unmarshal([]byte(text), &got))
			printed += got.Data.TaskRun.Logs.Text
		}
		all["the log of "+task.Name] = printed
	}
	require.Contains(t, all["the log of prints"], "before *** after")
	require.Contains(t, all["the log of asks"], "***")
	return all
}

// sqliteTexts returns every value of every table of a file.
func sqliteTexts(t *testing.T, path string) []string {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_busy_timeout=10000")
	require.NoError(t, err)
	defer db.Close()
	var all []string
	for _, table := range column(t, db, `SELECT name FROM sqlite_master WHERE type = 'table'`) {
		for _, name := range column(t, db, `SELECT name FROM pragma_table_info('`+table+`')`) {
			all = append(all, column(t, db, `SELECT coalesce(CAST("`+name+`" AS BLOB), '') FROM "`+table+`"`)...)
		}
	}
	return all
}

// postgresTexts returns every value of every table of a database, bytes as they are
// but for those that are no ASCII.
func postgresTexts(t *testing.T, address string) []string {
	db, err := sql.Open("pgx", address)
	require.NoError(t, err)
	defer db.Close()
	var all []string
	for _, table := range column(t, db, `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`) {
		const names = `SELECT CASE data_type WHEN 'bytea' THEN format('encode(%%I, ''escape'')', column_name) ELSE format('%%I::text', column_name) END
			FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = '%s'`
		for _, name := range column(t, db, fmt.Sprintf(names, table)) {
			all = append(all, column(t, db, `SELECT `+name+` FROM "`+table+`"`)...)
		}
	}
	return all
}

// column returns the one column of a query.
func column(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	require.NoError(t, err, query)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text sql.NullString
		require.NoError(t, rows.Scan(&text))
		all = append(all, text.String)
	}
	require.NoError(t, rows.Err())
	return all
}
