package loader

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// YAMLFiles lists all YAML files of a folder that anything reads, sorted: workflows,
// pools, defaults, templates and test files. As for a Loader, what is hidden is left
// out, and links of files count if they lead to a regular file below root.
func YAMLFiles(root string) (files []string, err error) {
	target, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, fmt.Errorf("list files of %q: %w", root, err)
	}
	err = filepath.WalkDir(target, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == target:
		case strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
		case slices.Contains(extensions, filepath.Ext(name)) && isRegularBelow(target, name, entry):
			below, err := filepath.Rel(target, name)
			files = append(files, filepath.Join(root, below))
			return err
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list files of %q: %w", root, err)
	}
	slices.Sort(files)
	return files, nil
}

func isRegularBelow(root, name string, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.Type().IsRegular()
	}
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return false
	}
	inside, err := filepath.Rel(root, target)
	if err != nil || !filepath.IsLocal(inside) {
		return false
	}
	info, err := os.Lstat(target)
	return err == nil && info.Mode().IsRegular()
}
