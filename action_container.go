package miniairflow

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Container has the command of a task run in a container on the worker, by the
// command line of an engine. Image is a template.
type Container struct {
	Image   string   `json:"image"`
	Engine  string   `json:"engine,omitempty"` // "docker" or "podman"; empty: the first one in PATH
	Mounts  []string `json:"mounts,omitempty"` // SOURCE:TARGET or SOURCE:TARGET:ro; SOURCE is a path or the name of a volume
	User    string   `json:"user,omitempty"`   // empty: the image's
	Workdir string   `json:"workdir,omitempty"`
	Pull    string   `json:"pull,omitempty"` // "missing", "always" or "never"; empty: missing
}

// ContainerEngines and ContainerPulls list what Engine and Pull may be.
var (
	ContainerEngines = []string{"docker", "podman"}
	ContainerPulls   = []string{"missing", "always", "never"}
)

// mountsMax bounds the mounts of a container.
const mountsMax = 100

// Names that an engine cannot take for an option.
var (
	containerImage = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,511}$`)
	containerUser  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$`)
	volumeName     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)
)

// Check says what is wrong with a rendered image; nil: nothing.
func (c *Container) Check() error {
	switch {
	case c.Image == "":
		return errors.New("container has no image: write image: python:3.13-slim")
	case !containerImage.MatchString(c.Image):
		return fmt.Errorf("container image %s is not valid: write a name such as python:3.13-slim", show(c.Image))
	}
	return nil
}

func (c *Container) eachTemplate(visit visitTemplate) error {
	return eachText(&c.Image, visit, "container", "image")
}

func (v *validator) container(at []string, t *Task) {
	c := t.Container
	if c == nil {
		return
	}
	switch {
	case t.Command == nil:
		v.add(at, "task %q has a container, but no command to run in it: give it a command", t.Name)
	case t.SSH != nil:
		v.add(at, "task %q has a container and ssh: keep one, and start the container in the command", t.Name)
	}
	if plain := *c; !strings.Contains(c.Image, "${{") {
		if err := plain.Check(); err != nil {
			v.add(sub(at, "image"), "%v", err)
		}
	}
	if c.Engine != "" {
		oneOf(v, sub(at, "engine"), c.Engine, ContainerEngines)
	}
	if c.Pull != "" {
		oneOf(v, sub(at, "pull"), c.Pull, ContainerPulls)
	}
	if c.User != "" && !containerUser.MatchString(c.User) {
		v.add(sub(at, "user"), "user %s is not valid: write a name or a number, or both with the group, as in 1000:1000", show(c.User))
	}
	if c.Workdir != "" && !path.IsAbs(c.Workdir) {
		v.add(sub(at, "workdir"), "workdir %s is not a path from the root of the container: write /srv", show(c.Workdir))
	}
	v.noNUL(sub(at, "workdir"), c.Workdir)
	if len(c.Mounts) > mountsMax {
		v.add(sub(at, "mounts"), "the container has %d mounts, but may have at most %d", len(c.Mounts), mountsMax)
	}
	for i, mount := range c.Mounts {
		if _, err := ParseMount(mount); err != nil && !strings.Contains(mount, "${{") { // which is refused with the other templates
			v.add(sub(at, "mounts", strconv.Itoa(i)), "%v", err)
		}
	}
}

// Mount is a path or a volume of the worker that a container sees.
type Mount struct {
	Source   string // a path, or the name of a volume
	IsVolume bool
	Target   string // absolute
	ReadOnly bool
}

// mountsFolder reports whether anything of the worker's files is in the container,
// beside what each attempt has.
func (c *Container) mountsFolder() bool {
	return slices.ContainsFunc(c.Mounts, func(text string) bool {
		m, err := ParseMount(text)
		return err != nil || !m.IsVolume // what is wrong with it is said elsewhere
	})
}

// ParseMount reads SOURCE:TARGET or SOURCE:TARGET:ro. A source with a slash or a
// dot in front is a path; another one names a volume.
func ParseMount(text string) (Mount, error) {
	parts := strings.Split(text, ":")
	last := len(parts) - 1
	m := Mount{}
	if last == 2 && slices.Contains([]string{"ro", "rw"}, parts[2]) {
		m.ReadOnly, last = parts[2] == "ro", 1
	}
	if last != 1 || strings.ContainsAny(text, "\x00,\"\n") {
		return Mount{}, fmt.Errorf("mount %s is not SOURCE:TARGET or SOURCE:TARGET:ro", show(text))
	}
	m.Source, m.Target = parts[0], parts[1]
	m.IsVolume = volumeName.MatchString(m.Source)
	isPath := strings.HasPrefix(m.Source, "/") || strings.HasPrefix(m.Source, "./") || strings.HasPrefix(m.Source, "../") || m.Source == "."
	switch {
	case !m.IsVolume && !isPath:
		return Mount{}, fmt.Errorf("mount %s has no source: write a path such as /data or ./data, or the name of a volume", show(text))
	case !path.IsAbs(m.Target):
		return Mount{}, fmt.Errorf("mount %s: the target is not a path from the root of the container: write /data", show(text))
	}
	return m, nil
}
