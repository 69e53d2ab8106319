// Package secrets seals the values of secrets before the store sees them, and
// opens them for the attempts of tasks. The key is never in the database: whoever
// has a copy of that alone has no secret.
package secrets

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/sauravritesh63/miniairflow"
)

// KeyVariable is the environment variable that holds the key.
const KeyVariable = "MINIAIRFLOW_SECRETS_KEY"

// Vault is a miniairflow.Vault with AES-256-GCM. Of several keys the first one seals,
// and each opens what it has sealed, so that a key can be changed while others use it. Each value has a nonce of its
// own, which comes before it, and its name as additional data: a row under another
// name does not open.
type Vault struct {
	text    string // of the keys; empty: they are in the file
	path    string
	mayMake bool
	first   []*key // before all others; nil: none

	mu   sync.Mutex
	keys []*key // once they were needed
}

var _ miniairflow.Vault = (*Vault)(nil)

// NewVault returns a vault whose keys are text, or without one in the file at path,
// which is read when it is first needed. mayMake: Seal makes that file if it is
// not there. Of a database that several machines share, one that made its own
// would seal what the others cannot open.
func NewVault(text, path string, mayMake bool) *Vault {
	return &Vault{text: text, path: path, mayMake: mayMake}
}

// WithFirst returns a vault with the keys of a file before those of v: it seals with
// the first of them, and opens what v opens.
func (v *Vault) WithFirst(path string) (*Vault, error) {
	keys, err := readKeys(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, miniairflow.Errorf(miniairflow.CodeNotFound, "there is no key in %s: make one with `umask 077; head -c %d /dev/urandom | base64 > %s`", path, keySize, path)
	}
	if err != nil {
		return nil, err
	}
	return &Vault{text: v.text, path: v.path, first: keys}, nil
}

// Seal implements miniairflow.Vault.
func (v *Vault) Seal(name, value string) (miniairflow.SealedSecret, error) {
	keys, err := v.current(v.mayMake)
	if err != nil {
		return miniairflow.SealedSecret{}, err
	}
	k := keys[0]
	box, err := newBox(k)
	if err != nil {
		return miniairflow.SealedSecret{}, err
	}
	return miniairflow.SealedSecret{Name: name, KeyID: k.id, Sealed: box.Seal(nil, nil, []byte(value), []byte(name))}, nil
}

// Open implements miniairflow.Vault.
func (v *Vault) Open(secret miniairflow.SealedSecret) (string, error) {
	keys, err := v.current(false)
	if err != nil {
		return "", fmt.Errorf("open secret %s: %w", secret.Name, err)
	}
	at := slices.IndexFunc(keys, func(k *key) bool { return k.id == secret.KeyID })
	if at < 0 {
		ids := make([]string, len(keys))
		for i, k := range keys {
			ids[i] = k.id
		}
		return "", miniairflow.Errorf(miniairflow.CodeConflict,
			"secret %s was sealed with the key %s, and this process has the key %s: give it that one, or set the secret anew", secret.Name, secret.KeyID, strings.Join(ids, ", "))
	}
	box, err := newBox(keys[at])
	if err != nil {
		return "", err
	}
	value, err := box.Open(nil, nil, secret.Sealed, []byte(secret.Name))
	if err != nil {
		return "", miniairflow.Errorf(miniairflow.CodeConflict, "secret %s was changed in the database, and does not open: set it anew", secret.Name)
	}
	return string(value), nil
}

// newBox returns what seals with a key. Its nonces are random, which is safe for
// 2^32 values: a secret is set by people.
func newBox(k *key) (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.bytes)
	if err != nil {
		return nil, fmt.Errorf("use the key of secrets: %w", err)
	}
	box, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("use the key of secrets: %w", err)
	}
	return box, nil
}

// current returns the keys. Those that were found are kept; missing ones are looked
// for again, so that a process need not be started anew for them.
func (v *Vault) current(mayMake bool) ([]*key, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.keys != nil {
		return v.keys, nil
	}
	keys, err := v.find(mayMake)
	if err != nil {
		return nil, err
	}
	v.keys = slices.Concat(v.first, keys)
	return v.keys, nil
}

func (v *Vault) find(mayMake bool) ([]*key, error) {
	if v.text != "" {
		keys, err := parseKeys(v.text)
		if err != nil {
			return nil, miniairflow.Errorf(miniairflow.CodeConflict, "%s cannot be used: %v", KeyVariable, err)
		}
		return keys, nil
	}
	keys, err := readKeys(v.path)
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return keys, err
	case mayMake:
		return makeKey(v.path)
	default:
		return nil, miniairflow.Errorf(miniairflow.CodeConflict,
			"there is no key for secrets: make one with `head -c %d /dev/urandom | base64`, and give the same one to every server and worker as %s, or in the file %s (mode 0600)",
			keySize, KeyVariable, v.path)
	}
}
