package action

import (
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/process"
)

// sshOptions leave nothing to a question that nobody would answer, nor to a host
// that nobody has vouched for. A connection that is dead is noticed within a minute.
var sshOptions = []string{
	"BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=30", "ServerAliveInterval=15", "ServerAliveCountMax=4",
	"ClearAllForwardings=yes", "ForwardAgent=no", "ControlMaster=no", "ControlPath=none", "PermitLocalCommand=no", "RequestTTY=no",
}

// sshArgv returns the ssh program with all it needs. What it runs there comes by
// its standard input, see remoteScript: the list of processes shows none of it.
func sshArgv(s *miniairflow.SSH) []string {
	argv := []string{"ssh"}
	for _, option := range sshOptions {
		argv = append(argv, "-o", option)
	}
	if s.KnownHosts != "" {
		argv = append(argv, "-o", "UserKnownHostsFile="+strconv.Quote(s.KnownHosts), "-o", "GlobalKnownHostsFile=/dev/null")
	}
	if s.Key != "" {
		argv = append(argv, "-o", "IdentitiesOnly=yes", "-i", s.Key)
	}
	if s.Port != 0 {
		argv = append(argv, "-p", strconv.Itoa(s.Port))
	}
	if s.User != "" {
		argv = append(argv, "-l", s.User)
	}
	return append(argv, "--", s.Host, "sh -s")
}

// sshFailed is how ssh ends when there is no connection.
const sshFailed = 255

// overSSH makes spec run its command on the machine that the task names. The ssh
// program itself gets none of the task's variables.
func overSSH(spec *process.Spec, in Input, own private) error {
	if err := in.Task.SSH.Check(); err != nil {
		return err
	}
	spec.Stdin, spec.Hold = remoteScript(in, spec.Argv), true
	spec.Argv, spec.Env = sshArgv(in.Task.SSH), bareEnvironment(in, os.Environ(), own)
	return nil
}

// localOnly are what we tell a task that means nothing on another machine.
var localOnly = []string{"MINIAIRFLOW_OUTPUT", "MINIAIRFLOW_RUN_DIR", "MINIAIRFLOW_SCRATCH", "MINIAIRFLOW_INPUTS"}

// remoteScript returns the text that a POSIX shell on the other machine reads from
// its standard input: it runs argv with the task's variables and input. The
// shell's own input stays open as long as the worker's ssh lives. When it ends, be
// it that the worker is dead, the command is ended there, too, with the grace.
//
// The whole is one { … }, which a shell reads to its end before it begins. The
// command gets a session of its own where the machine has setsid, so that its
// children end with it.
func remoteScript(in Input, argv []string) string {
	vars := maps.Clone(in.Task.Env)
	if vars == nil {
		vars = map[string]string{}
	}
	maps.Copy(vars, told(in, private{}))
	var run strings.Builder
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if !slices.Contains(localOnly, name) {
			fmt.Fprintf(&run, "export %s=%s\n", name, shellQuoted(vars[name]))
		}
	}
	if dir := in.Task.SSH.Dir; dir != "" {
		fmt.Fprintf(&run, "cd -- %s || exit 1\n", shellQuoted(dir))
	}
	words := make([]string, len(argv))
	for i, word := range argv {
		words[i] = shellQuoted(word)
	}
	grace := int(math.Ceil(max(in.Grace, time.Second).Seconds()))
	return fmt.Sprintf(remoteRun, shellQuoted(in.Task.Stdin), run.String(), strings.Join(words, " "), grace)
}

// remoteRun runs the command and waits for it, or for the end of the connection.
const remoteRun = `{
exec 3<&0 </dev/null
own=$(command -v setsid) && group=- || group=
feed() {
printf %%s %s
}
run() {
exec 3<&-
%sexec $own %s
}
feed | run &
task=$!
{
cat <&3
kill -s TERM -- "$group$task"
sleep %d
kill -s KILL -- "$group$task"
} >/dev/null 2>&1 &
guard=$!
exec 3<&-
wait "$task"
code=$?
{
kill "$guard"
test -z "$group" || kill -s KILL -- "$group$task"
} 2>/dev/null
exit "$code"
}
`

// shellQuoted returns text as one word of a POSIX shell, which takes it as it is.
func shellQuoted(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
