package miniairflow

import (
	"context"
	"maps"
	"slices"
	"time"
)

// Secret is a value with a name that only tasks get which name it. What people
// see of it is this; the value is written and never read by anybody else.
type Secret struct {
	Name      string
	KeyID     string // of the key that its value is sealed with
	UpdatedAt time.Time
	UpdatedBy string // the name of an Actor
}

// SealedSecret is a secret as the store has it.
type SealedSecret struct {
	Name   string
	KeyID  string
	Sealed []byte // what only the key with that id can open
}

// Vault seals and opens secrets. Its methods may be called from any goroutine.
type Vault interface {
	// Seal encrypts a value under its name with the current key. Without one the
	// error is CodeConflict and says how to make one.
	Seal(name, value string) (SealedSecret, error)
	// Open is the inverse of Seal. An error says which key is missing; it is
	// CodeConflict.
	Open(secret SealedSecret) (string, error)
}

// SecretSource hands the values of secrets to a worker.
type SecretSource interface {
	// Reveal returns the value of each name. A name that is not there is
	// ErrNotFound, and the message names it and says what to do.
	Reveal(ctx context.Context, names []string) (map[string]string, error)
}

// SecretNames returns the secrets that t is handed as variables, sorted. What its
// templates read comes on top, see Evaluator.Secrets.
func (t *Task) SecretNames() []string {
	names := slices.Sorted(maps.Values(t.Secrets))
	return slices.Compact(names)
}

// MayReadSecrets reports whether a template of a task may read secrets: what is
// made of it goes to the process or the server alone, and neither to a list of
// processes nor to the database.
func (t Template) MayReadSecrets() bool {
	path := t.Path
	if len(path) > 1 && path[0] == string(ActionWait) {
		path = path[1:]
	}
	switch path[0] {
	case "env", "stdin":
		return true
	case string(ActionHTTP):
		return len(path) > 1 && (path[1] == "headers" || path[1] == "body")
	}
	return false
}

// secrets checks what a task is handed.
func (v *validator) secrets(at []string, t *Task) {
	if len(t.Secrets) == 0 {
		return
	}
	if t.Runs() == nil {
		v.add(at, "secrets does nothing for task %q, which runs no command: in an http request write ${{ secrets.NAME }} into a header or the body", t.Name)
		return
	}
	for _, variable := range sortedKeys(t.Secrets) {
		name := t.Secrets[variable]
		_, isOwn := t.Env[variable]
		switch {
		case !identifier.MatchString(variable):
			v.addOfKey(sub(at, variable), "variable name %s is not valid: letters, digits and _, not starting with a digit", show(variable))
		case slices.Contains(TaskEnv, variable):
			v.addOfKey(sub(at, variable), "variable %s is reserved: every task receives its own", variable)
		case !identifier.MatchString(name):
			v.add(sub(at, variable), "secret name %s is not valid: up to 128 letters, digits and _, not starting with a digit", show(name))
		case isOwn:
			v.add(sub(at, variable), "variable %s is in env of task %q, too: keep one of them", variable, t.Name)
		}
	}
}
