package loader

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// scanned is what a workflow folder holds now.
type scanned struct {
	files      []scannedFile // sorted by path
	folders    []string      // as the operating system names them, the root first
	unreadable []string      // folders below the root, with slashes, whose files are not known
	hasLinks   bool          // some files or folders are symbolic links
	around     *surroundings // what the files take from others
}

// scannedFile is a workflow file of a folder, not read yet.
type scannedFile struct {
	path    string // below the folder, with slashes
	stamp   stamp
	refused string    // why it is not to be read, if so
	ahead   knownFile // as it was read ahead; without a hash it was not
	takes   taken     // what it takes from other files
}

// stamp tells two contents of a file apart without reading it.
type stamp struct {
	size     int64
	modified time.Time
	inode    uint64
}

func stampOf(info fs.FileInfo) stamp {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stampFrom(stat)
	}
	return stamp{size: info.Size(), modified: info.ModTime()}
}

func stampFrom(stat *syscall.Stat_t) stamp {
	return stamp{size: stat.Size, modified: modified(stat), inode: stat.Ino}
}

// scan lists the workflow files below root, with one look at each, and the folders that
// must be watched to learn of changes. Symbolic links are followed where they
// stay below root, so a mounted ConfigMap works, whose files are links into a
// hidden folder. What the files take from others is read first, unless read is nil.
// The error says that root itself cannot be read.
func scan(root string, read func([]aroundFile) *surroundings, look func(plainFile) scannedFile) (scanned, error) {
	target, err := filepath.EvalSymlinks(root)
	if err != nil {
		return scanned{}, fmt.Errorf("read workflow folder: %w", err)
	}
	s := scanner{root: root, target: target, visited: map[string]bool{}, within: map[string]bool{}}
	if err := s.folder("", target); err != nil {
		return scanned{}, fmt.Errorf("read workflow folder: %w", err)
	}
	if read != nil {
		s.around = read(s.others)
	}
	s.look(look)
	slices.SortFunc(s.files, comparePaths)
	return s.scanned, nil
}

// look finishes the plain files, on all cores.
func (s *scanner) look(look func(plainFile) scannedFile) {
	before := len(s.files)
	s.files = slices.Grow(s.files, len(s.plain))[:before+len(s.plain)]
	for i := range s.files[:before] {
		s.files[i].takes = s.around.takenBy(s.files[i].path)
	}
	onAllCores(len(s.plain), func(i int) {
		plain := &s.plain[i]
		plain.takes = s.around.takenBy(plain.below)
		s.files[before+i] = look(*plain)
		s.files[before+i].takes = plain.takes
	})
}

// stat looks at the file without reading it.
func (p plainFile) stat() scannedFile {
	file := scannedFile{path: p.below}
	var stat syscall.Stat_t // os.Lstat would make an object of it for each file
	switch _, err := uninterrupted(func() (int, error) { return 0, syscall.Lstat(p.real, &stat) }); {
	case err != nil:
		file.refused = unreadable(&fs.PathError{Op: "lstat", Path: p.real, Err: err})
	case stat.Mode&syscall.S_IFMT != syscall.S_IFREG:
		file.refused = unreadable(errNotRegular)
	default:
		file.stamp = stampFrom(&stat)
	}
	return file
}

func comparePaths(a, b scannedFile) int { return cmp.Compare(a.path, b.path) }

type scanner struct {
	scanned
	root, target string          // the folder as given, and without links
	visited      map[string]bool // real folders
	within       map[string]bool // of them those that lead to the current one, so that links in a circle end
	again        int             // how often a folder was visited that had been already
	plain        []plainFile
	others       []aroundFile // that workflow files take something from
}

// plainFile is a workflow file that the folder calls a regular file.
type plainFile struct {
	below, real string
	takes       taken
}

// folder lists one folder. below is its path under the root, with slashes; real
// is the same folder without links.
// A folder to which several links lead has its workflows where it is met first, but
// what files take from others at each of its places.
func (s *scanner) folder(below, real string) error {
	isAgain := s.visited[real]
	if s.within[real] {
		return nil
	}
	if isAgain {
		if s.again++; s.again > foldersAgainMax {
			return errTooManyLinks
		}
	}
	s.visited[real], s.within[real] = true, true
	defer delete(s.within, real)
	entries, err := os.ReadDir(real)
	if err != nil {
		return err
	}
	s.folders = append(s.folders, filepath.Join(s.root, filepath.FromSlash(below)))
	for _, entry := range entries {
		s.entry(path.Join(below, entry.Name()), real, entry, isAgain)
	}
	return nil
}

// foldersAgainMax bounds the folders that further links lead to: links to folders
// with links multiply.
const foldersAgainMax = 1_000

var errTooManyLinks = errors.New("too many links lead to folders")

func (s *scanner) entry(below, folder string, entry fs.DirEntry, isAgain bool) {
	isFile, isOther := isWorkflowPath(below) && !isAgain, isAroundFile(below)
	isFolder := isWorkflowFolder(entry.Name())
	if !isFile && !isOther && !isFolder {
		return
	}
	real := filepath.Join(folder, entry.Name())
	if entry.Type().IsRegular() {
		switch {
		case isFile:
			s.plain = append(s.plain, plainFile{below: below, real: real})
		case isOther:
			s.others = append(s.others, aroundFile{below: below, real: real})
		}
		return
	}
	if entry.Type()&fs.ModeSymlink != 0 {
		s.hasLinks = true
		target, err := filepath.EvalSymlinks(real)
		if err != nil {
			s.refuse(below, unreadable(err))
			return
		}
		if inside, err := filepath.Rel(s.target, target); err != nil || !filepath.IsLocal(inside) {
			s.refuse(below, leavesFolder)
			return
		}
		real = target
	}
	info, err := os.Lstat(real)
	switch {
	case err != nil:
		s.refuse(below, unreadable(err))
	case info.IsDir():
		if isFolder && s.folder(below, real) != nil {
			s.unreadable = append(s.unreadable, below)
		}
	case isOther && info.Mode().IsRegular():
		s.others = append(s.others, aroundFile{below: below, real: real})
	case !isFile && !isOther:
	case !info.Mode().IsRegular():
		s.refuse(below, unreadable(errNotRegular))
	default:
		s.files = append(s.files, scannedFile{path: below, stamp: stampOf(info)})
	}
}

// refuse notes an entry that cannot be read: a workflow file, one that such files take
// something from, or what may be a folder of them.
func (s *scanner) refuse(below, reason string) {
	switch {
	case isWorkflowPath(below):
		s.files = append(s.files, scannedFile{path: below, refused: reason})
	case isAroundFile(below):
		s.others = append(s.others, aroundFile{below: below, refused: reason})
	default:
		s.unreadable = append(s.unreadable, below)
	}
}

// covers reports whether the scan would have found the file if it were there.
func (s *scanned) covers(file string) bool {
	return !slices.ContainsFunc(s.unreadable, func(folder string) bool { return strings.HasPrefix(file, folder+"/") })
}

// complaint says what is wrong with the folder as a whole, if anything.
func (s *scanned) complaint() string {
	switch {
	case len(s.files) == 0:
		return "it has no workflow files; nothing is retired because of that"
	case len(s.unreadable) > 0:
		return fmt.Sprintf("folders cannot be read: %q; their workflows stay as they are", s.unreadable)
	default:
		return ""
	}
}
