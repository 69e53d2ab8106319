package loader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/sauravritesh63/miniairflow"
)

// patternsMax bounds the patterns of one workflow.
const patternsMax = 100

// carrier reads the files that a workflow file carries, and remembers what it has
// seen of them. It belongs to one look at the file.
type carrier struct {
	root, folder string // the folder of the workflows, and that of the file below it
	sum          func(content []byte) string

	patterns []pattern
	names    int // that were looked at
	seen     map[string]bool
	read     map[string]carriedFile // by path
	newest   time.Time              // when one of them was changed last
}

// carriedFile is a file that was read, or why it was not.
type carriedFile struct {
	miniairflow.WorkflowFile
	sum   string // of its content, as sum has it
	fault string
}

// newCarrier returns the carrier of a file by its path below root.
func newCarrier(root, below string) *carrier {
	return &carrier{root: root, folder: path.Dir(below), seen: map[string]bool{}, read: map[string]carriedFile{}}
}

// open opens the folder of the workflow's file, which nothing leads out of.
func (c *carrier) open() (*os.Root, error) {
	root, err := os.OpenRoot(c.root)
	if err != nil || c.folder == "." {
		return root, err
	}
	defer root.Close()
	return root.OpenRoot(filepath.FromSlash(c.folder))
}

// files reads the files that a workflow carries: those that its patterns match, by path.
func (v value) files() []miniairflow.WorkflowFile {
	c := v.doc.carrier
	items := v.items("a path, a pattern or a list of these: write [scripts/**]")
	switch {
	case len(items) == 0:
		return nil
	case c == nil:
		v.fail("files are those beside the workflow's file, and a workflow that is sent as text has none: put it into the folder of the workflows, or remove files")
		return nil
	case len(items) > patternsMax:
		v.doc.halt(v.at, "files has %d patterns, but may have at most %d", len(items), patternsMax)
		return nil
	}
	root, err := c.open()
	if err != nil {
		v.fail("files: the folder of the workflow's file cannot be read: %v", cause(err))
		return nil
	}
	defer root.Close()
	found := map[string]miniairflow.WorkflowFile{}
	left := int64(miniairflow.WorkflowFileBytesMax)
	for _, item := range items {
		if text, ok := item.text(); ok && !item.carry(c, root, text, found, &left) {
			break
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b miniairflow.WorkflowFile) int { return strings.Compare(a.Path, b.Path) })
}

// carry adds what one pattern matches, and reports whether more may follow. left is
// how many bytes all files may still have.
func (v value) carry(c *carrier, root *os.Root, text string, found map[string]miniairflow.WorkflowFile, left *int64) bool {
	p, problem := newPattern(text)
	if problem != "" {
		v.fail("files %s %s", quoted(text), problem)
		return true
	}
	matched, err := c.find(root, p, v.doc.late)
	switch {
	case v.doc.halted:
		return false
	case err != nil:
		v.fail("files %s: %v", quoted(text), err)
		return false
	case len(matched) == 0:
		v.fail("files %s: no file matches it below the folder of the workflow's file", quoted(text))
		return true
	}
	for _, m := range matched {
		if _, isThere := found[m.path]; isThere {
			continue
		}
		if v.doc.late() {
			return false
		}
		if len(found) == miniairflow.WorkflowFilesMax {
			v.fail("files %s: all patterns together match more than %d files: name fewer", quoted(text), miniairflow.WorkflowFilesMax)
			return false
		}
		file := c.load(root, m, *left)
		if file.fault != "" {
			v.fail("files %s: %s %s", quoted(text), quoted(m.path), file.fault)
			return false
		}
		found[m.path] = file.WorkflowFile
		*left -= file.Size
	}
	return true
}

// find returns what a pattern matches, and remembers it.
func (c *carrier) find(root *os.Root, p pattern, isOver func() bool) ([]match, error) {
	c.patterns = append(c.patterns, p)
	s := search{root: root, names: c.names, isOver: isOver}
	matched, err := s.find(p)
	c.names = s.names
	if err != nil {
		c.seen["!"+err.Error()] = true
	}
	for _, m := range matched {
		line := m.path + "\x00" + m.fault
		if m.info != nil {
			at := stampOf(m.info)
			line += fmt.Sprintf("%d\x00%d\x00%d\x00%v", at.size, at.modified.UnixNano(), at.inode, isExecutable(m.info))
			if at.modified.After(c.newest) {
				c.newest = at.modified
			}
		}
		c.seen[line] = true
	}
	return matched, err
}

func isExecutable(info fs.FileInfo) bool { return info.Mode()&0o100 != 0 }

// load reads a file of at most so many bytes, once.
func (c *carrier) load(root *os.Root, m match, most int64) carriedFile {
	if file, isRead := c.read[m.path]; isRead && file.fault == "" && file.Size <= most {
		return file
	}
	file := carriedFile{fault: m.fault}
	file.Path = m.path
	switch {
	case m.fault != "":
	case !utf8.ValidString(m.path):
		file.fault = "has a name that is not UTF-8: rename it"
	case m.info.Size() > miniairflow.WorkflowFileBytesMax:
		file.fault = fmt.Sprintf("has %d bytes, and all files together may have at most %d", m.info.Size(), miniairflow.WorkflowFileBytesMax)
	case m.info.Size() > most:
		file.fault = fmt.Sprintf("is one too many: all files together have more than %d bytes", miniairflow.WorkflowFileBytesMax)
	default:
		content, err := readCarried(root, m.path, m.info.Size())
		if err != nil {
			file.fault = err.Error()
			break
		}
		hash := sha256.Sum256(content)
		file.Hash, file.Size, file.IsExecutable = hex.EncodeToString(hash[:]), int64(len(content)), isExecutable(m.info)
		if c.sum != nil {
			file.sum = c.sum(content)
		}
	}
	c.read[m.path] = file
	return file
}

// readCarried reads a file that should have so many bytes. It never waits for a pipe.
func readCarried(root *os.Root, below string, size int64) ([]byte, error) {
	file, err := root.OpenFile(filepath.FromSlash(below), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", cause(err))
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.New("is not a regular file")
	}
	content := make([]byte, 0, size+1)
	for {
		n, err := file.Read(content[len(content):cap(content)])
		content = content[:len(content)+n]
		switch {
		case int64(len(content)) > size:
			return nil, errFileChanged
		case errors.Is(err, io.EOF):
			return content, nil
		case err != nil:
			return nil, fmt.Errorf("cannot be read: %w", cause(err))
		}
	}
}

// errFileChanged is a file that is not as it was a moment ago: it is being written.
var errFileChanged = errors.New("changed while it was read")

// mark is what the hash of a workflow file is of beside its bytes: all that it
// carries; nothing if it names no files.
func (c *carrier) mark() string {
	if len(c.patterns) == 0 {
		return ""
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(c.read)) {
		file := c.read[name]
		fmt.Fprintf(h, "%q %s %v %q\n", name, file.Hash, file.IsExecutable, file.fault)
	}
	return "\x00files\x00" + hex.EncodeToString(h.Sum(nil))
}

// isYoung reports whether one of the files was changed within the last while.
func (c *carrier) isYoung(while time.Duration) bool {
	age := time.Since(c.newest)
	return age >= 0 && age < while
}

// carried is what is known of the files that a workflow file carries.
type carried struct {
	patterns []pattern
	digest   string // of their paths and stamps
}

// carried returns what is known after the look; nil: the workflow file names none.
func (c *carrier) carried() *carried {
	if len(c.patterns) == 0 {
		return nil
	}
	h := sha256.New()
	for _, line := range slices.Sorted(maps.Keys(c.seen)) {
		fmt.Fprintf(h, "%q\n", line)
	}
	return &carried{patterns: c.patterns, digest: hex.EncodeToString(h.Sum(nil))}
}

// isAs reports whether the files are as they were, without a look into them.
func (k *carried) isAs(dir, below string) bool {
	c := newCarrier(dir, below)
	root, err := c.open()
	if err != nil {
		return false
	}
	defer root.Close()
	for _, p := range k.patterns {
		_, _ = c.find(root, p, nil) // what is wrong is remembered as well
	}
	return c.carried().digest == k.digest
}

// FileStore keeps the contents of files, see miniairflow.FileStore.
type FileStore interface {
	KeepFiles(ctx context.Context, hashes []string) (missing []string, err error)
	AddFiles(ctx context.Context, contents [][]byte) error
}

// SaveFiles stores the contents of the files that a workflow carries, which must come
// before the workflow itself. file is the path of the workflow's file. A file that is
// not as it was when the workflow was read is a CodeConflict.
func SaveFiles(ctx context.Context, store FileStore, file string, files []miniairflow.WorkflowFile) error {
	return newCarrier(filepath.Dir(file), filepath.Base(file)).save(ctx, store, files)
}

func (c *carrier) save(ctx context.Context, store FileStore, files []miniairflow.WorkflowFile) error {
	if len(files) == 0 {
		return nil
	}
	missing, err := store.KeepFiles(ctx, miniairflow.FileHashes(files))
	if err != nil || len(missing) == 0 {
		return err
	}
	wanted := make(map[string]bool, len(missing))
	for _, hash := range missing {
		wanted[hash] = true
	}
	root, err := c.open()
	if err != nil {
		return fmt.Errorf("read the folder of the workflow's file: %w", err)
	}
	defer root.Close()
	var contents [][]byte
	for _, file := range files {
		if !wanted[file.Hash] {
			continue
		}
		delete(wanted, file.Hash)
		content, err := readCarried(root, file.Path, file.Size)
		if hash := sha256.Sum256(content); err != nil || hex.EncodeToString(hash[:]) != file.Hash {
			return &miniairflow.Error{Code: miniairflow.CodeConflict, Message: fmt.Sprintf("file %q %v", file.Path, errFileChanged), Err: err}
		}
		contents = append(contents, content)
	}
	return store.AddFiles(ctx, contents)
}
