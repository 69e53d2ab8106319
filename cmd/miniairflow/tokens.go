package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// tokenView is a token as the commands show it.
type tokenView struct {
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"createdAt"`
	CreatedBy string    `json:"createdBy"`
}

func newTokensCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tokens",
		Short: "List, create and revoke tokens, which let people and programs use the API under their names",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTokensListCommand(std), newTokensCreateCommand(std), newRemoveCommand(std, removal{
		verb: "revoke", done: "revoked", kind: "Token", input: "RevokeTokenInput", what: "token", short: "Take a token away from its holder",
	}))
	return cmd
}

func newTokensListCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tokens: whose they are, never their texts",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				var data struct{ Tokens []tokenView }
				if err := c.query(ctx, `{ tokens { name createdAt createdBy } }`, nil, &data); err != nil {
					return err
				}
				return write(std.out, format, data.Tokens, func(w io.Writer) {
					fmt.Fprintln(w, "TOKEN\tCREATED\tBY")
					now := time.Now()
					for _, t := range data.Tokens {
						fmt.Fprintf(w, "%s\t%s\t%s\n", t.Name, ago(&t.CreatedAt, now), printable(t.CreatedBy))
					}
				})
			})
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func newTokensCreateCommand(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "create NAME",
		Short: "Create a token for somebody, such as ada@example.org, and print it: nobody can read it again",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				var data struct {
					CreateToken struct {
						Text       string
						UserErrors []userError
					}
				}
				err := c.query(ctx, `mutation($input: CreateTokenInput!) { createToken(input: $input) { text userErrors { message code field } } }`,
					map[string]any{"input": map[string]any{"name": args[0]}}, &data)
				if err != nil {
					return err
				}
				if err := firstUserError(data.CreateToken.UserErrors); err != nil {
					return err
				}
				fmt.Fprintf(std.err, "This is the token of %s. It is shown this once; they use it as MINIAIRFLOW_TOKEN with --server, or on the page.\n", args[0])
				_, err = fmt.Fprintln(std.out, data.CreateToken.Text)
				return err
			})
		},
	}
}
