package expression

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// nullName is how people write what the library calls nil.
const nullName = "null"

// The fields of a task in an expression.
const (
	fieldStatus   = "status"
	fieldExitCode = "exit_code"
	fieldOutputs  = "outputs"
)

// reference is a value that an expression reads.
type reference struct {
	root  string // of the table roots
	name  string // of the param, the run's field, the variable or the task
	field string // of a task: status, exit_code or outputs
	key   string // of the output
	at    int    // in characters from 0 in the source
}

// program is a compiled expression. It is immutable.
type program struct {
	code       *vm.Program
	references []reference
}

// compileError is an error at a place of an expression.
type compileError struct {
	message string
	at      int // in characters from 0 in the source
}

func (e *compileError) Error() string { return e.message }

// hyphen stands for the - of a task's name while the source is parsed: tasks.load-data
// would be a subtraction. It has the length of what it replaces, and no name contains it.
const hyphen = "$"

// parsed is an expression of the language that we allow.
type parsed struct {
	masked     string      // as the library reads it
	references []reference // what it reads
	literals   []literal   // texts that functions are given
}

// parse checks an expression against the language that we allow.
func parse(source string) (parsed, error) {
	if source == "" {
		return parsed{}, &compileError{message: "the expression is empty"}
	}
	if len(source) > sourceMax {
		return parsed{}, &compileError{message: fmt.Sprintf("the expression is longer than %d bytes", sourceMax)}
	}
	masked, err := maskHyphens(source)
	if err != nil {
		return parsed{}, err
	}
	tree, err := parser.ParseWithConfig(masked, parserConfig())
	if err != nil {
		return parsed{}, placed(err)
	}
	a := analysis{}
	a.visit(tree.Node)
	if a.err != nil {
		return parsed{}, a.err
	}
	return parsed{masked: masked, references: a.references, literals: a.literals}, nil
}

func parserConfig() *conf.Config {
	config := conf.CreateNew()
	for _, option := range languageOptions() {
		option(config)
	}
	for name := range config.Disabled {
		delete(config.Builtins, name)
	}
	return config
}

// languageOptions leave of the library's language what the analysis allows, and
// put our functions in the place of its own.
func languageOptions() []expr.Option {
	return []expr.Option{expr.DisableAllBuiltins(), withFunctions, expr.MaxNodes(nodesMax), expr.DisableIfOperator()}
}

// compile makes a program whose names have any type.
func compile(source string) (p *program, err error) {
	defer recovered(&err)
	e, err := parse(source)
	if err != nil {
		return nil, err
	}
	code, err := expr.Compile(e.masked, append(languageOptions(), expr.Env(map[string]any{}), expr.AllowUndefinedVariables())...)
	if err != nil {
		return nil, placed(err)
	}
	return &program{code: code, references: e.references}, nil
}

// recovered turns a panic of the library into an error: its input comes from files.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = &compileError{message: fmt.Sprintf("the expression cannot be compiled: %v", r)}
	}
}

// placed turns an error of the library into ours, in the words of our language.
func placed(err error) error {
	message, at := err.Error(), 0
	var f *file.Error
	if errors.As(err, &f) {
		message, at = f.Message, f.From
	}
	var own *callError
	if errors.As(err, &own) {
		return &compileError{message: own.message, at: at}
	}
	message = strings.ReplaceAll(message, hyphen, "-")
	for _, words := range libraryWords {
		message = strings.ReplaceAll(message, words[0], words[1])
	}
	message = partOfNull.ReplaceAllString(message, "what has no value has no $1: write ?.$1 where it may be missing")
	return &compileError{message: message, at: at}
}

// partOfNull is what the library says of a part of null.
var partOfNull = regexp.MustCompile(`^cannot fetch (\S+) from <nil>`)

var libraryWords = [][2]string{
	{"compilation failed: ", ""},
	{"expression exceeds maximum allowed nodes", fmt.Sprintf("the expression has more than %d parts", nodesMax)},
	{"expected bool, but got ", "it must be true or false, but is of type "},
	{"float64", "number"},
	{"[]interface {}", "list"},
	{"map[string]interface {}", "object"},
	{"interface {}", "value"},
	{" nil", " null"},
}

// maskHyphens replaces the hyphens in tasks.<name> and refuses what the library
// would read as a comment or as a name of its own.
func maskHyphens(source string) (string, error) {
	masked := []byte(source)
	refuse := func(at int, format string, args ...any) error {
		return &compileError{message: fmt.Sprintf(format, args...), at: character(source, at) - 1}
	}
	for at := 0; at < len(source); at++ {
		switch c := source[at]; {
		case c == '"', c == '\'', c == '`':
			end := stringEnd(source, at)
			if end < 0 {
				return "", refuse(at, "the string is not closed")
			}
			at = end
		case c == '$', c == '#', c == ';':
			return "", refuse(at, "%q has no meaning in an expression", c)
		case strings.HasPrefix(source[at:], "//"), strings.HasPrefix(source[at:], "/*"):
			return "", refuse(at, "an expression has no comments")
		case strings.HasPrefix(source[at:], "||"):
			at++
		case c == '|':
			return "", refuse(at, "\"|\" has no meaning in an expression: write the function around the value, as in upper(params.region)")
		case strings.HasPrefix(source[at:], rootTasks) && startsName(source, at):
			start := skipDot(source, at+len(rootTasks))
			end := start
			for end < len(source) && start > 0 && isNameByte(source[end]) {
				if source[end] == '-' {
					masked[end] = hyphen[0]
				}
				end++
			}
			at = max(at+len(rootTasks), end) - 1
		}
	}
	return string(masked), nil
}

// startsName reports whether a name, not a field of something, starts at place at.
func startsName(source string, at int) bool {
	before := strings.TrimRight(source[:at], " \t\r\n")
	return !strings.HasSuffix(before, ".") && (at == 0 || !isNameByte(source[at-1]) || source[at-1] == '-')
}

// skipDot returns the place after a dot and the white space around it, or 0 if
// there is no dot.
func skipDot(source string, at int) int {
	rest := strings.TrimLeft(source[at:], " \t\r\n")
	rest, hasDot := strings.CutPrefix(strings.TrimPrefix(rest, "?"), ".")
	if !hasDot {
		return 0
	}
	return len(source) - len(strings.TrimLeft(rest, " \t\r\n"))
}

func isNameByte(c byte) bool {
	return c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// allowedOperators are the operators of the language. Ranges, pipes and regular
// expressions are left out: they can be made costly.
var allowedOperators = []string{
	"or", "||", "and", "&&", "==", "!=", "<", ">", ">=", "<=", "in", "contains", "startsWith", "endsWith",
	"+", "-", "*", "/", "%", "**", "^", "??", "not", "!",
}

// analysis walks a syntax tree, refuses what is not allowed, and collects what
// the expression reads.
type analysis struct {
	references []reference
	literals   []literal
	calls      int
	err        error
}

func (a *analysis) refuse(n ast.Node, format string, args ...any) {
	if a.err == nil {
		a.err = &compileError{message: fmt.Sprintf(format, args...), at: n.Location().From}
	}
}

func (a *analysis) visit(nodes ...ast.Node) {
	for _, n := range nodes {
		switch n := n.(type) {
		case nil, *ast.NilNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode:
		case *ast.IdentifierNode:
			a.bareName(n)
		case *ast.UnaryNode:
			a.operator(n, n.Operator)
			a.visit(n.Node)
		case *ast.BinaryNode:
			a.operator(n, n.Operator)
			a.visit(n.Left, n.Right)
		case *ast.ChainNode:
			a.visit(n.Node)
		case *ast.MemberNode:
			a.member(n)
		case *ast.SliceNode:
			a.visit(n.Node, n.From, n.To)
		case *ast.ConditionalNode:
			a.visit(n.Cond, n.Exp1, n.Exp2)
		case *ast.ArrayNode:
			a.visit(n.Nodes...)
		case *ast.MapNode:
			a.visit(n.Pairs...)
		case *ast.PairNode:
			a.visit(n.Key, n.Value)
		case *ast.BuiltinNode:
			a.refuse(n, "%s", unknownFunction(n.Name))
		case *ast.CallNode:
			a.call(n)
		default:
			a.refuse(n, "this is not allowed in an expression")
		}
	}
}

// callsMax bounds the functions of one expression: each may work on a value of
// resultMax bytes and make another one.
const callsMax = 20

func (a *analysis) call(n *ast.CallNode) {
	name, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		a.refuse(n, "a value has no methods: write the function around it, as in upper(params.region)")
		return
	}
	f, ok := functions[name.Value]
	if !ok {
		a.refuse(n, "%s", unknownFunction(strings.ReplaceAll(name.Value, hyphen, "-")))
		return
	}
	if a.calls++; a.calls > callsMax {
		a.refuse(n, "the expression calls more than %d functions", callsMax)
	}
	for i, argument := range n.Arguments {
		p, known := f.param(i)
		if text, ok := argument.(*ast.StringNode); ok && known && p.literal != nil {
			a.literals = append(a.literals, literal{function: f.name, param: p, text: text.Value, at: argument.Location().From})
		}
	}
	a.visit(n.Arguments...)
}

func (a *analysis) operator(n ast.Node, operator string) {
	if !slices.Contains(allowedOperators, operator) {
		a.refuse(n, "the operator %q is not allowed in an expression", operator)
	}
}

func (a *analysis) bareName(n *ast.IdentifierNode) {
	name := strings.ReplaceAll(n.Value, hyphen, "-")
	if name == nullName {
		return
	}
	if r, ok := rootNamed(name); ok && r.alone != nil {
		a.references = append(a.references, reference{root: name, at: n.Location().From})
		return
	} else if ok {
		a.refuse(n, "%s alone is no value: write %s", name, r.form)
		return
	}
	a.refuse(n, "%s", unknownName(name))
}

// member reads a chain such as tasks.a.outputs.rows[0] from its base on.
func (a *analysis) member(n *ast.MemberNode) {
	var chain []*ast.MemberNode
	var base ast.Node = n
	for unwrapping := true; unwrapping; {
		switch at := base.(type) {
		case *ast.MemberNode:
			chain = append(chain, at)
			base = at.Node
		case *ast.ChainNode:
			base = at.Node
		default:
			unwrapping = false
		}
	}
	slices.Reverse(chain)
	root, ok := base.(*ast.IdentifierNode)
	if !ok || !startsReference(root.Value) {
		a.visit(base)
	} else if chain = a.reference(root, chain); a.err != nil {
		return
	}
	for _, m := range chain {
		a.visit(m.Property)
	}
}

// startsReference reports whether what follows a name is part of what is read: what
// follows others looks inside a value.
func startsReference(name string) bool {
	r, ok := rootNamed(name)
	return ok && r.alone == nil
}

func formOf(name string) string {
	if r, ok := rootNamed(name); ok {
		return r.form
	}
	return name
}

// reference takes from the chain after root what names one value, and returns
// the rest, which looks inside that value.
func (a *analysis) reference(root *ast.IdentifierNode, chain []*ast.MemberNode) []*ast.MemberNode {
	r := reference{root: root.Value, at: root.Location().From}
	take := func(form string) string {
		if len(chain) == 0 {
			a.refuse(root, "this is no value yet: write %s", form)
			return ""
		}
		name, ok := chain[0].Property.(*ast.StringNode)
		if !ok {
			a.refuse(chain[0], "the name must be written out: %s", form)
			return ""
		}
		r.at = name.Location().From
		chain = chain[1:]
		return name.Value
	}
	if r.root != rootTasks {
		r.name = take(formOf(r.root))
		a.references = append(a.references, r)
		return chain
	}
	const form = "tasks.<name>.status, .exit_code or .outputs.<key>"
	r.name = strings.ReplaceAll(take(form), hyphen, "-")
	nameAt := r.at
	r.field = take(form)
	if r.field == fieldOutputs {
		r.key = take("tasks.<name>.outputs.<key>")
	}
	r.at = nameAt
	a.references = append(a.references, r)
	return chain
}
