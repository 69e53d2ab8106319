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
	"sync"

	"github.com/sauravritesh63/miniairflow"
)

// KeyVariable is the environment variable that holds the key.
const KeyVariable = "MINIAIRFLOW_SECRETS_KEY"

// Vault is a miniairflow.Vault with AES-256-GCM. Each value has a nonce of its
// own, which comes before it, and its name as additional data: a row under another
// name does not open.
type Vault struct {
	text    string // of the key; empty: it is in the file
	path    string
	mayMake bool

	mu  sync.Mutex
	key *key // once it was needed
}

var _ miniairflow.Vault = (*Vault)(nil)

// NewVault returns a vault whose key is text, or without one in the file at path,
// which is read when it is first needed. mayMake: Seal makes that file if it is
// not there. Of a database that several machines share, one that made its own
// would seal what the others cannot open.
func NewVault(text, path string, mayMake bool) *Vault {
	return &Vault{text: text, path: path, mayMake: mayMake}
}

// Seal implements miniairflow.Vault.
func (v *Vault) Seal(name, value string) (miniairflow.SealedSecret, error) {
	k, err := v.current(v.mayMake)
	if err != nil {
		return miniairflow.SealedSecret{}, err
	}
	box, err := newBox(k)
	if err != nil {
		return miniairflow.SealedSecret{}, err
	}
	return miniairflow.SealedSecret{Name: name, KeyID: k.id, Sealed: box.Seal(nil, nil, []byte(value), []byte(name))}, nil
}

// Open implements miniairflow.Vault.
func (v *Vault) Open(secret miniairflow.SealedSecret) (string, error) {
	k, err := v.current(false)
	if err != nil {
		return "", fmt.Errorf("open secret %s: %w", secret.Name, err)
	}
	if k.id != secret.KeyID {
		return "", miniairflow.Errorf(miniairflow.CodeConflict,
			"secret %s was sealed with the key %s, and this process has the key %s: give it that one, or set the secret anew", secret.Name, secret.KeyID, k.id)
	}
	box, err := newBox(k)
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

// current returns the key. One that was found is kept; a missing one is looked for
// again, so that a process need not be started anew for it.
func (v *Vault) current(mayMake bool) (*key, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.key != nil {
		return v.key, nil
	}
	k, err := v.find(mayMake)
	if err == nil {
		v.key = k
	}
	return k, err
}

func (v *Vault) find(mayMake bool) (*key, error) {
	if v.text != "" {
		k, err := parseKey(v.text)
		if err != nil {
			return nil, miniairflow.Errorf(miniairflow.CodeConflict, "%s cannot be used: %v", KeyVariable, err)
		}
		return k, nil
	}
	k, err := readKey(v.path)
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return k, err
	case mayMake:
		return makeKey(v.path)
	default:
		return nil, miniairflow.Errorf(miniairflow.CodeConflict,
			"there is no key for secrets: make one with `head -c %d /dev/urandom | base64`, and give the same one to every server and worker as %s, or in the file %s (mode 0600)",
			keySize, KeyVariable, v.path)
	}
}
