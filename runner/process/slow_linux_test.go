package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/sauravritesh63/miniairflow/runner/process"
)

// slowFile makes a file whose opening waits, as on a disk that does not answer,
// until release is called, for 45 s at most: a lease is on it.
func slowFile(t *testing.T, path, text string) (isAwaited func() bool, release func()) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o755))
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	release = sync.OnceFunc(func() { _ = unix.Close(fd) })
	t.Cleanup(release)
	require.Eventually(t, func() bool { // the end of the writing may be still under way
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK)
		return err == nil
	}, generous, time.Millisecond)
	isAwaited = func() bool {
		kind, err := unix.FcntlInt(uintptr(fd), unix.F_GETLEASE, 0)
		return err == nil && kind != unix.F_WRLCK
	}
	return isAwaited, release
}

// abandoned starts a command that is to hang, and returns what ends the wait for
// it and where the error of the start comes.
func abandoned(t *testing.T, g *process.Guardian, spec process.Spec) (giveUp func(), failed <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	errs := make(chan error, 1)
	go func() {
		_, err := g.Start(ctx, spec)
		errs <- err
	}()
	return func() { cancel(errGiveUp) }, errs
}

var errGiveUp = errors.New("enough")

func requireGivenUp(t *testing.T, failed <-chan error) {
	t.Helper()
	select {
	case err := <-failed:
		require.ErrorIs(t, err, errGiveUp)
	case <-time.After(generous):
		require.Fail(t, "the start did not return")
	}
}

// Programs on a disk that does not answer hold up neither other commands nor
// their own cancellation, and do not run later.
func TestSlowProgramHoldsNobodyUp(t *testing.T) {
	g := process.NewGuardian(process.Config{})
	t.Cleanup(g.Close)
	dir := t.TempDir()
	isAwaited, release := slowFile(t, dir+"/program", "#!/bin/sh\necho $NAME >> ran\n")
	spec := func(name string) process.Spec {
		return process.Spec{Argv: []string{"./program"}, Env: []string{"NAME=" + name}, Dir: dir}
	}
	var waits []<-chan error
	var giveUps []func()
	for i := range 6 { // more than start at a time
		giveUp, failed := abandoned(t, g, spec(fmt.Sprintf("abandoned %d", i)))
		waits, giveUps = append(waits, failed), append(giveUps, giveUp)
	}
	kept := make(chan process.Exit, 1)
	go func() {
		p, err := g.Start(t.Context(), spec("kept"))
		if err != nil {
			kept <- process.Exit{Code: -1}
			return
		}
		kept <- p.Wait()
	}()
	late := spec("late")
	late.NotAfter = time.Now().Add(100 * time.Millisecond)
	_, tooLate := abandoned(t, g, late)
	require.Eventually(t, isAwaited, generous, time.Millisecond)

	other := bash(t, "sleep 60 & exit 5", nil)
	other.Linger = 50 * time.Millisecond
	p, err := g.Start(t.Context(), other)
	require.NoError(t, err)
	require.Equal(t, process.Exit{Code: 5, LeftBehind: true}, wait(t, p))

	for _, giveUp := range giveUps {
		giveUp()
	}
	for _, failed := range waits {
		requireGivenUp(t, failed)
	}
	release()
	require.Equal(t, process.Exit{}, <-kept)
	var start *process.StartError
	require.ErrorAs(t, <-tooLate, &start)
	require.Equal(t, process.TooLate, start.Kind)
	g.Close()
	ran, err := os.ReadFile(dir + "/ran")
	require.NoError(t, err)
	require.Equal(t, "kept\n", string(ran))
}

// A program that hangs in the kernel's own hands stops the guardian as a whole.
// It is not told before: nobody looks at the interpreter of an interpreter. Then
// the others end with the guardian, and nothing hangs.
func TestSlowExecHangsNobody(t *testing.T) {
	g := process.NewGuardian(process.Config{Silence: time.Second})
	t.Cleanup(g.Close)
	dir := t.TempDir()
	require.NoError(t, unix.Mkfifo(dir+"/go", 0o600))
	gate, err := os.OpenFile(dir+"/go", os.O_RDWR, 0) // both, so that it waits for nobody
	require.NoError(t, err)
	t.Cleanup(func() { _ = gate.Close() })
	leaving, child := upWithChild(t, g, "(sleep 60 >/dev/null 2>&1 & echo $!); read line <"+dir+"/go; exit 5", "sleep")
	endless, err := g.Start(t.Context(), bash(t, "sleep 60 & wait", nil))
	require.NoError(t, err)

	program, err := os.ReadFile("/bin/true")
	require.NoError(t, err)
	isAwaited, release := slowFile(t, dir+"/interpreter", string(program))
	for from, to := range map[string]string{"/script": "/program", "/program": "/interpreter"} {
		require.NoError(t, os.WriteFile(dir+from, []byte("#!"+dir+to+"\n"), 0o755))
	}
	giveUp, failed := abandoned(t, g, process.Spec{Argv: []string{dir + "/script"}, Dir: dir})
	require.Eventually(t, isAwaited, generous, time.Millisecond)
	_, err = gate.WriteString("\n")
	require.NoError(t, err)
	returns(t, func() { endless.Stop(0) })
	returns(t, func() { leaving.Wait() })
	require.True(t, isDead(child))
	require.True(t, isDead(endless.PID()))
	giveUp()
	select {
	case err := <-failed:
		if err != nil { // else it is lost with the guardian
			require.ErrorIs(t, err, errGiveUp)
		}
	case <-time.After(generous):
		require.Fail(t, "the start did not return")
	}
	release()
}
