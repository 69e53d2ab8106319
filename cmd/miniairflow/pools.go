package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// poolView is a pool as the commands show it.
type poolView struct {
	Name        string `json:"name"`
	Slots       int    `json:"slots"`
	Used        int    `json:"used"`
	Waiting     int    `json:"waiting"`
	Description string `json:"description"`
	Origin      state  `json:"origin"`
	Holders     []struct {
		Run   string `json:"run"`
		Task  string `json:"task"`
		Slots int    `json:"slots"`
	} `json:"holders"`
}

const poolFields = `name slots used waiting description origin holders { run task slots }`

func newPoolsCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pools",
		Short: "List, set and delete pools of slots that tasks share",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPoolsListCommand(std), newPoolsSetCommand(std), newDeleteCommand(std, "Pool", "pool", "Delete a pool that no file declares"))
	return cmd
}

func newPoolsListCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the pools",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				var data struct{ Pools []poolView }
				if err := c.query(ctx, `{ pools { `+poolFields+` } }`, nil, &data); err != nil {
					return err
				}
				return write(std.out, format, data.Pools, func(w io.Writer) {
					fmt.Fprintln(w, "POOL\tUSED\tWAITING\tFROM\tDESCRIPTION")
					for _, p := range data.Pools {
						fmt.Fprintf(w, "%s\t%d/%d\t%d\t%s\t%s\n", p.Name, p.Used, p.Slots, p.Waiting, p.Origin, printable(orDash(p.Description)))
					}
				})
			})
		},
	}
	addOutputFlag(cmd)
	return cmd
}

func newPoolsSetCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set NAME --slots N",
		Short: "Create a pool, or change its slots",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			slots, _ := cmd.Flags().GetInt("slots")
			if !cmd.Flags().Changed("slots") {
				return usageErrorf("say with --slots N how many slots the pool has")
			}
			description, _ := cmd.Flags().GetString("description")
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				var data struct {
					SetPool struct {
						Pool       *poolView
						UserErrors []userError
					}
				}
				err := c.query(ctx, `mutation($input: SetPoolInput!) { setPool(input: $input) { pool { `+poolFields+` } userErrors { message code field } } }`,
					map[string]any{"input": map[string]any{"name": args[0], "slots": slots, "description": description}}, &data)
				if err != nil {
					return err
				}
				if err := firstUserError(data.SetPool.UserErrors); err != nil {
					return err
				}
				p := data.SetPool.Pool
				_, err = fmt.Fprintf(std.out, "pool %s has %d slots, %d of them used\n", p.Name, p.Slots, p.Used)
				return err
			})
		},
	}
	cmd.Flags().Int("slots", 0, "how many there are")
	cmd.Flags().String("description", "", "what the pool is for; takes the place of what was said before")
	return cmd
}
