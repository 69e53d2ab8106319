package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")
	shownTime  = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	spaces     = regexp.MustCompile(` +`)
)

// What the page about triggers shows of commands is what they do, with a server that has
// the workflows of the page. Times and columns may differ, and … stands for anything.
func TestTriggersPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/triggers.md")
	require.NoError(t, err)
	i := newInstallation(t, "")
	for _, match := range fileBlock.FindAllStringSubmatch(string(text), -1) {
		i.write(t, match[1], match[2])
	}
	i.serve(t)
	c := i.client(t)
	for _, name := range []string{"deploy", "extract", "load", "mail"} {
		appears(t, c, name)
	}
	shell := newShell(t, i)
	ran := 0
	for _, block := range consoleBlock.FindAllStringSubmatch(string(text), -1) {
		for _, command := range strings.Split(block[1], "$ ")[1:] {
			line, want, _ := strings.Cut(command, "\n")
			if want == "" {
				require.Empty(t, shell(line))
			} else {
				pattern := patternOf(want)
				require.Eventually(t, func() bool { return pattern.MatchString(plain(shell(line))) }, patience, 50*time.Millisecond, "%s", line)
			}
			ran++
		}
	}
	require.Equal(t, 5, ran)

	for _, tool := range []string{"curl", "openssl"} {
		_, err := exec.LookPath(tool)
		require.NoError(t, err, "who signs a request on the page needs %s: run make setup", tool)
	}
	shell("printf 'correct horse' | miniairflow secrets set DEPLOY_HOOK")
	hooks := shellBlock.FindAllStringSubmatch(string(text), -1)
	require.Len(t, hooks, 1)
	address, _ := runningServer(t.Context(), &config{Home: i.home})
	script := strings.ReplaceAll(hooks[0][1], "http://127.0.0.1:8080", address)
	require.NotEqual(t, script, hooks[0][1])
	require.Regexp(t, `^\{"id":"[0-9a-f-]+","number":1,"label":"deploy#1"\}$`, shell("SECRET='correct horse'\n"+script))
}

// newShell returns what executes a script as people would beside the server, and returns
// what it prints.
func newShell(t *testing.T, i *installation) func(script string) string {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	bin := t.TempDir()
	require.NoError(t, os.Symlink(program, filepath.Join(bin, "miniairflow")))
	return func(script string) string {
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
		cmd.Env = append(os.Environ(), asProgram+"=yes", "MINIAIRFLOW_HOME="+i.home, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		var errors strings.Builder
		cmd.Stderr = &errors
		out, err := cmd.Output()
		require.NoError(t, err, "%s\n%s", script, &errors)
		return strings.TrimSuffix(string(out), "\n")
	}
}

// plain returns an output without what differs from one time to another.
func plain(output string) string {
	lines := strings.Split(shownTime.ReplaceAllString(strings.TrimSpace(output), "TIME"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(spaces.ReplaceAllString(line, " "))
	}
	return strings.Join(lines, "\n")
}

// patternOf returns what an output matches that a page shows.
func patternOf(shown string) *regexp.Regexp {
	quoted := "\n" + regexp.QuoteMeta(plain(shown)) + "\n"
	quoted = strings.ReplaceAll(quoted, "\n…\n", "\n(?s:.*)\n")
	quoted = strings.ReplaceAll(quoted, "…", ".*")
	return regexp.MustCompile("^" + strings.TrimSpace(quoted) + "$")
}
