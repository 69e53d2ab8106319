package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader/crontab"
)

// importBytesMax bounds what is imported at once.
const importBytesMax = 1 << 20

func newImportCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Make workflow files of what other tools have",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newImportCrontabCommand(std))
	return cmd
}

func newImportCrontabCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "crontab FILE|-",
		Short: "Make a workflow file of each line of a crontab",
		Long: "Make a workflow file of each line of a crontab, as in `crontab -l | miniairflow import crontab - --out dags`.\n" +
			"Standard error says what needs a hand. Without --out the workflows are printed. Files that are there are\n" +
			"never written over. The exit code is 3 if a line could not be imported.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var options crontab.Options
			options.System, _ = cmd.Flags().GetBool("system")
			options.Timezone, _ = cmd.Flags().GetString("timezone")
			out, _ := cmd.Flags().GetString("out")
			text, err := readArgument(std, args[0])
			if err != nil {
				return err
			}
			workflows, notes, err := crontab.Import(text, options)
			if err != nil {
				return err
			}
			if err := writeWorkflows(std.out, out, workflows); err != nil {
				return err
			}
			lost := 0
			for _, note := range notes {
				fmt.Fprintln(std.err, printable(note.String()))
				if note.IsLoss {
					lost++
				}
			}
			fmt.Fprintf(std.err, "workflows: %d, lines not imported: %d, other notes: %d\n", len(workflows), lost, len(notes)-lost)
			if lost > 0 {
				return &exitError{code: exitInvalidFile}
			}
			return nil
		},
	}
	cmd.Flags().String("out", "", "write each workflow to a file of its own in this folder")
	cmd.Flags().Bool("system", false, "the lines have a user before the command, as in /etc/crontab and /etc/cron.d")
	cmd.Flags().String("timezone", "", "the zone of the machine whose cron it is, as Europe/Berlin (default: UTC)")
	return cmd
}

// readArgument reads the file that an argument names, or standard input for -.
func readArgument(std stdio, name string) (text string, err error) {
	in := std.in
	if name != stdinName {
		file, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return "", miniairflow.Errorf(miniairflow.CodeNotFound, "there is no file %q", name)
		}
		if err != nil {
			return "", fmt.Errorf("read file: %w", err)
		}
		defer func() { _ = file.Close() }() // it was only read
		in = file
	}
	data, err := readUpTo(in, importBytesMax)
	return string(data), err
}

// writeWorkflows writes each workflow to a file of its own in a folder, or all of
// them to out. It writes none if one of the files is there already.
func writeWorkflows(out io.Writer, folder string, workflows []crontab.Workflow) error {
	if folder == "" {
		for i, w := range workflows {
			if i > 0 {
				fmt.Fprintln(out, "---")
			}
			if _, err := out.Write(w.YAML); err != nil {
				return err
			}
		}
		return nil
	}
	for _, w := range workflows {
		if name := workflowPath(folder, w); exists(name) {
			return miniairflow.Errorf(miniairflow.CodeConflict, "%s is there already, for line %d: move it, or choose another --out; nothing was written", name, w.Line)
		}
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	for _, w := range workflows {
		name := workflowPath(folder, w)
		if err := createFile(name, w.YAML); err != nil {
			return fmt.Errorf("write workflow %q: %w", w.Name, err)
		}
		fmt.Fprintln(out, name)
	}
	return nil
}

func workflowPath(folder string, w crontab.Workflow) string {
	return filepath.Join(folder, w.Name+".yaml")
}

// createFile writes a file that must not be there yet.
func createFile(name string, data []byte) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}
