package runner_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// dumpTo names the file into which the test binary, executed as a task, writes
// what it was given.
const dumpTo = "RUNNER_TEST_DUMP"

// dump is what a task has received.
type dump struct{ Args, Env []string }

// dumpIfAsked writes the arguments and the environment of this process, and ends it.
func dumpIfAsked() {
	path := os.Getenv(dumpTo)
	if path == "" {
		return
	}
	text, err := json.Marshal(dump{Args: os.Args[1:], Env: os.Environ()})
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

const (
	unicodeTexts   = 1000
	unicodePerTask = 100
)

// Random texts reach tasks by arguments and variables as they are, and nothing in
// them is executed: each may ask a shell to leave a witness.
func TestTextsReachTasksUnchanged(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		dir := t.TempDir()
		witness := filepath.Join(dir, "witness")
		texts := randomTexts(rand.New(rand.NewPCG(seed, 0)), witness)
		params := make(map[string]any, len(texts))
		for i, text := range texts {
			params["p"+strconv.Itoa(i)] = text
		}
		s := newSystem(t, store)
		s.load(map[string]string{"texts.yaml": textsWorkflow(t, dir)})
		params["p0"] = "a\x00b"
		_, err := s.control.TriggerWorkflow(t.Context(), miniairflow.TriggerRequest{Workflow: "texts", Params: params, By: miniairflow.Actor{Name: "test"}})
		require.ErrorContains(t, err, `param "p0": the value has a NUL byte, which no process can receive`)
		params["p0"] = texts[0]

		s.scheduler()
		s.worker("w1")
		run := s.finish(s.trigger("texts", params))
		require.Equal(t, miniairflow.RunSuccess, run.Status)
		for from := 0; from < len(texts); from += unicodePerTask {
			want := texts[from : from+unicodePerTask]
			require.Equal(t, want, readDump(t, dir, from, len(want)))
			printed, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("shell%d", from)))
			require.NoError(t, err)
			require.Equal(t, strings.Join(want, "\x00")+"\x00", string(printed))
		}
		_, err = os.Stat(witness)
		require.ErrorIs(t, err, os.ErrNotExist, "something of a text was executed")
	})
}

// The same texts as an output and as items: a command prints them as a list, of
// which each becomes an item, and so they come back to a task in the end.
func TestTextsReachItemsUnchanged(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		dir := t.TempDir()
		witness := filepath.Join(dir, "witness")
		texts := randomTexts(rand.New(rand.NewPCG(seed, 0)), witness)
		list := make([]any, len(texts))
		for i, text := range texts {
			list[i] = text
		}
		s := newSystem(t, store)
		s.load(map[string]string{"items.yaml": fmt.Sprintf(`
max_active_tasks: 64
params:
  texts: {type: list}
tasks:
  list:
    command: cat
    stdin: "${{ params.texts }}"
    outputs: {texts: {type: list, from: stdout}}
  each:
    depends_on: [list]
    for_each: "${{ tasks.list.outputs.texts }}"
    env: {TEXT: "${{ item }}", OUT: "%[1]s/item${{ index }}"}
    command:
      - bash
      - -c
      - printf '%%s\0' "$1" "$TEXT" "$MINIAIRFLOW_ITEM" > "$OUT"; cat
      - each
      - "${{ item }}"
    stdin: "${{ [item] }}"
    outputs: {text: {type: list, from: stdout}}
  back:
    depends_on: [each]
    command: cat > "$OUT"
    env: {OUT: "%[1]s/back"}
    stdin: "${{ tasks.each.outputs.text }}"
`, dir)})
		s.scheduler()
		s.worker("w1")
		id := s.trigger("items", map[string]any{"texts": list})
		require.Equal(t, miniairflow.RunSuccess, s.finish(id).Status)
		for i, text := range texts {
			got, err := os.ReadFile(filepath.Join(dir, "item"+strconv.Itoa(i)))
			require.NoError(t, err)
			require.Equal(t, strings.Repeat(text+"\x00", 3), string(got))
		}
		var back [][]string
		data, err := os.ReadFile(filepath.Join(dir, "back"))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &back))
		for i, text := range texts {
			require.Equal(t, []string{text}, back[i])
		}
		_, err = os.Stat(witness)
		require.ErrorIs(t, err, os.ErrNotExist, "something of a text was executed")
	})
}

// readDump returns the arguments that a task had, and holds its variables to them.
func readDump(t *testing.T, dir string, from, count int) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("program%d", from)))
	require.NoError(t, err)
	var got dump
	require.NoError(t, json.Unmarshal(data, &got))
	env := map[string]string{}
	for _, entry := range got.Env {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	variables := make([]string, count)
	for i := range variables {
		variables[i] = env["V"+strconv.Itoa(i)]
	}
	require.Equal(t, got.Args, variables)
	return got.Args
}

// textsWorkflow has for each hundred params a task that receives them as arguments
// and variables, and one whose shell prints them.
func textsWorkflow(t *testing.T, dir string) string {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	var text strings.Builder
	text.WriteString("params:\n")
	for i := range unicodeTexts {
		fmt.Fprintf(&text, "  p%d: {type: string}\n", i)
	}
	text.WriteString("tasks:\n")
	for from := 0; from < unicodeTexts; from += unicodePerTask {
		var argv, env strings.Builder
		for i := range unicodePerTask {
			fmt.Fprintf(&argv, ", '${{ params.p%d }}'", from+i)
			fmt.Fprintf(&env, "      V%d: '${{ params.p%d }}'\n", i, from+i)
		}
		fmt.Fprintf(&text, "  program%d:\n    command: [%q%s]\n    env:\n      %s: %q\n%s", from, program, argv.String(),
			dumpTo, filepath.Join(dir, fmt.Sprintf("program%d", from)), env.String())
		fmt.Fprintf(&text, "  shell%d:\n    command: |\n      for ((i = 0; i < %d; i++)); do\n        name=\"V$i\"\n        printf '%%s\\0' \"${!name}\"\n      done > \"$OUT\"\n    env:\n      OUT: %q\n%s",
			from, unicodePerTask, filepath.Join(dir, fmt.Sprintf("shell%d", from)), env.String())
	}
	return text.String()
}

// randomTexts returns texts of any characters but NUL, among them what shells and
// templates take for their own.
func randomTexts(random *rand.Rand, witness string) []string {
	touch := "touch " + witness
	hostile := []string{
		"$(" + touch + ")", "`" + touch + "`", "; " + touch + " #", "'; " + touch + "; '", "\"; " + touch + "; \"", "\n" + touch + "\n", "| " + touch,
		"&& " + touch, "<(" + touch + ")", "${{ params.p1 }}", "$${{", "}}", "$V1", "${V1}", "%s%n", "\\", "\\0", "--help", "-", "*", "~", "\r\n", "\t", "\x1b[31m", "\u2028", "\u202e", "\ufeff", "e\u0301",
	}
	texts := make([]string, unicodeTexts)
	for i := range texts {
		var text strings.Builder
		for range random.IntN(12) {
			switch random.IntN(3) {
			case 0:
				text.WriteString(hostile[random.IntN(len(hostile))])
			case 1:
				text.WriteByte(byte(1 + random.IntN(127)))
			default:
				text.WriteRune(randomRune(random))
			}
		}
		texts[i] = text.String()
	}
	return texts
}

// randomRune returns any character but NUL and the halves of pairs.
func randomRune(random *rand.Rand) rune {
	for {
		if r := rune(1 + random.IntN(0x10ffff)); r < 0xd800 || r > 0xdfff {
			return r
		}
	}
}
