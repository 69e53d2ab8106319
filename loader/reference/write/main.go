// Command write writes what is made of the description of the language into the
// folder of the documentation.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/sauravritesh63/miniairflow/loader/reference"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: write FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "write:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	schema, err := reference.JSONSchema()
	if err != nil {
		return err
	}
	for name, content := range map[string]string{"workflow-reference.md": reference.Page(), "workflow.schema.json": string(schema)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
