package runner_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/artifacts"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
)

// reason returns why a task run ended.
func (s *system) reason(id uuid.UUID, task string) string { return s.tasks(id)[task].Reason }

// artifacts returns the names of the artifacts that a task shows.
func (s *system) artifacts(id uuid.UUID, task string) []string {
	s.t.Helper()
	key := miniairflow.TaskRunKey{RunID: id, Seq: s.tasks(id)[task].Seq}
	attempts, err := s.store.FindAttempts(s.t.Context(), []miniairflow.TaskRunKey{key})
	require.NoError(s.t, err)
	of := miniairflow.AttemptKey{RunID: id, Seq: key.Seq, Attempt: miniairflow.ArtifactAttempt(key.Seq, miniairflow.TaskSuccess, attempts[key])}
	found, err := s.store.FindArtifacts(s.t.Context(), of, "", 200)
	require.NoError(s.t, err)
	names := []string{}
	for _, a := range found {
		names = append(names, a.Name)
	}
	return names
}

// onWorkers starts a worker with settings for each queue that tasks of a test name.
func (s *system) onWorkers(change func(*runner.WorkerConfig), queues ...string) {
	for _, queue := range queues {
		config := s.config("worker-" + queue)
		config.Queues = []string{queue}
		change(&config)
		spawn(s.t, runner.NewWorker(config).Run)
	}
}

// contents returns the files below a folder: their bytes by path.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		files[strings.TrimPrefix(path, dir+"/")] = string(data)
		return nil
	})
	require.NoError(t, err)
	return files
}

// Files of all sizes reach a worker with a home of its own as they were, in the
// database and in a folder.
func TestArtifactsReachAnotherWorker(t *testing.T) {
	const files = 1000
	random := rand.New(rand.NewPCG(1, 2))
	from := t.TempDir()
	for i := range files {
		size := random.IntN(3000)
		switch i {
		case 0, 1:
			size = 0
		case 2, 3, 4:
			size = 256<<10 + i - 3 // about as large as a piece
		case 5:
			size = 5 << 20
		}
		data := make([]byte, size)
		for j := range data {
			data[j] = byte(random.Uint32() >> (i % 25)) // some of them can be compressed
		}
		path := filepath.Join(from, fmt.Sprintf("folder %d", i%7), fmt.Sprintf("%d–ü.bin", i))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, data, 0o600))
	}
	want := contents(t, from)
	for _, place := range []string{"store", "folder"} {
		t.Run(place, func(t *testing.T) {
			persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
				s := newSystem(t, store)
				s.load(map[string]string{"far.yaml": `
params: {from: "", to: ""}
tasks:
  build:
    queue: one
    env: {FROM: "${{ params.from }}"}
    command: cp -r "$FROM" "$MINIAIRFLOW_SCRATCH/out"
    artifacts: $MINIAIRFLOW_SCRATCH/out
  use:
    queue: two
    depends_on: [build]
    inputs: [build]
    env: {TO: "${{ params.to }}"}
    command: cp -r "$MINIAIRFLOW_INPUTS/build/out/." "$TO"
`})
				depot, home := artifacts.InStore(store), ""
				if place == "folder" {
					var err error
					depot, err = artifacts.InFolder(t.Context(), t.TempDir(), store)
					require.NoError(t, err)
				}
				s.scheduler()
				s.onWorkers(func(c *runner.WorkerConfig) { c.Artifacts, home = depot, c.Home }, "one", "two")
				to := t.TempDir()
				id := s.trigger("far", map[string]any{"from": from, "to": to})
				require.Equal(t, miniairflow.RunSuccess, s.finish(id).Status, s.reason(id, "build")+s.reason(id, "use"))
				got := contents(t, to)
				require.Len(t, got, files)
				for name, data := range want {
					if got[name] != data {
						require.Fail(t, "other bytes", "in %s", name) // without printing them
					}
				}
				found, err := s.store.FindArtifact(t.Context(), miniairflow.AttemptKey{RunID: id, Attempt: 1}, "out/folder 0/0–ü.bin")
				require.NoError(t, err)
				require.Equal(t, miniairflow.ArtifactPlace(place), found.Place)
				s.await("the inputs to be removed", func() bool {
					left, err := filepath.Glob(filepath.Join(home, "scratch", "*", "*.inputs"))
					require.NoError(t, err)
					return len(left) == 0
				})
			})
		})
	}
}

// Files of items are found by the names of their task runs, in the store and by HTTP.
func TestArtifactsOfItems(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{"items.yaml": `
tasks:
  each:
    for_each: [a, "b #1", c]
    key: "${{ item }}"
    command: 'test "$MINIAIRFLOW_ITEM" != c; echo "$MINIAIRFLOW_ITEM" > "$MINIAIRFLOW_SCRATCH/x"'
    artifacts: $MINIAIRFLOW_SCRATCH/x
  use: {depends_on: [each], trigger_rule: all_done, inputs: [each], command: 'cd "$MINIAIRFLOW_INPUTS"; test "$(find . -type f | sort | tr "\\n" ,)" = "./each/a/x,./each/b #1/x,"'}
  key: {for_each: [a/b], key: "${{ item }}", command: echo, artifacts: x}
`})
		s.scheduler()
		s.worker("w1")
		id := s.trigger("items", nil)
		s.finish(id)
		require.Equal(t, miniairflow.TaskSuccess, s.tasks(id)["use"].Status, s.reason(id, "use"))
		require.Equal(t, "for_each: key of item 0 is \"a/b\", which cannot be the folder of its artifacts: it has a /; use replace(…, '/', '-'), or leave key out", s.reason(id, "key"))
		handler := artifacts.NewHandler(store, artifacts.InStore(store), slog.New(slog.DiscardHandler))
		for task, want := range map[string]string{"each[a]": "a\n", "each[b #1]": "b #1\n", "each[c]": "", "each[d]": "", "each": "", "use[a]": ""} {
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, artifacts.URL(id, task, "x"), nil))
			if want == "" {
				require.Equal(t, http.StatusNotFound, answer.Code, task)
				continue
			}
			require.Equal(t, want, answer.Body.String(), task)
		}
	})
}

// A large file costs the worker no more memory than a few pieces of it.
func TestLargeArtifactNeedsLittleMemory(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		const size = 64 << 20
		s := newSystem(t, store)
		s.load(map[string]string{"large.yaml": fmt.Sprintf(`
tasks:
  build: {command: 'head -c %d /dev/urandom > "$MINIAIRFLOW_SCRATCH/x"', artifacts: $MINIAIRFLOW_SCRATCH/x}
  use: {depends_on: [build], inputs: [build], command: 'test "$(wc -c < "$MINIAIRFLOW_INPUTS/build/x")" -eq %d'}
`, size, size)})
		s.scheduler()
		s.worker("w1")
		watch := watchMemory()
		id := s.trigger("large", nil)
		require.Equal(t, miniairflow.RunSuccess, s.finish(id).Status)
		heap, resident := watch.growth()
		t.Logf("heap %d MiB, resident %d MiB", heap>>20, resident>>20)
		require.Less(t, heap, int64(size)/2)
		require.Less(t, resident, int64(size))
	})
}

// What a task may leave is bounded, and the reason says what to do.
func TestArtifactLimits(t *testing.T) {
	s := newSystem(t, persistencetest.SQLite(t))
	s.load(map[string]string{"limits.yaml": `
tasks:
  large: {command: 'head -c 1001 /dev/zero > "$MINIAIRFLOW_SCRATCH/x"', artifacts: $MINIAIRFLOW_SCRATCH/x}
  fits: {command: 'head -c 1000 /dev/zero > "$MINIAIRFLOW_SCRATCH/x"', artifacts: $MINIAIRFLOW_SCRATCH/x}
  many: {command: 'cd "$MINIAIRFLOW_SCRATCH"; touch 1 2 3 4', artifacts: "$MINIAIRFLOW_SCRATCH/*"}
  few: {command: 'cd "$MINIAIRFLOW_SCRATCH"; touch 1 2 3', artifacts: "$MINIAIRFLOW_SCRATCH/*"}
  link: {command: 'cd "$MINIAIRFLOW_SCRATCH"; touch a; ln -s /etc/passwd b', artifacts: "$MINIAIRFLOW_SCRATCH/*"}
  both: {command: 'cd "$MINIAIRFLOW_SCRATCH"; touch a b', artifacts: [$MINIAIRFLOW_SCRATCH/a, {path: $MINIAIRFLOW_SCRATCH/b, name: a/b}]}
`})
	s.scheduler()
	s.onWorkers(func(c *runner.WorkerConfig) { c.ArtifactBytes, c.ArtifactFiles = 1000, 3 }, "default")
	id := s.trigger("limits", nil)
	s.finish(id)
	require.Equal(t, `artifacts: "x": it has 1001 bytes, more than 1000: make it smaller, or raise --max-artifact-bytes`, s.reason(id, "large"))
	require.Equal(t, "artifacts: the task left more than 3 files: pack them into one archive, or raise --max-artifact-files", s.reason(id, "many"))
	require.Equal(t, `artifacts: "b" is a symbolic link: only files are kept, copy what it stands for`, s.reason(id, "link"))
	require.Equal(t, `artifacts: "a" is a file, and in "a/b" a folder: give one of them another name`, s.reason(id, "both"))
	require.Equal(t, []string{"x"}, s.artifacts(id, "fits"))
	require.Equal(t, []string{"1", "2", "3"}, s.artifacts(id, "few"))
	for _, task := range []string{"large", "many", "link", "both"} {
		require.Empty(t, s.artifacts(id, task))
	}
}

// full is a store whose disk is full for artifacts after some bytes, and one that
// tells what it was asked to forget.
type full struct {
	miniairflow.Store

	mu      sync.Mutex
	room    int
	dropped []miniairflow.AttemptKey
}

func (f *full) AddArtifacts(ctx context.Context, key miniairflow.AttemptKey, complete []miniairflow.Artifact, chunks []miniairflow.ArtifactChunk) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.room -= len(chunks); f.room < 0 {
		return &miniairflow.Error{Code: miniairflow.CodeUnavailable, Message: "no room", Err: miniairflow.ErrFull}
	}
	return f.Store.AddArtifacts(ctx, key, complete, chunks)
}

func (f *full) DropArtifacts(ctx context.Context, key miniairflow.AttemptKey) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dropped = append(f.dropped, key)
	return f.Store.DropArtifacts(ctx, key)
}

// A database without room fails the task with a text that says so, and what was
// stored before is gone.
func TestArtifactsOnAFullDisk(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, inner miniairflow.Store) {
		store := &full{Store: inner, room: 10}
		s := newSystem(t, store)
		s.load(map[string]string{"full.yaml": `
tasks:
  build: {command: 'cd "$MINIAIRFLOW_SCRATCH"; echo > a; head -c 5000000 /dev/urandom > b', artifacts: "$MINIAIRFLOW_SCRATCH/*"}
`})
		s.scheduler()
		s.worker("w1")
		id := s.trigger("full", nil)
		require.Equal(t, miniairflow.RunFailed, s.finish(id).Status)
		require.Equal(t, `artifacts: "b": the database has no room left: free some, or keep artifacts elsewhere with --artifacts-dir`, s.reason(id, "build"))
		key := miniairflow.AttemptKey{RunID: id, Attempt: 1}
		require.Equal(t, []miniairflow.AttemptKey{key}, store.dropped)
		_, err := inner.ReadArtifact(t.Context(), key, 0, 0)
		require.ErrorIs(t, err, miniairflow.ErrNotFound)
	})
}

// An artifact whose bytes are not those that were stored is given to nobody.
func TestDamagedArtifactFailsWhoNeedsIt(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		dir := t.TempDir()
		depot, err := artifacts.InFolder(t.Context(), dir, store)
		require.NoError(t, err)
		s.load(map[string]string{"damaged.yaml": `
tasks:
  build: {command: 'echo good > "$MINIAIRFLOW_SCRATCH/x"', artifacts: $MINIAIRFLOW_SCRATCH/x}
  damage: {depends_on: [build], env: {DIR: "` + dir + `"}, command: 'echo evil > "$DIR/$MINIAIRFLOW_RUN_ID/0-1/0"'}
  use: {depends_on: [damage], inputs: [build], command: echo never}
`})
		s.scheduler()
		s.onWorkers(func(c *runner.WorkerConfig) { c.Artifacts = depot }, "default")
		id := s.trigger("damaged", nil)
		require.Equal(t, miniairflow.RunFailed, s.finish(id).Status)
		require.Equal(t, `cannot start: inputs: artifacts of "build": artifact "x" is damaged: it has not the hash that it had`, s.reason(id, "use"))
	})
}

// Who is given the files of a task that was cleared meanwhile gets them, or fails: it
// does not go on without.
func TestInputsOfATaskThatRunsAgain(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{"again.yaml": `
tasks:
  build: {queue: first, command: 'echo good > "$MINIAIRFLOW_SCRATCH/x"', artifacts: $MINIAIRFLOW_SCRATCH/x}
  mid: {queue: first, depends_on: [build], command: "true"}
  use: {queue: second, depends_on: [build], inputs: [build], command: 'ls "$MINIAIRFLOW_INPUTS/build"'}
  far: {queue: second, depends_on: [mid], inputs: [build], command: 'ls "$MINIAIRFLOW_INPUTS/build"'}
`})
		s.scheduler()
		config := s.config("first")
		config.Queues = []string{"first"}
		first := spawn(t, runner.NewWorker(config).Run)
		id := s.trigger("again", nil)
		s.reach(id, "use", miniairflow.TaskQueued)
		s.reach(id, "far", miniairflow.TaskQueued)
		first.stop(t)
		by := miniairflow.Actor{Name: "test"}
		_, err := s.control.Rerun(t.Context(), miniairflow.RerunRequest{RunID: id, Kind: miniairflow.RerunClear, Tasks: []string{"build"}, By: by})
		require.NoError(t, err)
		s.onWorkers(func(*runner.WorkerConfig) {}, "second")
		s.reach(id, "use", miniairflow.TaskFailed)
		require.Contains(t, s.reason(id, "use"), `artifacts of "build": it was cleared and has not ended again: retry this task when it has`)
		s.reach(id, "far", miniairflow.TaskFailed)
		require.Contains(t, s.reason(id, "far"), `artifacts of "build": it was cleared and has not ended again`)
	})
}
