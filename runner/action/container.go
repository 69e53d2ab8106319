package action

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/logs"
	"github.com/sauravritesh63/miniairflow/runner/process"
)

const (
	// Where a container finds what an attempt has.
	containerOutput = "/miniairflow/output"
	containerRunDir = "/miniairflow/run"
	containerInputs = "/miniairflow/inputs"
	// engineFailed is how an engine ends that could not start the container.
	engineFailed = 125
	// removePatience bounds the removal of a container that did not end by itself.
	removePatience = 15 * time.Second
)

// container is a container that an attempt runs in.
type container struct {
	engine string
	name   string
}

// inContainer makes spec run its command in the container that the task names.
// The command line of the engine gets the task's variables by its environment, and
// by name only in its arguments, so that no list of processes shows them.
func inContainer(spec *process.Spec, in Input, own private) (*container, error) {
	c := in.Task.Container
	if err := c.Check(); err != nil {
		return nil, err
	}
	environ := bareEnvironment(in, os.Environ(), own)
	engine, err := findEngine(c.Engine, environ)
	if err != nil {
		return nil, err
	}
	// The user of the task, or that of the image, may be another one than ours; nobody
	// else comes through the directory of the attempt.
	if err := os.Chmod(own.output, 0o666); err != nil {
		return nil, fmt.Errorf("make outputs file: %w", err)
	}
	box := &container{engine: engine, name: "miniairflow-" + uuid.NewString()}
	argv := []string{engine, "run", "--rm", "--init", "--name=" + box.name}
	if c.Pull != "" {
		argv = append(argv, "--pull="+c.Pull)
	}
	if spec.Stdin != "" {
		argv = append(argv, "--interactive")
	}
	if c.User != "" {
		argv = append(argv, "--user="+c.User)
	}
	if c.Workdir != "" {
		argv = append(argv, "--workdir="+c.Workdir)
	}
	argv = append(argv, mounts(c, in, own)...)
	arguments, environ, err := containerEnvironment(in, environ)
	if err != nil {
		return nil, err
	}
	argv = append(argv, arguments...)
	argv = append(argv, "--entrypoint="+spec.Argv[0], c.Image)
	spec.Argv, spec.Env = append(argv, spec.Argv[1:]...), environ
	return box, nil
}

// findEngine returns the engine that is asked for, or the first one there is.
func findEngine(name string, environ []string) (string, error) {
	if name != "" {
		return name, nil
	}
	for _, engine := range miniairflow.ContainerEngines {
		for _, dir := range filepath.SplitList(valueOf("PATH", environ)) {
			if found, err := exec.LookPath(filepath.Join(dir, engine)); err == nil && filepath.IsAbs(found) {
				return engine, nil
			}
		}
	}
	return "", errors.New("neither docker nor podman is in PATH: install one of them on this worker")
}

func valueOf(name string, environ []string) string {
	for _, entry := range environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// mounts returns the options for what the attempt has, and what the task names.
func mounts(c *miniairflow.Container, in Input, own private) []string {
	options := []string{
		"--volume=" + own.output + ":" + containerOutput,
		"--volume=" + in.RunDir + ":" + containerRunDir,
	}
	if in.InputsDir != "" {
		options = append(options, "--volume="+in.InputsDir+":"+containerInputs+":ro")
	}
	for _, text := range c.Mounts {
		m, err := miniairflow.ParseMount(text)
		if err != nil {
			continue // it was checked when the file was loaded
		}
		if !m.IsVolume && !filepath.IsAbs(m.Source) {
			m.Source = filepath.Join(in.Dir, m.Source)
		}
		option := "--volume=" + m.Source + ":" + m.Target
		if m.ReadOnly {
			option += ":ro"
		}
		options = append(options, option)
	}
	return options
}

// containerEnvironment returns the options for the variables of a container, and
// the environment of the engine with them. A variable that the engine has itself
// goes into the options with its value, which everybody on the machine can read: no
// secret may be there.
func containerEnvironment(in Input, engine []string) (options, environ []string, err error) {
	vars := maps.Clone(in.Task.Env)
	if vars == nil {
		vars = map[string]string{}
	}
	maps.Copy(vars, told(in, private{}))
	vars["MINIAIRFLOW_OUTPUT"], vars["MINIAIRFLOW_RUN_DIR"] = containerOutput, containerRunDir
	if in.InputsDir != "" {
		vars["MINIAIRFLOW_INPUTS"] = containerInputs
	}
	delete(vars, "MINIAIRFLOW_SCRATCH")
	environ = slices.Clone(engine)
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		switch {
		case strings.HasPrefix(name, reservedPrefix), valueOf(name, engine) != "", isEngines(name):
			if logs.Hide(in.Task.Env[name], in.Mask) != in.Task.Env[name] {
				return nil, nil, fmt.Errorf("the variable %s means something to the container engine and holds a secret, which would show in the list of processes: give it another name", name)
			}
			options = append(options, "--env="+name+"="+vars[name])
		default:
			options = append(options, "--env="+name)
			environ = append(environ, name+"="+vars[name])
		}
	}
	return options, environ, nil
}

// isEngines reports whether a variable means something to an engine's command
// line, or to the system that starts it.
func isEngines(name string) bool {
	for _, prefix := range []string{"DOCKER_", "PODMAN_", "CONTAINER", "REGISTRY_", "XDG_", "LD_", "SSH_", "HTTP", "ALL_PROXY", "NO_PROXY", "TMP"} {
		if strings.HasPrefix(strings.ToUpper(name), prefix) {
			return true
		}
	}
	return passes(name, nil)
}

// removeContainer ends a container whose engine's command line was ended, and might have
// left it running.
func (c *command) removeContainer(ctx context.Context, box *container, spec process.Spec) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removePatience)
	defer cancel()
	child, err := c.processes.Start(ctx, process.Spec{Argv: []string{box.engine, "rm", "--force", box.name}, Env: spec.Env, Dir: spec.Dir})
	if err != nil {
		c.logger.WarnContext(ctx, "container of an attempt cannot be removed", "container", box.name, "error", err)
		return
	}
	select {
	case <-child.Done():
	case <-ctx.Done():
		child.Stop(0)
	}
	if exit := child.Wait(); exit.Code != 0 || exit.Signal != 0 {
		c.logger.InfoContext(ctx, "container of an attempt was not removed, perhaps it is gone", "container", box.name, "exit_code", exit.Code)
	}
}
