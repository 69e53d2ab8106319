package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sauravritesh63/miniairflow"
)

// TokenPath returns where the token of a home directory is.
func TokenPath(dir string) string { return filepath.Join(dir, "token") }

// LoadOrCreateToken returns the token in dir and makes one where there is none:
// 32 random bytes, in a file that only its owner can read. Of several processes
// that start at once, all get the same one. A file that others can read is an
// error, because its token must count as known to them.
func LoadOrCreateToken(dir string) (string, error) {
	path := TokenPath(dir)
	token, err := loadToken(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	if err := createToken(dir, path); err != nil {
		return "", fmt.Errorf("make token: %w", err)
	}
	return loadToken(path)
}

func loadToken(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("the token in %s can be read by others: remove the file for a new one, or chmod 600 it", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if !miniairflow.IsTokenText(token) {
		return "", fmt.Errorf("%s holds no token: remove the file for a new one", path)
	}
	return token, nil
}

// createToken writes the whole token before it gets its name. A link, unlike a
// rename, never replaces the token of another process.
func createToken(dir, path string) error {
	token, err := miniairflow.NewTokenText()
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, "token-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(token + "\n")
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
