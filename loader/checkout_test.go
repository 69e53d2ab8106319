package loader_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
)

// repository is a git checkout with the folder of the workflows in it.
type repository struct {
	*fixture
	top string
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	_, err := exec.LookPath("git")
	require.NoError(t, err, "run make setup")
	r := &repository{fixture: newFixture(t), top: t.TempDir()}
	r.dir = filepath.Join(r.top, "flows/dags")
	require.NoError(t, os.MkdirAll(r.dir, 0o755))
	r.loader = r.newLoader(func(c *loader.Config) { c.Lease = time.Hour })
	r.git("init", "--quiet")
	return r
}

// git runs git as somebody of the test.
func (r *repository) git(args ...string) {
	r.Helper()
	cmd := exec.CommandContext(r.Context(), "git", args...)
	cmd.Dir = r.top
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=Ada Lövelace", "GIT_AUTHOR_EMAIL=ada@example.org", "GIT_AUTHOR_DATE=1767323045 +0200",
		"GIT_COMMITTER_NAME=Someone", "GIT_COMMITTER_EMAIL=someone@example.org")
	out, err := cmd.CombinedOutput()
	require.NoError(r, err, "%s", out)
}

func (r *repository) commit() {
	r.Helper()
	r.git("add", "--all")
	r.git("commit", "--quiet", "--message", "a change")
}

// commitOf returns the commit of the latest version of a workflow.
func (r *repository) commitOf(name string) *miniairflow.Commit {
	r.Helper()
	v, err := r.store.FindVersion(r.Context(), r.workflow(name).VersionID)
	require.NoError(r, err)
	return v.Commit
}

func TestVersionsKnowTheirCommit(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			r := newRepository(t)
			r.git("init", "--quiet", "--object-format="+format, "../"+filepath.Base(r.top)+"/other")
			require.NoError(t, os.RemoveAll(filepath.Join(r.top, ".git")))
			require.NoError(t, os.Rename(filepath.Join(r.top, "other/.git"), filepath.Join(r.top, ".git")))
			r.write("plain.yaml", echo("1"))
			r.write("team/carrying.yaml", fmt.Sprintf(carrying, "x.sh"))
			r.write("team/x.sh", "one")
			r.commit()
			r.sync()
			plain, first := r.commitOf("plain"), r.commitOf("carrying")
			require.Equal(t, plain, first)
			require.Len(t, first.Hash, map[string]int{"sha1": 40, "sha256": 64}[format])
			require.Equal(t, "Ada Lövelace <ada@example.org>", first.Author)
			require.Equal(t, time.Unix(1767323045, 0).UTC(), first.AuthoredAt)
			require.False(t, first.IsDirty)

			r.write("team/x.sh", "two")
			r.write("new.yaml", echo("new"))
			r.sync()
			require.Equal(t, first.Hash, r.commitOf("carrying").Hash)
			require.True(t, r.commitOf("carrying").IsDirty, "what it carries has changed")
			require.True(t, r.commitOf("new").IsDirty, "the commit does not have it")

			r.commit()
			r.write("plain.yaml", echo("2"))
			r.sync()
			require.NotEqual(t, first.Hash, r.commitOf("plain").Hash)
			require.True(t, r.commitOf("plain").IsDirty)
			require.Equal(t, first.Hash, r.commitOf("carrying").Hash, "a version keeps the commit that it was made with")
		})
	}
}

func TestVersionsWithoutACommit(t *testing.T) {
	for name, prepare := range map[string]func(r *repository){
		"no checkout":       func(r *repository) { require.NoError(r, os.RemoveAll(filepath.Join(r.top, ".git"))) },
		"no commit":         func(*repository) {},
		"another's content": func(r *repository) { r.git("commit", "--quiet", "--allow-empty", "--message", "x") },
		"no git": func(r *repository) {
			r.commit()
			r.Setenv("PATH", r.TempDir())
		},
		"broken": func(r *repository) {
			r.commit()
			require.NoError(r, os.WriteFile(filepath.Join(r.top, ".git/HEAD"), []byte("nonsense"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepository(t)
			r.write("etl.yaml", echo("1"))
			prepare(r)
			require.Equal(t, []string{"etl"}, r.sync().Created)
			require.Nil(t, r.commitOf("etl"))
		})
	}
}

// Nothing that the configuration of a checkout names is run by looking at it.
func TestCheckoutsRunNothing(t *testing.T) {
	r := newRepository(t)
	r.write("etl.yaml", echo("1"))
	r.commit()
	witness := filepath.Join(t.TempDir(), "witness")
	program := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\necho \"$0\" >> "+witness+"\n"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(r.top, ".gitattributes"), []byte("* filter=evil diff=evil\n"), 0o600))
	for _, hook := range []string{"post-index-change", "reference-transaction", "fsmonitor-watchman", "post-checkout", "pre-auto-gc"} {
		require.NoError(t, os.MkdirAll(filepath.Join(r.top, ".git/hooks"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(r.top, ".git/hooks", hook), []byte("#!/bin/sh\necho hook >> "+witness+"\n"), 0o700))
	}
	for key, value := range map[string]string{
		"core.fsmonitor": program, "core.pager": program, "core.sshCommand": program, "core.editor": program, "core.askPass": program,
		"filter.evil.clean": program, "filter.evil.process": program, "diff.evil.textconv": program, "diff.external": program,
		"log.showSignature": "true", "gpg.program": program, "credential.helper": "!" + program, "alias.cat-file": "!" + program, "alias.ls-tree": "!" + program,
		"core.repositoryFormatVersion": "1", "extensions.partialClone": "origin", "protocol.ext.allow": "always", "protocol.allow": "always",
		"remote.origin.url": "ext::" + program, "remote.origin.promisor": "true", "remote.origin.uploadpack": program,
	} {
		r.git("config", key, value)
	}
	r.sync()
	require.NotNil(t, r.commitOf("etl"))
	require.NoFileExists(t, witness)

	// A commit that is missing would be fetched.
	head, err := os.ReadFile(filepath.Join(r.top, ".git/refs/heads", branch(t, r.top)))
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(r.top, ".git/objects", string(head[:2]), string(head[2:40]))))
	r.write("etl.yaml", echo("2"))
	require.Equal(t, []string{"etl"}, r.sync().Updated)
	require.Nil(t, r.commitOf("etl"))
	require.NoFileExists(t, witness)
}

func branch(t *testing.T, top string) string {
	t.Helper()
	head, err := os.ReadFile(filepath.Join(top, ".git/HEAD"))
	require.NoError(t, err)
	return filepath.Base(string(head[:len(head)-1]))
}
