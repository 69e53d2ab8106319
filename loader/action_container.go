package loader

import "github.com/sauravritesh63/miniairflow"

var containerFields = fields[miniairflow.Container]{
	"image":  textField(func(c *miniairflow.Container) *string { return &c.Image }),
	"engine": textField(func(c *miniairflow.Container) *string { return &c.Engine }),
	"mounts": func(v value, c *miniairflow.Container) {
		c.Mounts = v.texts("a list of mounts: write [./data:/data:ro]")
	},
	"user":    textField(func(c *miniairflow.Container) *string { return &c.User }),
	"workdir": textField(func(c *miniairflow.Container) *string { return &c.Workdir }),
	"pull":    textField(func(c *miniairflow.Container) *string { return &c.Pull }),
}

// container reads what a command runs in.
func (v value) container() *miniairflow.Container {
	entries, ok := v.entries("what it runs in, such as `image: python:3.13-slim`")
	if !ok {
		return nil
	}
	c := &miniairflow.Container{}
	containerFields.read(entries, "container", c)
	return c
}
