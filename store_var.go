package miniairflow

import "context"

// VarStore keeps variables.
type VarStore interface {
	// SetVar creates a variable or changes it. A nil description leaves the one
	// that it has. An equal one changes nothing. CodeConflict: there are VarsMax.
	SetVar(ctx context.Context, v Var, description *string, by Actor) (*Var, error)
	DeleteVar(ctx context.Context, name string, by Actor) error
	// FindVars returns a page ordered by name.
	FindVars(ctx context.Context, filter VarFilter) ([]*Var, error)
	// CountVars counts what FindVars would return over all pages, up to max.
	CountVars(ctx context.Context, filter VarFilter, max int) (int, error)
	// ReadVars returns the values of those of the names that there are.
	ReadVars(ctx context.Context, names []string) (map[string]any, error)
	// KnownVars returns those of the names that there are, sorted.
	KnownVars(ctx context.Context, names []string) ([]string, error)
}

// VarFilter chooses variables. The zero value of a field does not restrict.
type VarFilter struct {
	Name      string // this one alone
	AfterName string // page: names after this one
	Limit     int    // 1 to 200; 0: 50
}

// SecretStore keeps secrets. It never sees their values.
type SecretStore interface {
	// SetSecret creates a secret or takes the place of the one with that name. The
	// same sealed value again changes nothing. CodeConflict: there are SecretsMax.
	SetSecret(ctx context.Context, secret SealedSecret, by Actor) (*Secret, error)
	DeleteSecret(ctx context.Context, name string, by Actor) error
	// FindSecrets returns all secrets, ordered by name.
	FindSecrets(ctx context.Context) ([]*Secret, error)
	// SealedSecrets returns those of the names that there are, ordered by name.
	SealedSecrets(ctx context.Context, names []string) ([]SealedSecret, error)
	// ResealSecrets puts what reseal makes of each secret in its place, all in one
	// transaction, in which nobody else sets one, and returns how many have another
	// KeyID than before: the others stay as they are. reseal must use no store, and may
	// be called again for the same secret; its error is returned, and nothing is changed.
	ResealSecrets(ctx context.Context, reseal func(SealedSecret) (SealedSecret, error), by Actor) (int, error)
}
