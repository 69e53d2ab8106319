package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
)

// caseTimeMax is how long a case may take: what waits longer waits for something
// that no case can give.
const caseTimeMax = time.Minute

func newTestCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test PATH…",
		Short: "Test workflows: NAME.test.yaml says what tasks do, and what must come of it",
		Long: "Test workflows by the cases of test files (NAME.test.yaml beside NAME.yaml), or of all below a folder. The real\n" +
			"scheduler decides and the real templates are rendered, but no task does anything: the cases say what each\n" +
			"would have done. Nothing is started, and no server is needed. The exit code is 1 if a case fails. A test file that\n" +
			"cannot be run does not keep the others from it, but decides the exit code: 3 if a file is wrong.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if !cmd.Flags().Changed("log-level") {
				config.LogLevel = "error"
			}
			files, err := caseFiles(args)
			if err != nil {
				return err
			}
			suites := make([]caseSuite, 0, len(files))
			for _, file := range files {
				suite, err := testFile(cmd.Context(), config, std, file)
				if cmd.Context().Err() != nil {
					return err
				}
				if suite.err = err; err != nil {
					fmt.Fprintln(std.err, errorText(err))
				}
				suites = append(suites, suite)
			}
			if name, _ := cmd.Flags().GetString("junit"); name != "" {
				if err := writeJUnit(name, suites); err != nil {
					return err
				}
			}
			return summarize(std, suites)
		},
	}
	addFileFlags(cmd.Flags())
	cmd.Flags().String("junit", "", "write the results to this file too, as JUnit's XML")
	return cmd
}

// caseSuite are the results of a test file.
type caseSuite struct {
	file    string
	results []caseResult
	err     error // why not all of its cases were run
}

// caseResult is what came of a case.
type caseResult struct {
	name, workflow string
	took           time.Duration
	failures       []string // empty: it is as expected
}

// caseFiles returns the test files that are named and those below folders.
func caseFiles(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, miniairflow.Errorf(miniairflow.CodeNotFound, "there is no file or folder %q", path)
		case err != nil:
			return nil, fmt.Errorf("read %q: %w", path, err)
		case !info.IsDir():
			if testedBy(path) == "" {
				return nil, usageErrorf("%s is no test file: those are called NAME.test.yaml", path)
			}
			files = append(files, path)
			continue
		}
		below, err := caseFilesBelow(path)
		if err != nil {
			return nil, err
		}
		files = append(files, below...)
	}
	slices.Sort(files)
	if files = slices.Compact(files); len(files) == 0 {
		return nil, miniairflow.Errorf(miniairflow.CodeNotFound, "there is no test file (*.test.yaml) in %s", strings.Join(paths, ", "))
	}
	return files, nil
}

func caseFilesBelow(root string) (files []string, err error) {
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != root && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
		case entry.Type().IsRegular() && testedBy(path) != "":
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for test files: %w", err)
	}
	return files, nil
}

// testedBy returns the workflow file of a test file without its extension; empty
// for another file.
func testedBy(name string) string {
	for _, extension := range []string{".test.yaml", ".test.yml"} {
		if base, ok := strings.CutSuffix(name, extension); ok {
			return base
		}
	}
	return ""
}

// testFile runs the cases of a test file. The error says that there is nothing to
// run, because one of the files is wrong.
func testFile(ctx context.Context, c *config, std stdio, name string) (caseSuite, error) {
	suite := caseSuite{file: name}
	cases, err := loadCases(c, name)
	if err != nil {
		return suite, err
	}
	workflowFile := testedBy(name) + ".yaml"
	if !exists(workflowFile) {
		workflowFile = testedBy(name) + ".yml"
	}
	loaded, err := loader.LoadPathBelow(c.Dags, []string{workflowFile}, c.limits())
	if err != nil {
		return suite, err
	}
	if len(loaded.Problems) > 0 {
		return suite, fileError(loader.ParseError(loaded.Problems))
	}
	definition, err := testedWorkflow(loaded.Definitions, name, cases.Workflow)
	if err != nil {
		return suite, err
	}
	for _, one := range cases.Cases {
		result := caseResult{name: one.Name, workflow: definition.Name}
		started := time.Now()
		result.failures = unknownTasks(definition, one)
		if len(result.failures) == 0 {
			if result.failures, err = rehearse(ctx, c, workflowFile, definition, one); err != nil {
				return suite, fmt.Errorf("%s: case %q: %w", name, one.Name, err)
			}
		}
		result.took = time.Since(started)
		suite.results = append(suite.results, result)
		report(std, name, one, result)
	}
	return suite, nil
}

func loadCases(c *config, name string) (loader.CaseFile, error) {
	data, err := readFile(name, c.limits().Bytes)
	if err != nil {
		return loader.CaseFile{}, fileError(err)
	}
	cases, problems := loader.ParseCases(filepath.ToSlash(name), data, c.limits())
	if len(problems) > 0 {
		return loader.CaseFile{}, fileError(loader.ParseError(problems))
	}
	return cases, nil
}

func testedWorkflow(definitions []loader.LoadedDefinition, file, name string) (*miniairflow.Definition, error) {
	if name == "" && len(definitions) == 1 {
		return definitions[0].Definition, nil
	}
	var known []string
	for _, d := range definitions {
		if d.Name == name {
			return d.Definition, nil
		}
		known = append(known, d.Name)
	}
	if name == "" {
		return nil, fileError(miniairflow.Errorf(miniairflow.CodeInvalid, "%s: the file beside it has several workflows: write workflow: and one of %s", file, strings.Join(known, ", ")))
	}
	return nil, miniairflow.Errorf(miniairflow.CodeNotFound, "%s: unknown workflow %q: the file beside it has %s%s", file, name,
		strings.Join(known, ", "), miniairflow.DidYouMean(name, known))
}

// unknownTasks returns a failure for each task of a case that the workflow lacks.
func unknownTasks(d *miniairflow.Definition, c loader.Case) (failures []string) {
	var known []string
	for i := range d.Tasks {
		known = append(known, d.Tasks[i].Name)
	}
	check := func(where, name string) {
		if !slices.Contains(known, name) {
			failures = append(failures, fmt.Sprintf("%s: unknown task %q%s", where, name, miniairflow.DidYouMean(name, known)))
		}
	}
	for _, name := range sortedNames(c.Mocks) {
		check("tasks", name)
	}
	for _, task := range c.Expect.Tasks {
		check("expect.tasks", task.Name)
	}
	for _, name := range c.Expect.Order {
		check("expect.order", name)
	}
	return failures
}

func report(std stdio, file string, c loader.Case, r caseResult) {
	if len(r.failures) == 0 {
		fmt.Fprintf(std.out, "ok    %s: %s\n", file, printable(c.Name))
		return
	}
	fmt.Fprintf(std.out, "FAIL  %s:%d: %s\n", file, c.Line, printable(c.Name))
	for _, failure := range r.failures {
		fmt.Fprintf(std.out, "      %s\n", printable(failure))
	}
}

func summarize(std stdio, suites []caseSuite) error {
	cases, failed := 0, 0
	broken := exitOK
	for _, suite := range suites {
		cases += len(suite.results)
		if suite.err != nil && broken != exitInvalidFile {
			broken = exitCode(suite.err)
		}
		for _, r := range suite.results {
			if len(r.failures) > 0 {
				failed++
			}
		}
	}
	fmt.Fprintf(std.err, "cases: %d, failed: %d\n", cases, failed)
	switch {
	case broken != exitOK:
		return &exitError{code: broken}
	case failed > 0:
		return &exitError{code: exitFailed}
	}
	return nil
}
