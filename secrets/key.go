package secrets

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"

	"github.com/sauravritesh63/miniairflow"
)

const (
	// keySize is that of AES-256.
	keySize = 32
	// keyFileMax is more than a file of a few keys needs.
	keyFileMax = 1 << 10
)

// KeyPath returns where the key of a home is.
func KeyPath(home string) string { return filepath.Join(home, "secrets.key") }

// key seals values. Its id says which one it is and nothing of what it is.
type key struct {
	id    string
	bytes []byte
}

// parseKey reads base64 of keySize bytes. Its error does not repeat the text.
func parseKey(text string) (*key, error) {
	bytes, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(bytes) != keySize {
		return nil, fmt.Errorf("it is not base64 of %d bytes: make one with `head -c %d /dev/urandom | base64`", keySize, keySize)
	}
	sum := sha256.Sum256(append([]byte("miniairflow secrets key "), bytes...))
	return &key{id: hex.EncodeToString(sum[:4]), bytes: bytes}, nil
}

// parseKeys reads one or more keys, which commas, blanks or line ends separate.
func parseKeys(text string) ([]*key, error) {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	if len(words) == 0 {
		words = []string{""} // which is no key
	}
	keys := make([]*key, 0, len(words))
	for _, word := range words {
		k, err := parseKey(word)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// readKeys returns the keys of a file; an error that is fs.ErrNotExist: there is none.
// A file that others may read is refused: then the key may be known already.
func readKeys(path string) ([]*key, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open the key of secrets: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("look at the key of secrets: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, miniairflow.Errorf(miniairflow.CodeConflict, "the key of secrets %s is no regular file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, miniairflow.Errorf(miniairflow.CodeConflict,
			"the key of secrets %s may be read by others (mode %04o): run `chmod 600 %s`, and set the secrets anew with another key if somebody may have read it", path, mode, path)
	}
	data, err := io.ReadAll(io.LimitReader(file, keyFileMax))
	if err != nil {
		return nil, fmt.Errorf("read the key of secrets: %w", err)
	}
	keys, err := parseKeys(string(data))
	if err != nil {
		return nil, miniairflow.Errorf(miniairflow.CodeConflict, "the key of secrets %s cannot be used: %v", path, err)
	}
	return keys, nil
}

// makeKey writes a new key to a file, unless somebody else has been faster, and
// returns the one that is there. It is whole before it has its name.
func makeKey(path string) ([]*key, error) {
	bytes := make([]byte, keySize)
	_, _ = rand.Read(bytes) // never fails
	file, err := os.CreateTemp(filepath.Dir(path), ".secrets.key-*")
	if err != nil {
		return nil, fmt.Errorf("make a key of secrets: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.WriteString(base64.StdEncoding.EncodeToString(bytes) + "\n") // CreateTemp made it 0600
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return nil, fmt.Errorf("write a key of secrets: %w", err)
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("name the key of secrets: %w", err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil { // before anything is sealed with it
		return nil, fmt.Errorf("keep the key of secrets: %w", err)
	}
	return readKeys(path)
}

// syncFolder makes the names in a folder outlast a loss of power.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
