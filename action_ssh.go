package miniairflow

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// SSH has the command of a task run on another machine, by the ssh program of the
// worker. Host and User are templates.
type SSH struct {
	Host       string `json:"host"`
	User       string `json:"user,omitempty"`        // empty: as ssh is configured
	Port       int    `json:"port,omitempty"`        // 0: as ssh is configured
	Key        string `json:"key,omitempty"`         // a file of the worker; empty: as ssh is configured
	KnownHosts string `json:"known_hosts,omitempty"` // likewise
	Dir        string `json:"dir,omitempty"`         // on the other machine; empty: the user's home
}

const portMax = 65535

// Names that ssh cannot take for an option.
var (
	sshHost = regexp.MustCompile(`^[A-Za-z0-9_:][A-Za-z0-9_.:%-]{0,254}$`)
	sshUser = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,127}$`)
)

// Check says what is wrong with a rendered host or user; nil: nothing.
func (s *SSH) Check() error {
	switch {
	case s.Host == "":
		return errors.New("ssh has no host: write host: db1.example.org")
	case !sshHost.MatchString(s.Host):
		return fmt.Errorf("ssh host %s is not valid: a name or an address without user and port", show(s.Host))
	case s.User != "" && !sshUser.MatchString(s.User):
		return fmt.Errorf("ssh user %s is not valid: letters, digits, _, ., @ and -, not starting with -", show(s.User))
	}
	return nil
}

func (s *SSH) eachTemplate(visit visitTemplate) error {
	if err := eachText(&s.Host, visit, "ssh", "host"); err != nil || s.User == "" {
		return err
	}
	return eachText(&s.User, visit, "ssh", "user")
}

func (v *validator) ssh(at []string, t *Task) {
	s := t.SSH
	if s == nil {
		return
	}
	if t.Command == nil {
		v.add(at, "task %q has ssh, but no command to run there: give it a command", t.Name)
	}
	plain := *s
	if strings.Contains(s.Host, "${{") {
		plain.Host = "host" // known when it runs
	}
	if strings.Contains(s.User, "${{") {
		plain.User = ""
	}
	if err := plain.Check(); err != nil {
		v.add(at, "%v", err)
	}
	if s.Port < 0 || s.Port > portMax {
		v.add(sub(at, "port"), "port is %d, but must be between 1 and %d", s.Port, portMax)
	}
	for key, text := range map[string]string{"key": s.Key, "known_hosts": s.KnownHosts, "dir": s.Dir} {
		v.noNUL(sub(at, key), text)
	}
	for _, name := range sortedKeys(t.Outputs) {
		if t.OutputFrom[name] == "" {
			v.add(sub(taskPath(t), "outputs", name), "output %q: over ssh there is no $MINIAIRFLOW_OUTPUT: write {type: %s, from: stdout}", name, t.Outputs[name])
		}
	}
}
