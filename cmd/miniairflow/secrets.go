package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sauravritesh63/miniairflow"
)

// secretView is a secret as the commands show it: never its value.
type secretView struct {
	Name      string    `json:"name"`
	KeyID     string    `json:"keyId"`
	UpdatedAt time.Time `json:"updatedAt"`
	UpdatedBy string    `json:"updatedBy"`
}

func newSecretsCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secrets",
		Short: "List, set, delete and seal anew secrets, which tasks get that name them",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSecretsListCommand(std), newSecretsSetCommand(std), newSecretsRotateCommand(std), newDeleteCommand(std, "Secret", "secret", "Delete a secret; tasks that name it fail from then on"))
	return cmd
}

func newSecretsListCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the secrets: their names, never their values",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				var data struct{ Secrets []secretView }
				if err := c.query(ctx, `{ secrets { name keyId updatedAt updatedBy } }`, nil, &data); err != nil {
					return err
				}
				return write(std.out, format, data.Secrets, func(w io.Writer) {
					fmt.Fprintln(w, "SECRET\tKEY\tCHANGED\tBY")
					now := time.Now()
					for _, s := range data.Secrets {
						fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Name, s.KeyID, ago(&s.UpdatedAt, now), printable(s.UpdatedBy))
					}
				})
			})
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func newSecretsSetCommand(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "set NAME",
		Short: "Create a secret, or replace its value, which is read from standard input or asked for",
		Long: "Create a secret, or replace its value. The value is read from standard input, without the line end\n" +
			"at its end; on a terminal it is asked for and not shown. It is never an argument: those can be seen\n" +
			"in the list of processes and in the history of the shell.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := readSecret(std, args[0])
			if err != nil {
				return err
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				var data struct {
					SetSecret struct{ UserErrors []userError }
				}
				err := c.query(ctx, `mutation($input: SetSecretInput!) { setSecret(input: $input) { userErrors { message code field } } }`,
					map[string]any{"input": map[string]any{"name": args[0], "value": value}}, &data)
				if err != nil {
					return err
				}
				if err := firstUserError(data.SetSecret.UserErrors); err != nil {
					return err
				}
				_, err = fmt.Fprintf(std.out, "secret %s is set\n", args[0])
				return err
			})
		},
	}
}

// readSecret reads a value, which is not shown on a terminal.
func readSecret(std stdio, name string) (string, error) {
	file, ok := std.in.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return readInput(std)
	}
	fmt.Fprintf(std.err, "Value of secret %s: ", name)
	value, err := term.ReadPassword(int(file.Fd()))
	fmt.Fprintln(std.err)
	if err != nil {
		return "", fmt.Errorf("read value of secret: %w", err)
	}
	return string(value), nil
}

// readInput reads a value from standard input, without the line end at its end.
func readInput(std stdio) (string, error) {
	const most = miniairflow.NamedValueMax + len("\r\n")
	data, err := io.ReadAll(io.LimitReader(std.in, int64(most)+1))
	if err != nil {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	if len(data) > most {
		return "", usageErrorf("standard input has more than %d bytes, and a value may have no more: put it into a file", miniairflow.NamedValueMax)
	}
	text, isLine := strings.CutSuffix(string(data), "\n")
	if isLine {
		text = strings.TrimSuffix(text, "\r")
	}
	return text, nil
}
