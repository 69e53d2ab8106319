package action

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/logs"
)

// Files brings an attempt the artifacts of others, and keeps its own.
type Files interface {
	// Bring lays out the artifacts of the task's inputs in a new folder dir.
	Bring(ctx context.Context, dir string) error
	// Keep keeps so many bytes of r as an artifact.
	Keep(ctx context.Context, name string, r io.Reader, size int64) error
	// Kept makes all that was kept durable.
	Kept(ctx context.Context) error
	// Drop forgets what was kept, as well as it can.
	Drop(ctx context.Context)
}

// FileLimits bound what an attempt may leave.
type FileLimits struct {
	Bytes int64 // of one file
	Files int
}

// entriesMax bounds how many names are looked at for the artifacts of an attempt.
const entriesMax = 200_000

// inputsSuffix makes the folder of the inputs from that of the scratch files.
const inputsSuffix = ".inputs"

// bring lays out the inputs of the task, and returns in with their folder.
func (c *command) bring(ctx context.Context, in Input, own private) (Input, error) {
	if len(in.Task.Inputs) == 0 {
		return in, nil
	}
	in.InputsDir = own.scratch + inputsSuffix
	if err := in.Files.Bring(ctx, in.InputsDir); err != nil {
		return in, fmt.Errorf("inputs: %w", err)
	}
	return in, nil
}

// notBrought returns the Result of an attempt whose inputs are not there.
func notBrought(ctx context.Context, task *miniairflow.Task, err error, notes *noteWriter) Result {
	if ctx.Err() == nil {
		return cannotStart(notes, err)
	}
	result := interrupted(ctx, task)
	notes.note(result.Reason)
	return result
}

// removeInputs deletes what bring has made.
func (c *command) removeInputs(ctx context.Context, in Input, own private) {
	if len(in.Task.Inputs) == 0 {
		return
	}
	if err := RemoveAll(own.scratch + inputsSuffix); err != nil {
		c.logger.WarnContext(ctx, "inputs of an attempt cannot be removed", "path", own.scratch+inputsSuffix, "error", err)
	}
}

// collect keeps the artifacts of an attempt whose command has succeeded, and returns
// its result. After a failure nothing is kept.
func collect(ctx context.Context, in Input, own private, result Result, notes *noteWriter) Result {
	if len(in.Task.Artifacts) == 0 || result.Status != miniairflow.AttemptSuccess {
		return result
	}
	c := collector{in: in, own: own, hider: logs.NewHider(in.Mask), roots: map[miniairflow.ArtifactBase]*os.Root{}, names: map[string]leftFile{}}
	defer c.close()
	text, err := c.collect(ctx)
	if err == nil {
		notes.note(text)
		return result
	}
	in.Files.Drop(context.WithoutCancel(ctx))
	failure := Result{Status: miniairflow.AttemptFailed, Reason: "artifacts: " + err.Error(), ExitCode: result.ExitCode}
	if ctx.Err() != nil {
		failure = interrupted(ctx, in.Task)
	}
	notes.note(failure.Reason)
	return failure
}

// collector finds and keeps the files that an attempt has left.
type collector struct {
	in     Input
	own    private
	hider  *logs.Hider
	roots  map[miniairflow.ArtifactBase]*os.Root // nil: the folder is gone
	names  map[string]leftFile                   // by the name that it gets
	looked int                                   // at so many names
}

// leftFile is a file that an attempt has left.
type leftFile struct {
	base miniairflow.ArtifactBase
	path string // below base
}

func (c *collector) close() {
	for _, root := range c.roots {
		if root != nil {
			_ = root.Close() // it was only read
		}
	}
}

func (c *collector) collect(ctx context.Context) (text string, err error) {
	for _, rule := range c.in.Task.Artifacts {
		if err := c.find(ctx, rule); err != nil {
			return "", err
		}
	}
	names := make([]string, 0, len(c.names))
	for name := range c.names {
		names = append(names, name)
	}
	slices.Sort(names)
	if err := c.checkFolders(names); err != nil {
		return "", err
	}
	var total int64
	for _, name := range names {
		size, err := c.keep(ctx, name, c.names[name])
		if err != nil {
			return "", fmt.Errorf("%q: %w", name, err)
		}
		total += size
	}
	if err := c.in.Files.Kept(ctx); err != nil {
		return "", err
	}
	if len(names) == 1 {
		return fmt.Sprintf("kept 1 artifact, %d bytes", total), nil
	}
	return fmt.Sprintf("kept %d artifacts, %d bytes", len(names), total), nil
}

// checkFolders refuses a name that is a folder in another: who lays them out could
// not have both.
func (c *collector) checkFolders(names []string) error {
	for _, name := range names {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := c.names[dir]; ok {
				return fmt.Errorf("%q is a file, and in %q a folder: give one of them another name", dir, name)
			}
		}
	}
	return nil
}

// find adds the files that a rule chooses.
func (c *collector) find(ctx context.Context, rule miniairflow.ArtifactRule) error {
	pattern, err := miniairflow.ParseArtifactPath(rule.Path)
	if err != nil {
		return fmt.Errorf("%q: %w", rule.Path, err)
	}
	root, err := c.root(pattern.Base)
	if err != nil {
		return err
	}
	w := artifactWalk{collector: c, rule: rule, pattern: pattern, root: root}
	if root != nil {
		if err := w.folder(ctx, ".", pattern.Start()); err != nil {
			return err
		}
	}
	if w.found == 0 && !rule.Optional {
		return fmt.Errorf("no file matches %s in %s: write it there, or say optional: true", rule.Path, c.shown(pattern.Base))
	}
	return nil
}

// shown says where a pattern looks.
func (c *collector) shown(base miniairflow.ArtifactBase) string {
	if base == miniairflow.ArtifactsOfDir {
		return "the working directory " + c.in.Dir
	}
	return "$" + string(base)
}

func (c *collector) root(base miniairflow.ArtifactBase) (*os.Root, error) {
	if root, ok := c.roots[base]; ok {
		return root, nil
	}
	dir := c.in.Dir
	switch base {
	case miniairflow.ArtifactsOfRunDir:
		dir = c.in.RunDir
	case miniairflow.ArtifactsOfScratch:
		dir = c.own.scratch
	}
	root, err := os.OpenRoot(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open %s: %w", c.shown(base), plainError(err))
	}
	c.roots[base] = root
	return root, nil
}

// artifactWalk finds the files of one rule.
type artifactWalk struct {
	*collector
	rule    miniairflow.ArtifactRule
	pattern miniairflow.ArtifactPath
	root    *os.Root
	found   int
}

// folder looks for files in a folder that the pattern has matched so far. Links are
// not followed: what is kept lies where the pattern says.
func (w *artifactWalk) folder(ctx context.Context, dir string, state miniairflow.ArtifactState) error {
	if strings.Count(dir, "/") > 64 {
		return fmt.Errorf("%q is too deep: name the folder of the files", dir)
	}
	if name, ok := w.pattern.Only(state); ok {
		return w.one(ctx, dir, name, w.pattern.Step(state, name))
	}
	folder, err := w.root.Open(dir)
	if err != nil {
		return fmt.Errorf("open %q: %w", dir, plainError(err))
	}
	defer folder.Close()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		entries, err := folder.ReadDir(1000)
		for _, entry := range entries {
			next := w.pattern.Step(state, entry.Name())
			if w.looked++; w.looked > entriesMax {
				return fmt.Errorf("%s has more than %d names: name the folder of the files", w.shown(w.pattern.Base), entriesMax)
			}
			if next == 0 {
				continue
			}
			if err := w.entry(ctx, path.Join(dir, entry.Name()), entry.Type(), next); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %q: %w", dir, plainError(err))
		}
	}
}

// one looks at the only name in a folder that the pattern goes on with.
func (w *artifactWalk) one(ctx context.Context, dir, name string, state miniairflow.ArtifactState) error {
	file := path.Join(dir, name)
	info, err := w.root.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil
	case err != nil:
		return fmt.Errorf("look at %q: %w", file, plainError(err))
	case info.Mode().Type() == fs.ModeSymlink:
		return refusedKind(file, info.Mode())
	}
	return w.entry(ctx, file, info.Mode().Type(), state)
}

// entry takes a file, goes on in a folder, and refuses anything else that matches.
func (w *artifactWalk) entry(ctx context.Context, file string, kind fs.FileMode, state miniairflow.ArtifactState) error {
	switch {
	case kind == fs.ModeDir:
		return w.folder(ctx, file, state)
	case !w.pattern.IsMatch(state):
		return nil
	case kind != 0:
		return refusedKind(file, kind)
	}
	name := file
	if w.rule.Name != "" {
		name = w.rule.Name
	}
	if err := miniairflow.CheckArtifactName(name); err != nil {
		return fmt.Errorf("the file %q cannot be kept under its name: %w", file, err)
	}
	if w.hider.Hide(name) != name {
		return errors.New("the name of a file holds a secret: give the file another one")
	}
	left := leftFile{base: w.pattern.Base, path: file}
	other, ok := w.names[name]
	if ok && other != left && w.rule.Name != "" && w.found > 0 {
		return fmt.Errorf("%s is more than one file, which cannot all be called %q: remove name", w.rule.Path, name)
	}
	if ok && other != left {
		return fmt.Errorf("two files would be called %q, one in %s and one in %s: give one a name of its own", name, w.shown(other.base), w.shown(left.base))
	}
	w.found++
	w.names[name] = left
	if len(w.names) > w.in.FileLimits.Files {
		return fmt.Errorf("the task left more than %d files: pack them into one archive, or raise --max-artifact-files", w.in.FileLimits.Files)
	}
	return nil
}

func refusedKind(file string, mode fs.FileMode) error {
	kind := "no file"
	switch mode.Type() {
	case fs.ModeSymlink:
		kind = "a symbolic link"
	case fs.ModeNamedPipe:
		kind = "a pipe"
	case fs.ModeSocket:
		kind = "a socket"
	case fs.ModeDevice, fs.ModeDevice | fs.ModeCharDevice:
		kind = "a device"
	}
	return fmt.Errorf("%q is %s: only files are kept, copy what it stands for", file, kind)
}

// keep keeps one file, which must stay as it is meanwhile.
func (c *collector) keep(ctx context.Context, name string, left leftFile) (size int64, err error) {
	root := c.roots[left.base]
	seen, err := root.Lstat(left.path)
	if err != nil {
		return 0, plainError(err)
	}
	// Opening a pipe that took the place of the file must not wait for a writer.
	file, err := root.OpenFile(left.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0, plainError(err)
	}
	defer file.Close()
	before, err := file.Stat()
	switch {
	case err != nil:
		return 0, plainError(err)
	case !before.Mode().IsRegular(), !os.SameFile(seen, before):
		return 0, errors.New("it was replaced while it was read: end what writes it before the command ends")
	case before.Size() > c.in.FileLimits.Bytes:
		return 0, fmt.Errorf("it has %d bytes, more than %d: make it smaller, or raise --max-artifact-bytes", before.Size(), c.in.FileLimits.Bytes)
	}
	if err := c.in.Files.Keep(ctx, name, file, before.Size()); err != nil {
		return 0, plainError(err)
	}
	after, err := file.Stat()
	if err != nil {
		return 0, plainError(err)
	}
	if after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return 0, errors.New("it changed while it was read: end what writes it before the command ends")
	}
	return before.Size(), nil
}

// plainError leaves out the path of an error that says which file it is about.
func plainError(err error) error {
	if inner, ok := errors.AsType[*fs.PathError](err); ok {
		return inner.Err
	}
	return err
}
