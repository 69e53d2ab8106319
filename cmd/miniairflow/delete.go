package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

// newDeleteCommand returns the command `delete NAME` for what the API calls kind, such
// as Pool, and people call what.
func newDeleteCommand(std stdio, kind, what, short string) *cobra.Command {
	return newRemoveCommand(std, removal{verb: "delete", done: "deleted", kind: kind, input: "Delete" + kind + "Input", what: what, short: short})
}

// removal is a command that takes away what has a name.
type removal struct {
	verb, done string // delete, deleted
	kind       string // as the API calls it: Pool
	input      string // the type of the mutation's input: DeletePoolInput
	what       string // as people do: pool
	short      string
}

func newRemoveCommand(std stdio, r removal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   r.verb + " NAME",
		Short: r.short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			mutation, input := r.verb+r.kind, r.input
			text := fmt.Sprintf(`mutation($input: %s!) { %s(input: $input) { userErrors { message code field } } }`, input, mutation)
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				var data map[string]struct{ UserErrors []userError } // by the name of the mutation
				if err := c.query(ctx, text, map[string]any{"input": map[string]any{"name": args[0], "reason": reasonOf(cmd)}}, &data); err != nil {
					return err
				}
				if err := firstUserError(data[mutation].UserErrors); err != nil {
					return err
				}
				_, err := fmt.Fprintf(std.out, "%s %s is %s\n", r.what, args[0], r.done)
				return err
			})
		},
	}
	addReasonFlag(cmd)
	return cmd
}
