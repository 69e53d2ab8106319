package loader

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // git names contents so
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// Bounds of a look at a checkout.
const (
	gitTime     = 5 * time.Second
	gitBytesMax = 16 << 20 // of an answer
	authorMax   = 200      // characters
)

// checkout is the commit that a folder was checked out from.
type checkout struct {
	commit miniairflow.Commit
	names  map[string]string // that the commit has for contents, by path below the folder
	hash   func() hash.Hash
}

// lookAtCheckout returns what a folder was checked out from; nil: it is no git
// checkout, or there is no git to ask.
//
// It asks the git program, which is where checkouts are, rather than a library as
// large as this whole module. The commands only read objects: they run no hook, no
// filter and no monitor that the configuration of a checkout may name, which status
// and diff do. Git itself refuses a checkout of another user.
func lookAtCheckout(ctx context.Context, dir string) *checkout {
	ctx, cancel := context.WithTimeout(ctx, gitTime)
	defer cancel()
	head, err := git(ctx, dir, "HEAD\n", "cat-file", "--batch")
	if err != nil {
		return nil
	}
	c := parseCommit(head)
	if c == nil {
		return nil
	}
	tree, err := git(ctx, dir, "", "ls-tree", "-r", "-z", c.commit.Hash)
	if err != nil {
		return nil
	}
	for _, entry := range strings.Split(string(tree), "\x00") {
		about, name, _ := strings.Cut(entry, "\t")
		if words := strings.Fields(about); len(words) == 3 && words[1] == "blob" {
			c.names[name] = words[2]
		}
	}
	if len(c.names) == 0 { // the folder only lies in a checkout of something else
		return nil
	}
	return c
}

// gitEnvironment is all that git gets from our environment: where things are. What
// would lead it to another checkout is left out, and no missing object is fetched.
func gitEnvironment() []string {
	environment := []string{"GIT_ALLOW_PROTOCOL=none", "GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C"}
	for _, name := range []string{"PATH", "HOME", "XDG_CONFIG_HOME"} {
		if value, ok := os.LookupEnv(name); ok {
			environment = append(environment, name+"="+value)
		}
	}
	return environment
}

// git runs git in a folder and returns what it prints.
func git(ctx context.Context, dir, input string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"--no-pager", "--no-replace-objects", "-c", "core.fsmonitor=false"}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.WaitDelay = dir, gitEnvironment(), strings.NewReader(input), time.Second
	out := &boundedBuffer{left: gitBytesMax}
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("git %s: %w", args[0], err)
	}
	return out.Bytes(), nil
}

// boundedBuffer is a buffer that takes only so much.
type boundedBuffer struct {
	bytes.Buffer
	left int
}

var errTooLong = errors.New("the answer is too long")

// Write implements io.Writer.
func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errTooLong
	}
	return b.Buffer.Write(p)
}

// parseCommit reads a commit as `git cat-file --batch` prints it; nil: it is none.
func parseCommit(text []byte) *checkout {
	about, rest, _ := strings.Cut(string(text), "\n")
	words := strings.Fields(about)
	if len(words) != 3 || words[1] != "commit" {
		return nil
	}
	c := &checkout{commit: miniairflow.Commit{Hash: words[0]}, names: map[string]string{}, hash: sha1.New}
	if len(words[0]) == 2*sha256.Size {
		c.hash = sha256.New
	}
	header, _, _ := strings.Cut(rest, "\n\n")
	for line := range strings.Lines(header) {
		author, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "author ")
		if !ok {
			continue
		}
		words := strings.Fields(author)
		if len(words) < 2 {
			return nil
		}
		seconds, err := strconv.ParseInt(words[len(words)-2], 10, 64)
		at := time.Unix(seconds, 0).UTC()
		if err != nil || at.Year() < 1970 || at.Year() > 9999 {
			return nil
		}
		name := []rune(strings.ToValidUTF8(strings.Join(words[:len(words)-2], " "), "\uFFFD"))
		c.commit.Author, c.commit.AuthoredAt = string(name[:min(len(name), authorMax)]), at
		return c
	}
	return nil
}

// nameOf returns what git calls a content.
func (c *checkout) nameOf(content []byte) string {
	h := c.hash()
	fmt.Fprintf(h, "blob %d\x00", len(content))
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}

// of returns the commit of a file by its path below the folder; what the file carries
// must be as in the commit too, or it is dirty. nil: there is none.
func (c *checkout) of(below string, data []byte, carried map[string]carriedFile) *miniairflow.Commit {
	if c == nil {
		return nil
	}
	commit := c.commit
	commit.IsDirty = c.names[below] != c.nameOf(data)
	for name, file := range carried {
		commit.IsDirty = commit.IsDirty || c.names[path.Join(path.Dir(below), name)] != file.sum
	}
	return &commit
}
