package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/loader/format"
)

// stdinName is the argument that stands for standard input.
const stdinName = "-"

func newFormatCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fmt PATH…|-",
		Short: "Format workflow files",
		Long: "Format workflow files, or all of a folder, in place; - reads standard input and prints. Indentation and spaces\n" +
			"are put in order; comments, the order of keys, quotes and texts stay as they are. A file is only written if it\n" +
			"still says the same. --check and --diff write nothing and exit with code 1 if a file is not formatted.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if slices.Contains(args, stdinName) {
				if len(args) > 1 {
					return usageErrorf("- stands alone: it reads standard input")
				}
				return formatStdin(std, config.limits())
			}
			f := formatter{std: std, limits: config.limits()}
			f.check, _ = cmd.Flags().GetBool("check")
			f.diff, _ = cmd.Flags().GetBool("diff")
			return f.paths(args)
		},
	}
	addFileFlags(cmd.Flags())
	cmd.Flags().Bool("check", false, "name the files that are not formatted, and write nothing")
	cmd.Flags().Bool("diff", false, "print what would change, and write nothing")
	return cmd
}

func formatStdin(std stdio, limits loader.Limits) error {
	data, err := readUpTo(std.in, limits.Bytes)
	if err != nil {
		return err
	}
	formatted, err := format.File("stdin.yaml", data, limits)
	if err != nil {
		return fileError(err)
	}
	_, err = std.out.Write(formatted)
	return err
}

// readUpTo reads a file up to just above the limit, which tells that it is too
// large.
func readUpTo(in io.Reader, limit int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return data, nil
}

// readFile is readUpTo of a regular file. It refuses all else, and never blocks on a
// pipe: what is written in place or has its name in reports is a file.
func readFile(name string, limit int) ([]byte, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	defer func() { _ = file.Close() }() // nothing was written to it
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, miniairflow.Errorf(miniairflow.CodeInvalid, "%s: the file cannot be read: it is not a regular file", name)
	}
	data, err := readUpTo(file, limit)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	return data, nil
}

// fileError gives an error of a file's content the exit code of one.
func fileError(err error) error {
	if miniairflow.ErrorCode(err) == miniairflow.CodeInvalid {
		return &exitError{code: exitInvalidFile, cause: errors.New(miniairflow.ErrorMessage(err))}
	}
	return err
}

// formatter formats files.
type formatter struct {
	std         stdio
	limits      loader.Limits
	check, diff bool // write nothing
}

// paths formats the files and those of folders. One that cannot be does not keep
// the others from it.
func (f formatter) paths(paths []string) error {
	files, err := filesToFormat(paths)
	if err != nil {
		return err
	}
	var first error
	different := false
	for _, file := range files {
		changed, err := f.file(file)
		if err != nil {
			fmt.Fprintln(f.std.err, errorText(err))
			if first == nil {
				first = fileError(err)
			}
			continue
		}
		different = different || changed
	}
	switch {
	case first != nil:
		return &exitError{code: exitCode(first)}
	case (f.check || f.diff) && different:
		return &exitError{code: exitFailed}
	default:
		return nil
	}
}

// filesToFormat returns the files that are named, and all YAML files of the folders
// that are: workflows and what stands beside them.
func filesToFormat(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, miniairflow.Errorf(miniairflow.CodeNotFound, "there is no file or folder %q", path)
		case err != nil:
			return nil, fmt.Errorf("read %q: %w", path, err)
		case !info.IsDir():
			files = append(files, path)
			continue
		}
		below, err := loader.YAMLFiles(path)
		switch {
		case err != nil:
			return nil, err
		case len(below) == 0:
			return nil, miniairflow.Errorf(miniairflow.CodeInvalid, "the folder %q has no file to format (*.yaml, *.yml)", path)
		}
		files = append(files, below...)
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// file formats a file in place, unless it is only looked at, and reports whether
// it was not as it should be.
func (f formatter) file(name string) (changed bool, err error) {
	data, err := readFile(name, f.limits.Bytes)
	if err != nil {
		return false, err
	}
	formatted, err := format.File(name, data, f.limits)
	if err != nil || bytes.Equal(formatted, data) {
		return false, err
	}
	switch {
	case f.diff:
		_, err = f.std.out.Write(diff.Diff(name, data, name+" (formatted)", formatted))
		return true, err
	case !f.check:
		if err := replaceFile(name, formatted); err != nil {
			return true, err
		}
	}
	_, err = fmt.Fprintln(f.std.out, name)
	return true, err
}

// replaceFile writes a file anew, wholly or not at all. A symbolic link stays one.
func replaceFile(name string, data []byte) (err error) {
	name, err = filepath.EvalSymlinks(name)
	if err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), ".fmt-*")
	if err != nil {
		return fmt.Errorf("write %q: %w", name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %q: %w", name, err), os.Remove(temporary.Name()))
		}
	}()
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Chmod(info.Mode().Perm()), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), name)
}
