package loader

import "github.com/sauravritesh63/miniairflow"

var sshFields = fields[miniairflow.SSH]{
	"host":        textField(func(s *miniairflow.SSH) *string { return &s.Host }),
	"user":        textField(func(s *miniairflow.SSH) *string { return &s.User }),
	"port":        func(v value, s *miniairflow.SSH) { s.Port = v.integer() },
	"key":         textField(func(s *miniairflow.SSH) *string { return &s.Key }),
	"known_hosts": textField(func(s *miniairflow.SSH) *string { return &s.KnownHosts }),
	"dir":         textField(func(s *miniairflow.SSH) *string { return &s.Dir }),
}

// ssh reads where a command runs.
func (v value) ssh() *miniairflow.SSH {
	entries, ok := v.entries("where it runs, such as `host: db1.example.org`")
	if !ok {
		return nil
	}
	s := &miniairflow.SSH{}
	sshFields.read(entries, "ssh", s)
	return s
}
