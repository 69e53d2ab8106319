package expression

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/types"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// sharedName is what a variable or a secret can be called.
var sharedName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// varsRoot reads values that are known only when a template is computed: any name
// may be there by then, and its value may be of any type.
var varsRoot = root{
	name: rootVars, what: "variable", form: "vars.<NAME>", since: phaseParams,
	fields:   []field{{name: "<NAME>", about: "a value that `miniairflow vars set` has kept for all workflows, as it is when the template is computed; of any type"}},
	has:      func(_ *checker, _ site, name string) bool { return sharedName.MatchString(name) },
	declared: func(*checker, site) []string { return nil },
	kind:     func(*checker, string) types.Type { return types.Any },
	value: func(s *miniairflow.Scope, name string) (any, bool) {
		value, ok := s.Vars[name]
		return value, ok
	},
	names:  func(*miniairflow.Scope) []string { return nil },
	absent: "there is no variable %s: set it with `miniairflow vars set %[1]s VALUE`, or with --var %[1]s=VALUE for `miniairflow run`",
}

// secretsRoot reads what only the worker knows, and only for the attempt.
var secretsRoot = root{
	name: rootSecrets, what: "secret", form: "secrets.<NAME>", since: phaseTask, keys: []string{"env", "stdin", "http", "wait"},
	fields:   []field{{name: "<NAME>", about: "a secret, always alone between `${{` and `}}`; of `http` in `headers` and `body` only"}},
	has:      func(_ *checker, _ site, name string) bool { return sharedName.MatchString(name) },
	declared: func(*checker, site) []string { return nil },
	value: func(s *miniairflow.Scope, name string) (any, bool) {
		value, ok := s.Secrets[name]
		return value, ok
	},
	names:  func(*miniairflow.Scope) []string { return nil },
	absent: "there is no secret %s here",
}

// Vars implements miniairflow.Evaluator.
func (e *Engine) Vars(template string) []string { return e.names(template, rootVars) }

// Secrets implements miniairflow.Evaluator.
func (e *Engine) Secrets(template string) []string { return e.names(template, rootSecrets) }

// names returns what a template reads of a root, sorted. Expressions that do not
// compile read nothing.
func (e *Engine) names(template, root string) []string {
	if !strings.Contains(template, root) {
		return nil
	}
	var names []string
	for _, r := range e.references(template) {
		if r.root == root {
			names = append(names, r.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// mayReadSecrets reports whether the templates of a place may read secrets, or what was
// made of them.
func (s site) mayReadSecrets() bool {
	if s.isNotice {
		return s.isOfWebhook()
	}
	return s.task >= 0 && len(s.path) > 2 && miniairflow.Template{Path: s.path[2:]}.MayReadSecrets()
}

// secretReference checks a reference that gives a secret: one, or a variable of
// the task's env that holds one. It must be all of its expression: what a function
// makes of a secret is another text, which nobody could mask.
func (c *checker) secretReference(where site, source string, r reference) error {
	refuse := func(format string, args ...any) error {
		return &compileError{message: fmt.Sprintf(format, args...), at: r.at}
	}
	what := r.root + "." + r.name
	switch holds := "may not read secrets"; {
	case where.mayReadSecrets() && source != what:
		return refuse("%s must stand alone between ${{ and }}: what an expression makes of a secret could not be masked in logs", what)
	case where.mayReadSecrets():
		return nil
	case r.root == rootEnv:
		return refuse("%s %s, and the variable %s holds one: the value would be shown here. %s", where.name, holds, r.name, wayOfSecrets(where, r.name))
	case where.isNotice:
		return refuse("%s %s: everybody who gets it would see the value. Only url and headers of a webhook may read them", where.name, holds)
	default:
		return refuse("%s %s: the value would be shown here. %s", where.name, holds, wayOfSecrets(where, r.name))
	}
}

// wayOfSecrets says what to write instead.
func wayOfSecrets(where site, name string) string {
	if slices.Contains([]string{"command", "ssh", "container"}, where.key()) {
		return fmt.Sprintf("Write secrets: [%s] into the task, and its command has it as the variable %s", name, name)
	}
	return "Only env and stdin of a task may read them, and headers and body of its http"
}

// holdsSecret reports whether a variable of a task's own env is made of a secret.
// Many expressions may read one variable, so it is found out once.
func (c *checker) holdsSecret(task int, name string) bool {
	if task < 0 {
		return false
	}
	v := variable{task: task, name: name}
	holds, known := c.secretive[v]
	if !known {
		holds = readsSecret(c.d.Tasks[task].Env[name])
		c.secretive[v] = holds
	}
	return holds
}

// readsSecret reports whether a template reads any secret.
func readsSecret(text string) bool {
	if !strings.Contains(text, rootSecrets) {
		return false
	}
	segments, err := split(text)
	if err != nil {
		return false // told where it stands
	}
	return slices.ContainsFunc(segments, func(s segment) bool {
		if !s.isExpression {
			return false
		}
		e, err := parseSafely(s.source)
		return err == nil && slices.ContainsFunc(e.references, func(r reference) bool { return r.root == rootSecrets })
	})
}
