package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence"
)

func newSecretsRotateCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Seal all secrets anew with another key, on the database itself",
		Long: "Seal all secrets anew, in one transaction, with the key of --new-key-file; without it, with the first\n" +
			"of the keys that are configured. What the keys that are configured have sealed, it opens.\n\n" +
			"It works on the database itself: on SQLite the server has to be stopped. Afterwards every server and\n" +
			"worker needs the new key; keep the old one until they have it.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			config, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			vault := config.vault()
			path, _ := cmd.Flags().GetString("new-key-file")
			if path != "" {
				if vault, err = vault.WithFirst(path); err != nil {
					return err
				}
			}
			store, err := persistence.Open(cmd.Context(), config.storeURL(), persistence.Options{Logger: config.logger(std)})
			if err != nil {
				return fmt.Errorf("open the database: %w", err)
			}
			defer func() { err = errors.Join(err, store.Close()) }()
			control := &miniairflow.Control{Store: store, Vault: vault}
			count, err := control.RotateSecrets(cmd.Context(), miniairflow.Actor{Name: miniairflow.ServerActor, Reason: reasonOf(cmd)})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(std.out, "%s sealed anew\n", counted(count, "secret"))
			if count > 0 && path != "" {
				fmt.Fprintf(std.err, "Give the key in %s to every server and worker now, in place of the old one: they cannot open these secrets without it.\n", path)
			}
			return err
		},
	}
	addReasonFlag(cmd)
	cmd.Flags().String("new-key-file", "", "file with the new key, which nobody else may read (chmod 600)")
	return cmd
}
