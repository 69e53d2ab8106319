package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow/loader/reference"
)

func newSchemaCommand(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of workflow files, for editors",
		Long: "Print the JSON Schema of workflow files (draft 2020-12). An editor with a YAML language server completes,\n" +
			"explains and checks the keys of a file whose first line names it:\n\n" +
			"  # yaml-language-server: $schema=workflow.schema.json",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			schema, err := reference.JSONSchema()
			if err != nil {
				return fmt.Errorf("make the schema: %w", err)
			}
			_, err = std.out.Write(schema)
			return err
		},
	}
}
