package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

// newDeleteCommand returns the command `delete NAME` for what the API calls kind, such
// as Pool, and people call what.
func newDeleteCommand(std stdio, kind, what, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := fmt.Sprintf(`mutation($input: Delete%[1]sInput!) { delete%[1]s(input: $input) { userErrors { message code field } } }`, kind)
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				var data map[string]struct{ UserErrors []userError } // by the name of the mutation
				if err := c.query(ctx, text, map[string]any{"input": map[string]any{"name": args[0], "reason": reasonOf(cmd)}}, &data); err != nil {
					return err
				}
				if err := firstUserError(data["delete"+kind].UserErrors); err != nil {
					return err
				}
				_, err := fmt.Fprintf(std.out, "%s %s is deleted\n", what, args[0])
				return err
			})
		},
	}
	addReasonFlag(cmd)
	return cmd
}
