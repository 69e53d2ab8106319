package secrets

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sauravritesh63/miniairflow"
)

// Stored hands out the secrets of a store.
type Stored struct {
	Store miniairflow.SecretStore
	Vault miniairflow.Vault
}

var _ miniairflow.SecretSource = Stored{}

// Reveal implements miniairflow.SecretSource.
func (s Stored) Reveal(ctx context.Context, names []string) (map[string]string, error) {
	sealed, err := s.Store.SealedSecrets(ctx, names)
	if err != nil {
		return nil, fmt.Errorf("read %d secrets: %w", len(names), err)
	}
	values := make(map[string]string, len(sealed))
	for _, one := range sealed {
		if values[one.Name], err = s.Vault.Open(one); err != nil {
			return nil, err
		}
	}
	return values, allThere(values, names, "set it with `miniairflow secrets set %s`")
}

// Given are secrets that a command was given for its own run, by name.
type Given map[string]string

var _ miniairflow.SecretSource = Given{}

// Reveal implements miniairflow.SecretSource.
func (g Given) Reveal(_ context.Context, names []string) (map[string]string, error) {
	values := make(map[string]string, len(names))
	for _, name := range names {
		if value, ok := g[name]; ok {
			values[name] = value
		}
	}
	return values, allThere(values, names, "write a line %s=… into the file of --secrets-file")
}

// allThere returns an error that names what is missing, and what to do about the first.
func allThere(values map[string]string, names []string, advice string) error {
	var missing []string
	for _, name := range names {
		if _, ok := values[name]; !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return miniairflow.Errorf(miniairflow.CodeNotFound, "there is no secret %s: "+advice, strings.Join(missing, ", "), missing[0])
}
