// Package expression compiles and evaluates the ${{ … }} of workflow files, and
// checks them when a file is loaded. It implements the root's Evaluator on
// expr-lang/expr, cut down to names, literals, plain operators and functions of
// our own, so that an expression always ends, soon, and touches nothing but its
// scope.
package expression

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
	lru "github.com/hashicorp/golang-lru/v2"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// programsMax bounds the cache: each program is small, as its source is.
const programsMax = 4096

// memoryBudget is the library's own bound on the elements an expression makes.
const memoryBudget = 100_000

// Engine is a miniairflow.Evaluator. It keeps compiled expressions and may be
// used from any goroutine.
type Engine struct {
	programs *lru.Cache[string, *program]
}

var _ miniairflow.Evaluator = (*Engine)(nil)

// New returns an engine with an empty cache.
func New() *Engine {
	cache, err := lru.New[string, *program](programsMax)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &Engine{programs: cache}
}

// Text implements miniairflow.Evaluator. A result of more than 1 MiB is an error.
func (e *Engine) Text(template string, scope miniairflow.Scope) (string, error) {
	segments, err := split(template)
	if err != nil {
		return "", err
	}
	var result strings.Builder
	for _, s := range segments {
		text := s.literal
		if s.isExpression {
			value, err := e.evaluate(s, scope)
			if err != nil {
				return "", err
			}
			if text, err = render(value); err != nil {
				return "", fmt.Errorf("%s: %w", s.text(), err)
			}
		}
		if result.Len()+len(text) > resultMax {
			return "", fmt.Errorf("the result is longer than %d bytes", resultMax)
		}
		result.WriteString(text)
	}
	return result.String(), nil
}

// Bool implements miniairflow.Evaluator.
func (e *Engine) Bool(template string, scope miniairflow.Scope) (bool, error) {
	s, err := only(template)
	if err != nil {
		return false, err
	}
	value, err := e.evaluate(s, scope)
	if err != nil {
		return false, err
	}
	result, ok := value.(bool)
	if !ok {
		return false, fmt.Errorf("%s is %s, not true or false", s.text(), kindOf(value))
	}
	return result, nil
}

// Tasks implements miniairflow.Evaluator. Expressions that do not compile read
// no task.
func (e *Engine) Tasks(template string) []string {
	var names []string
	for _, r := range e.references(template) {
		if r.root == rootTasks {
			names = append(names, r.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Outputs implements miniairflow.Evaluator. Expressions that do not compile read
// no output.
func (e *Engine) Outputs(template string) []miniairflow.OutputOf {
	var outputs []miniairflow.OutputOf
	for _, r := range e.references(template) {
		if r.root == rootTasks && r.field == fieldOutputs {
			outputs = append(outputs, miniairflow.OutputOf{Task: r.name, Key: r.key})
		}
	}
	return outputs
}

// ReadsItem implements miniairflow.Evaluator. Expressions that do not compile read
// nothing.
func (e *Engine) ReadsItem(template string) bool {
	return slices.ContainsFunc(e.references(template), func(r reference) bool { return r.root == rootItem || r.root == rootIndex })
}

// references returns what the expressions of a template read, in order.
func (e *Engine) references(template string) []reference {
	segments, err := split(template)
	if err != nil {
		return nil
	}
	var all []reference
	for _, s := range segments {
		if !s.isExpression {
			continue
		}
		if p, err := e.program(s.source); err == nil {
			all = append(all, p.references...)
		}
	}
	return all
}

// only returns the expression of a template that is nothing else.
func only(template string) (segment, error) {
	segments, err := split(strings.TrimSpace(template))
	if err != nil {
		return segment{}, err
	}
	if len(segments) != 1 || !segments[0].isExpression {
		return segment{}, errors.New("it must be exactly one ${{ … }} that is true or false")
	}
	return segments[0], nil
}

// program returns the compiled source. Errors are not kept: they are rare and
// their sources may be anything.
func (e *Engine) program(source string) (*program, error) {
	if p, ok := e.programs.Get(source); ok {
		return p, nil
	}
	p, err := compile(source)
	if err != nil {
		return nil, err
	}
	e.programs.Add(source, p)
	return p, nil
}

func (e *Engine) evaluate(s segment, scope miniairflow.Scope) (any, error) {
	p, err := e.program(s.source)
	if err != nil {
		return nil, at(s, err)
	}
	env, err := environment(p.references, scope)
	if err != nil {
		return nil, at(s, err)
	}
	machine := vm.VM{MemoryBudget: memoryBudget}
	value, err := machine.Run(p.code, env)
	if err != nil {
		return nil, at(s, runError(err))
	}
	return value, nil
}

// runError takes from the library's error what people can use.
func runError(err error) error {
	var f *file.Error
	if errors.As(err, &f) {
		return placed(f)
	}
	return err
}

// at adds the expression to an error, and its place in the template where known.
func at(s segment, err error) error {
	var c *compileError
	if errors.As(err, &c) {
		return fmt.Errorf("%s: %s (at character %d)", s.text(), c.message, s.at+c.at)
	}
	return fmt.Errorf("%s: %w", s.text(), err)
}
