package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
)

// varView is a variable as the commands show it.
type varView struct {
	Name        string          `json:"name"`
	Value       json.RawMessage `json:"value"`
	Description string          `json:"description"`
	UpdatedAt   time.Time       `json:"updatedAt"`
	UpdatedBy   string          `json:"updatedBy"`
}

const varFields = `name value description updatedAt updatedBy`

// text is the value as people wrote it: a text without its quotes.
func (v *varView) text() string {
	var text string
	if json.Unmarshal(v.Value, &text) == nil {
		return text
	}
	return string(v.Value)
}

func newVarsCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "vars",
		Short: "List, get, set and delete variables that all workflows may read as vars.NAME",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newVarsListCommand(std), newVarsGetCommand(std), newVarsSetCommand(std), newDeleteCommand(std, "Var", "variable", "Delete a variable; tasks that read it fail from then on"))
	return cmd
}

func newVarsListCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the variables",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				vars, err := allVars(ctx, c)
				if err != nil {
					return err
				}
				return write(std.out, format, vars, func(w io.Writer) {
					fmt.Fprintln(w, "VARIABLE\tVALUE\tCHANGED\tDESCRIPTION")
					now := time.Now()
					for i := range vars {
						v := &vars[i]
						fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", v.Name, printable(shortened(v.text())), ago(&v.UpdatedAt, now), printable(orDash(v.Description)))
					}
				})
			})
		},
	}
	addOutputFlag(cmd)
	return cmd
}

// allVars reads page by page.
func allVars(ctx context.Context, c *client) ([]varView, error) {
	all := []varView{}
	var after *string
	for {
		var data struct {
			Vars struct {
				Nodes    []varView
				PageInfo struct {
					HasNextPage bool
					EndCursor   *string
				}
			}
		}
		const text = `query($after: String) { vars(first: 100, after: $after) { nodes { ` + varFields + ` } pageInfo { hasNextPage endCursor } } }`
		if err := c.query(ctx, text, map[string]any{"after": after}, &data); err != nil {
			return nil, err
		}
		all = append(all, data.Vars.Nodes...)
		if !data.Vars.PageInfo.HasNextPage {
			return all, nil
		}
		after = data.Vars.PageInfo.EndCursor
	}
}

// shownMax is how much of a value a table shows, in characters.
const shownMax = 60

func shortened(text string) string {
	if runes := []rune(text); len(runes) > shownMax {
		return string(runes[:shownMax]) + "…"
	}
	return text
}

func newVarsGetCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "get NAME",
		Short: "Print the value of a variable: text as it is, all else as JSON",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				var data struct{ Vars struct{ Nodes []varView } }
				if err := c.query(ctx, `query($name: String) { vars(name: $name) { nodes { `+varFields+` } } }`, map[string]any{"name": args[0]}, &data); err != nil {
					return err
				}
				if len(data.Vars.Nodes) == 0 {
					return miniairflow.Errorf(miniairflow.CodeNotFound, "there is no variable %q", args[0])
				}
				_, err := fmt.Fprintln(std.out, data.Vars.Nodes[0].text())
				return err
			})
		},
	}
	return cmd
}

func newVarsSetCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set NAME VALUE",
		Short: "Create a variable, or change it; VALUE is - for standard input",
		Long:  "Create a variable, or change it. VALUE is - for standard input; one that begins with - follows --,\nas in `vars set offset -- -5`.",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := args[1]
			if text == "-" {
				given, err := readInput(std)
				if err != nil {
					return err
				}
				text = given
			}
			var value any = text
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				if !json.Valid([]byte(text)) {
					return usageErrorf("the value of %s is no JSON: leave --json out to set it as text", args[0])
				}
				value = json.RawMessage(text)
			}
			input := map[string]any{"name": args[0], "value": value}
			if cmd.Flags().Changed("description") {
				input["description"], _ = cmd.Flags().GetString("description")
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				var data struct {
					SetVar struct{ UserErrors []userError }
				}
				if err := c.query(ctx, `mutation($input: SetVarInput!) { setVar(input: $input) { userErrors { message code field } } }`, map[string]any{"input": input}, &data); err != nil {
					return err
				}
				if err := firstUserError(data.SetVar.UserErrors); err != nil {
					return err
				}
				_, err := fmt.Fprintf(std.out, "variable %s is set\n", args[0])
				return err
			})
		},
	}
	cmd.Flags().Bool("json", false, "VALUE is JSON: a number, true, a list, an object, or text in quotes")
	cmd.Flags().String("description", "", "what the variable is for; left out: as before")
	return cmd
}
