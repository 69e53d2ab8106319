package action_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// findSSHD returns the server program.
func findSSHD(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"sshd", "/usr/sbin/sshd", "/usr/local/sbin/sshd"} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	require.FailNow(t, "there is no sshd here: run make setup")
	return ""
}

func keygen(t *testing.T, path string) (public string) {
	t.Helper()
	out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path).CombinedOutput()
	require.NoError(t, err, string(out))
	text, err := os.ReadFile(path + ".pub")
	require.NoError(t, err)
	return string(text)
}

// serveSSH starts a server on loopback that lets the user of this test in, and
// returns how to reach it.
func serveSSH(t *testing.T) *miniairflow.SSH {
	t.Helper()
	sshd, dir := findSSHD(t), t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	host := keygen(t, in("host"))
	require.NoError(t, os.WriteFile(in("authorized"), []byte(keygen(t, in("key"))), 0o600))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := free.Addr().(*net.TCPAddr).Port
	require.NoError(t, free.Close())
	config := fmt.Sprintf("ListenAddress 127.0.0.1:%d\nHostKey %s\nAuthorizedKeysFile %s\nPidFile none\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n",
		port, in("host"), in("authorized"))
	require.NoError(t, os.WriteFile(in("config"), []byte(config), 0o600))
	require.NoError(t, os.WriteFile(in("known"), fmt.Appendf(nil, "[127.0.0.1]:%d %s", port, host), 0o600))
	server := exec.Command(sshd, "-D", "-e", "-f", in("config"))
	var log bytes.Buffer
	server.Stderr = &log
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}, time.Minute, 10*time.Millisecond)
	me, err := user.Current()
	require.NoError(t, err)
	return &miniairflow.SSH{Host: "127.0.0.1", Port: port, User: me.Username, Key: in("key"), KnownHosts: in("known")}
}

func TestRealServer(t *testing.T) {
	server := serveSSH(t)
	t.Run("values", func(t *testing.T) {
		odd := "it's \"$HOME\" `id` \\ %s\n\ttab ☃"
		in := program(t, "sh", "-c", `printf '%s|' "$TEXT" "$1"; cat; echo err >&2; exit 7`, "-", odd)
		in.Task.SSH, in.Task.Stdin, in.Task.Env = server, odd, map[string]string{"TEXT": odd}
		result, log := run(t, in)
		require.Equal(t, "exit code 7", result.Reason)
		require.Contains(t, log, odd+"|"+odd+"|"+odd)
		require.Contains(t, log, "err\n")
	})
	t.Run("unknown host", func(t *testing.T) {
		in := program(t, "echo", "never")
		stranger := *server
		stranger.KnownHosts = filepath.Join(t.TempDir(), "none")
		in.Task.SSH = &stranger
		result, log := run(t, in)
		require.Contains(t, result.Reason, "exit code 255")
		require.Contains(t, log, "Host key verification failed")
		require.NotContains(t, log, "never")
	})
	t.Run("cancelled", func(t *testing.T) {
		witness := filepath.Join(t.TempDir(), "witness")
		ctx, cancel := context.WithCancelCause(t.Context())
		log := &started{c: make(chan struct{})}
		go func() {
			<-log.c
			cancel(action.ErrCancelled)
		}()
		in := program(t, "sh", "-c", `trap 'echo ended > "$1"; exit' TERM; echo started; sleep 600 & wait`, "-", witness)
		in.Task.SSH = server
		result := newRunner(t).Run(ctx, in, log)
		require.Equal(t, miniairflow.AttemptCancelled, result.Status)
		require.Equal(t, "started\n", strings.SplitAfter(log.String(), "\n")[0])
		require.Eventually(t, func() bool {
			text, err := os.ReadFile(witness)
			return err == nil && strings.TrimSpace(string(text)) == "ended"
		}, time.Minute, 10*time.Millisecond)
	})
}
