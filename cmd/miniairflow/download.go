package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// download puts artifacts below a folder, by task and name. A file is there under its
// name when all of it has arrived, and is the one that the task has left.
func (c *client) download(ctx context.Context, all []artifactView, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder of artifacts: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open folder of artifacts: %w", err)
	}
	defer root.Close()
	for i := range all {
		if err := c.downloadOne(ctx, root, &all[i]); err != nil {
			return fmt.Errorf("artifact %q of %s: %w", all[i].Name, all[i].Task, err)
		}
	}
	return nil
}

// artifactFolder returns the folder of a task run's artifacts: that of an item lies in
// that of its task, as its inputs do.
func artifactFolder(task string) (string, error) {
	folder := task
	if base, _, isItem := strings.Cut(task, "["); isItem {
		folder = path.Join(base, miniairflow.ItemKey(base, task))
	}
	// What a server says is no reason to write elsewhere.
	return folder, miniairflow.CheckArtifactName(folder)
}

func (c *client) downloadOne(ctx context.Context, root *os.Root, a *artifactView) error {
	folder, err := artifactFolder(a.Task)
	if err == nil {
		err = miniairflow.CheckArtifactName(a.Name)
	}
	if err != nil {
		return fmt.Errorf("the name cannot be that of a file: %w", err)
	}
	name := path.Join(folder, a.Name)
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	part := path.Join(path.Dir(name), ".part-"+uuid.NewString())
	if err = c.fetch(ctx, root, part, a); err == nil {
		err = root.Rename(part, name)
	}
	if err != nil {
		_ = root.Remove(part) // it may not even have been made
	}
	return err
}

// fetch writes an artifact into a new file and checks its hash.
func (c *client) fetch(ctx context.Context, root *os.Root, name string, a *artifactView) error {
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	response, err := c.get(ctx, a.URL)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	defer response.Body.Close()
	out, whole := bufio.NewWriterSize(file, 64<<10), sha256.New()
	if _, err = io.Copy(io.MultiWriter(out, whole), response.Body); err == nil {
		err = out.Flush()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if hex.EncodeToString(whole.Sum(nil)) != a.SHA256 {
		return errors.New("what has arrived is not what the task has left: try again")
	}
	return nil
}

// get asks the server for what lies under a path.
func (c *client) get(ctx context.Context, path string) (*http.Response, error) {
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("%q is no path on the server", path)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path, nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	response, err := c.send(request)
	if err != nil || response.StatusCode == http.StatusOK {
		return response, err
	}
	defer response.Body.Close()
	if _, err := c.decode(response); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%s answers %s", c.url, response.Status)
}
