package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow/loader"
)

func newValidateCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate PATH…",
		Short: "Check workflow files and folders",
		Long:  "Check workflow files and folders. Every problem of every file is printed as\nfile:line:column: message; the exit code is 3 if there is one. What a file says, but hardly\nmeans, is printed as file:line:column: warning: message, and changes no exit code.",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, _ := cmd.Flags().GetString("output")
			format := loader.Format(name)
			if !slices.Contains(loader.Formats, format) {
				return usageErrorf("--output %s: write text, github or json", name)
			}
			config, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			result, err := loader.LoadPathBelow(config.Dags, args, config.limits())
			if err != nil {
				return err
			}
			if err := loader.WriteProblems(std.out, format, result.Problems, result.Warnings); err != nil {
				return fmt.Errorf("print problems: %w", err)
			}
			if len(result.Problems) > 0 {
				return &exitError{code: exitInvalidFile}
			}
			if format == loader.FormatText {
				fmt.Fprintf(std.err, "files: %d, workflows: %d, problems: none%s\n", result.Files, len(result.Definitions), warningsCount(result))
			}
			return nil
		},
	}
	addFileFlags(cmd.Flags())
	cmd.Flags().StringP("output", "o", "text", "text, github or json")
	return cmd
}

// warningsCount is how the summary of files without a problem ends.
func warningsCount(result loader.Result) string {
	if len(result.Warnings) == 0 {
		return ""
	}
	return fmt.Sprintf(", warnings: %d", len(result.Warnings))
}
