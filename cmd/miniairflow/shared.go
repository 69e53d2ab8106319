package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/secrets"
)

// shared are the variables and secrets of a `run`, which has those of no server.
type shared struct {
	vars    map[string]any
	secrets miniairflow.SecretSource // nil: those of the database, which vault opens
	vault   miniairflow.Vault
}

func addSharedFlags(cmd *cobra.Command) {
	cmd.Flags().StringArray("var", nil, "a variable as NAME=value, for vars.NAME; may be repeated")
	cmd.Flags().String("vars-file", "", "a YAML or JSON file with an object of variables; --var beats it")
	cmd.Flags().String("secrets-file", "", "a file of NAME=value lines with secrets, which nobody else may read (chmod 600)")
}

// sharedOf gathers what the flags give. A run on a database of others takes what
// is there, and changes nothing of it.
func sharedOf(cmd *cobra.Command, c *config) (shared, error) {
	isOwn := !cmd.Flags().Changed("database-url")
	for _, flag := range []string{"var", "vars-file", "secrets-file"} {
		if cmd.Flags().Changed(flag) && !isOwn {
			return shared{}, usageErrorf("--%s: with --database-url variables and secrets are those of the database: leave it out", flag)
		}
	}
	if !isOwn {
		return shared{vault: c.vault()}, nil
	}
	vars, err := varsOf(cmd)
	if err != nil {
		return shared{}, err
	}
	given, err := givenSecrets(cmd)
	return shared{vars: vars, secrets: given}, err
}

func varsOf(cmd *cobra.Command) (map[string]any, error) {
	vars := map[string]any{}
	if path, _ := cmd.Flags().GetString("vars-file"); path != "" {
		if err := readValues("vars-file", path, vars); err != nil {
			return nil, err
		}
	}
	pairs, _ := cmd.Flags().GetStringArray("var")
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usageErrorf("--var %s: write it as NAME=value", pair)
		}
		vars[name] = value
	}
	return vars, nil
}

func givenSecrets(cmd *cobra.Command) (secrets.Given, error) {
	given := secrets.Given{}
	path, _ := cmd.Flags().GetString("secrets-file")
	if path == "" {
		return given, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, usageErrorf("--secrets-file: %v", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, usageErrorf("--secrets-file %s may be read by others (mode %04o): run `chmod 600 %s`", path, mode, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usageErrorf("--secrets-file: %v", err)
	}
	given, err = loader.Variables(path, data)
	if err != nil {
		return nil, err
	}
	for _, value := range given {
		// A line of a value that is torn may look like a name, so none is repeated.
		if err := miniairflow.CheckSecret("NAME", value); err != nil {
			return nil, usageErrorf("--secrets-file %s, in one of its lines NAME=value: %s", path, miniairflow.ErrorMessage(err))
		}
	}
	return given, nil
}
