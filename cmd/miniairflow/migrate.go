package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow/persistence"
)

func newMigrateCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Change or show the version of the database's tables",
		Long:  "Change or show the version of the database's tables. A server does `migrate up`\nby itself when it starts.",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newMigrateStep(std, "up", "Bring the tables to the version of this program", persistence.Migrate),
		newMigrateStep(std, "down", "Take back the latest migration; its tables are lost", func(ctx context.Context, url string) error {
			return persistence.MigrateDown(ctx, url, 1)
		}),
		newMigrateStep(std, "status", "Print the version of the tables", func(context.Context, string) error { return nil }),
	)
	return cmd
}

// newMigrateStep returns a command that does step and then prints the version.
func newMigrateStep(std stdio, use, short string, step func(ctx context.Context, url string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if use == "down" {
				if yes, _ := cmd.Flags().GetBool("yes"); !yes {
					return usageErrorf("migrate down deletes data: say --yes to do it")
				}
			}
			if err := step(cmd.Context(), config.storeURL()); err != nil {
				return fmt.Errorf("migrate %s: %w", use, err)
			}
			migrations, err := persistence.Migrations(cmd.Context(), config.storeURL())
			if err != nil {
				return fmt.Errorf("read migrations: %w", err)
			}
			applied := 0
			for _, m := range migrations {
				if m.Applied {
					applied++
				}
			}
			_, err = fmt.Fprintf(std.out, "version %d of %d\n", applied, len(migrations))
			return err
		},
	}
	if use == "down" {
		cmd.Flags().Bool("yes", false, "really delete the tables of the latest migration")
	}
	return cmd
}
