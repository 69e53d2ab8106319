package runner

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/artifacts"
)

const (
	// inputsPage is how many artifacts, or items, are asked for at a time.
	inputsPage = 200
	// inputFilesMax bounds how many files and folders of items an attempt is given.
	inputFilesMax = 200_000
)

// Bring implements action.Files. A task that has not succeeded has an empty folder,
// and one with for_each a folder for each of its items.
func (f *attemptFiles) Bring(ctx context.Context, dir string) error {
	if err := makeFolder(dir); err != nil {
		return err
	}
	for _, name := range f.inputs {
		seq := slices.IndexFunc(f.dag.Definition.Tasks, func(t miniairflow.Task) bool { return t.Name == name })
		if seq < 0 {
			return fmt.Errorf("the workflow has no task %q", name)
		}
		if err := f.bringOf(ctx, path.Join(dir, name), seq); err != nil {
			return fmt.Errorf("artifacts of %q: %w", name, err)
		}
	}
	return nil
}

// bringOf lays out the artifacts of one task.
func (f *attemptFiles) bringOf(ctx context.Context, dir string, seq int) error {
	if err := makeFolder(dir); err != nil {
		return err
	}
	task, err := patiently(ctx, f.w, func() (*miniairflow.TaskRun, error) { return f.w.cfg.Store.FindTaskRun(ctx, f.claim.RunID, seq) })
	switch {
	case err != nil:
		return err
	case !task.Status.IsTerminal() && f.awaits(seq):
		return errors.New("it was cleared and has not ended again: retry this task when it has")
	case f.dag.Definition.Tasks[seq].ForEach != nil:
		return f.bringItems(ctx, dir, seq)
	case task.Status != miniairflow.TaskSuccess:
		return nil
	}
	attempts, err := f.attemptsOf(ctx, []miniairflow.ItemRun{{Seq: seq, Status: task.Status}})
	if err != nil {
		return err
	}
	return f.bringFrom(ctx, dir, seq, attempts[seq])
}

// awaits reports whether the task could not begin before that one had ended, itself or
// by way of others.
func (f *attemptFiles) awaits(seq int) bool {
	early := []miniairflow.TriggerRule{miniairflow.OneFailed, miniairflow.OneSuccess, miniairflow.OneDone, miniairflow.Always}
	own, _, _ := f.dag.Place(f.claim.Seq)
	seen := map[int]bool{}
	for open := []int{own}; len(open) > 0; {
		at := open[len(open)-1]
		open = open[:len(open)-1]
		if seen[at] || slices.Contains(early, f.dag.Definition.Tasks[at].TriggerRule) {
			continue
		}
		seen[at] = true
		if slices.Contains(f.dag.Upstream[at], seq) {
			return true
		}
		open = append(open, f.dag.Upstream[at]...)
	}
	return false
}

// bringItems lays out the artifacts of the items of a task.
func (f *attemptFiles) bringItems(ctx context.Context, dir string, seq int) error {
	name := f.dag.Definition.Tasks[seq].Name
	for after := 0; ; {
		items, err := patiently(ctx, f.w, func() ([]miniairflow.ItemRun, error) {
			return f.w.cfg.Store.FindItems(ctx, f.claim.RunID, seq, after, inputsPage)
		})
		if err != nil {
			return fmt.Errorf("list items: %w", err)
		}
		attempts, err := f.attemptsOf(ctx, items)
		if err != nil {
			return err
		}
		for _, item := range items {
			if err := f.bringItem(ctx, dir, miniairflow.ItemKey(name, item.Name), item.Seq, attempts[item.Seq]); err != nil {
				return fmt.Errorf("%s: %w", item.Name, err)
			}
			after = item.Seq
		}
		if len(items) < inputsPage {
			return nil
		}
	}
}

func (f *attemptFiles) bringItem(ctx context.Context, dir, key string, seq, attempt int) error {
	if err := miniairflow.CheckItemFolders([]miniairflow.Item{{Key: key}}); err != nil {
		return err
	}
	if err := f.count(); err != nil {
		return err
	}
	into := path.Join(dir, key)
	if err := makeFolder(into); err != nil {
		return err
	}
	return f.bringFrom(ctx, into, seq, attempt)
}

// attemptsOf returns, by place, the attempts whose artifacts task runs give; 0 for
// one that has not succeeded.
func (f *attemptFiles) attemptsOf(ctx context.Context, tasks []miniairflow.ItemRun) (map[int]int, error) {
	var keys []miniairflow.TaskRunKey
	for _, t := range tasks {
		if t.Status == miniairflow.TaskSuccess {
			keys = append(keys, miniairflow.TaskRunKey{RunID: f.claim.RunID, Seq: t.Seq})
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	found, err := patiently(ctx, f.w, func() (map[miniairflow.TaskRunKey][]*miniairflow.TaskAttempt, error) {
		return f.w.cfg.Store.FindAttempts(ctx, keys)
	})
	if err != nil {
		return nil, fmt.Errorf("find attempts: %w", err)
	}
	numbers := make(map[int]int, len(keys))
	for _, key := range keys {
		numbers[key.Seq] = miniairflow.ArtifactAttempt(key.Seq, miniairflow.TaskSuccess, found[key])
	}
	return numbers, nil
}

// bringFrom lays out the artifacts of an attempt; 0 has none.
func (f *attemptFiles) bringFrom(ctx context.Context, dir string, seq, attempt int) error {
	if attempt == 0 {
		return nil
	}
	key := miniairflow.AttemptKey{RunID: f.claim.RunID, Seq: seq, Attempt: attempt}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for after := ""; ; {
		page, err := patiently(ctx, f.w, func() ([]*miniairflow.Artifact, error) {
			return f.w.cfg.Store.FindArtifacts(ctx, key, after, inputsPage)
		})
		if err != nil {
			return fmt.Errorf("list: %w", err)
		}
		for _, a := range page {
			if err := f.layOut(ctx, root, key, a); err != nil {
				return err
			}
			after = a.Name
		}
		if len(page) < inputsPage {
			return nil
		}
	}
}

// layOut writes one artifact below root, which its name cannot leave.
func (f *attemptFiles) layOut(ctx context.Context, root *os.Root, key miniairflow.AttemptKey, a *miniairflow.Artifact) error {
	if err := f.count(); err != nil {
		return err
	}
	if err := miniairflow.CheckArtifactName(a.Name); err != nil {
		return fmt.Errorf("%q: %w", a.Name, err)
	}
	if folder := path.Dir(a.Name); folder != "." {
		if err := makeFolders(root, folder); err != nil {
			return fmt.Errorf("lay out %q: %w", a.Name, err)
		}
	}
	// Two names that the file system takes for one must not overwrite each other.
	file, err := root.OpenFile(a.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("lay out %q: %w", a.Name, err)
	}
	out := bufio.NewWriterSize(file, 64<<10)
	err = artifacts.Copy(ctx, out, f.depot, key, a)
	if err == nil {
		err = out.Flush()
	}
	return errors.Join(err, file.Chmod(0o644), file.Close()) // whatever the umask is, see makeFolder
}

// makeFolder makes a folder that the user of a container may look into: nobody else
// comes through the one above it.
func makeFolder(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755) //nolint:gosec // see above
}

// makeFolders makes a folder below root and those on the way to it, all as makeFolder.
func makeFolders(root *os.Root, folder string) error {
	switch {
	case folder == ".":
		return nil
	case !filepath.IsLocal(filepath.FromSlash(folder)):
		return fs.ErrInvalid
	}
	if err := makeFolders(root, path.Dir(folder)); err != nil {
		return err
	}
	if err := root.Mkdir(folder, 0o755); errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	return root.Chmod(folder, 0o755)
}

// count bounds what is laid out.
func (f *attemptFiles) count() error {
	if f.brought++; f.brought > inputFilesMax {
		return fmt.Errorf("there are more than %d files: pack them into archives", inputFilesMax)
	}
	return nil
}
