package action

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/logs"
)

// outputMax is how much a task may write to its outputs file.
const outputMax = 1 << 20

var outputKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,127}$`)

// readOutputs reads the outputs file of a successful attempt, and what it has
// printed: declared outputs as their types, the others as text. A declared one that
// is missing is an error.
func readOutputs(path string, in Input, printed *tail) (map[string]any, error) {
	task := in.Task
	text, err := readOutputFile(path)
	if err != nil {
		return nil, err
	}
	written, err := parseOutputs(text, in.Mask)
	if err != nil {
		return nil, err
	}
	outputs := make(map[string]any, len(written))
	for name, value := range written {
		outputs[name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(task.Outputs)) {
		value, ok := written[name]
		if task.OutputFrom[name] == miniairflow.FromStdout {
			ok = true
			if value, err = printed.hiddenText(in.Mask); err != nil {
				return nil, fmt.Errorf("output %q: %w", name, err)
			}
		}
		if !ok {
			return nil, fmt.Errorf("output %q is declared, but the task did not write it to $MINIAIRFLOW_OUTPUT", name)
		}
		if outputs[name], err = miniairflow.ParseOutput(task.Outputs[name], value); err != nil {
			return nil, fmt.Errorf("output %q: %w", name, withoutValue(err, task.Outputs[name], value, in.Mask))
		}
	}
	if len(outputs) == 0 {
		return nil, nil
	}
	return outputs, nil
}

// readOutputFile reads what the task made of the file. It may be gone, or
// something that would block or never end.
func readOutputFile(path string) (string, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		return "", nil // of most tasks
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("$MINIAIRFLOW_OUTPUT cannot be read: %w", errors.Unwrap(err))
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.New("$MINIAIRFLOW_OUTPUT is no longer a regular file")
	}
	data, err := io.ReadAll(io.LimitReader(file, outputMax+1))
	if err != nil {
		return "", fmt.Errorf("$MINIAIRFLOW_OUTPUT cannot be read: %w", err)
	}
	if len(data) > outputMax {
		return "", errors.New("$MINIAIRFLOW_OUTPUT is larger than 1 MiB: write large data to a file in $MINIAIRFLOW_RUN_DIR and output its path")
	}
	return string(data), nil
}

// parseOutputs reads lines key=value, and blocks key<<DELIMITER up to a line
// DELIMITER. Empty lines between them mean nothing; the last of two equal keys wins.
// A key is shown and kept, so none is taken from what is to be masked: a secret that
// has a = would be cut there, and not be found any more.
func parseOutputs(text string, mask []string) (map[string]string, error) {
	lines := strings.Split(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	for i, line := range lines {
		if !utf8.ValidString(line) {
			return nil, outputLineError(i, "is not valid UTF-8")
		}
		if strings.ContainsRune(line, 0) {
			return nil, outputLineError(i, "has a NUL byte")
		}
	}
	outputs, hider := map[string]string{}, logs.NewHider(mask)
	for i := 0; i < len(lines); {
		if end := strings.IndexAny(lines[i], "=<"); end > 0 && !strings.HasPrefix(hider.Hide(lines[i]), lines[i][:end]) {
			return nil, outputLineError(i, "begins with a secret: write key=value, with a key of its own")
		}
		next, key, value, err := parseOutput(lines, i)
		if err != nil {
			return nil, err
		}
		if key != "" {
			outputs[key] = value
		}
		i = next
	}
	return outputs, nil
}

// parseOutput reads the entry at line i, "" for an empty line, and returns the line after it.
func parseOutput(lines []string, i int) (next int, key, value string, err error) {
	line := lines[i]
	if line == "" {
		return i + 1, "", "", nil
	}
	end := strings.IndexAny(line, "=<")
	switch {
	case end < 0:
		return 0, "", "", outputLineError(i, "is neither key=value nor key<<DELIMITER")
	case !outputKey.MatchString(line[:end]):
		return 0, "", "", outputLineError(i, "has the key %q; a key has letters, digits, _ and -, and does not begin with a digit", line[:end])
	case line[end] == '=':
		return i + 1, line[:end], line[end+1:], nil
	}
	delimiter, ok := strings.CutPrefix(line[end:], "<<")
	if !ok || delimiter == "" {
		return 0, "", "", outputLineError(i, "is neither key=value nor key<<DELIMITER")
	}
	length := slices.Index(lines[i+1:], delimiter)
	if length < 0 {
		return 0, "", "", outputLineError(i, "opens a block, but no line %q closes it", delimiter)
	}
	return i + length + 2, line[:end], strings.Join(lines[i+1:i+1+length], "\n"), nil
}

func outputLineError(index int, format string, args ...any) error {
	return fmt.Errorf("$MINIAIRFLOW_OUTPUT line %d %s", index+1, fmt.Sprintf(format, args...))
}
