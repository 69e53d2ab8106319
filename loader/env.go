package loader

import (
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sauravritesh63/miniairflow"
)

// Bounds of one file with environment variables.
const (
	envBytesMax = 64 << 10
	envNamesMax = 1_000
)

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// envFile is the content of a file with variables, or why it has none.
type envFile struct {
	data    []byte
	refused string
}

// envFile returns a file with variables by its path below the root.
func (s *surroundings) envFile(below string) envFile {
	if s.onDemand != nil {
		return s.onDemand(below)
	}
	if file, ok := s.env[below]; ok {
		return file
	}
	return envFile{refused: "the file cannot be read: no such file or directory"}
}

// envFilesMax bounds the files that one workflow may name: each is parsed for it.
const envFilesMax = 100

// envFiles adds the variables of the files that a workflow names to its own, which
// win. A later file wins over an earlier one. Their values are text: what looks like a
// template is none.
func (v value) envFiles(own map[string]string) map[string]string {
	env, read := map[string]string{}, map[string]bool{}
	items := v.items("a file or a list of files: write .env")
	if len(items) > envFilesMax {
		v.doc.halt(v.at, "env_file names %d files, but may name at most %d", len(items), envFilesMax)
		return own
	}
	for _, item := range items {
		name, ok := item.text()
		if !ok {
			continue
		}
		below, problem := v.doc.envPath(name)
		if read[below] && problem == "" {
			item.fail("env_file names %s twice", quoted(name))
			continue
		}
		read[below] = true
		if problem != "" {
			item.fail("env_file %s %s", quoted(name), problem)
			continue
		}
		file := v.doc.around.root.envFile(below)
		shown := v.doc.around.root.show(below)
		if file.refused != "" {
			item.fail("env_file %s: %s: %s", quoted(name), shown, file.refused)
			continue
		}
		variables, problems := parseEnv(string(file.data))
		for _, p := range problems[:min(len(problems), max(0, problemsMax-len(v.doc.problems)))] {
			item.fail("env_file %s: %s: %s", quoted(name), placed(shown, p.at), p.text)
		}
		for _, variable := range variables {
			if _, isOwn := own[variable.name]; !isOwn {
				env[variable.name] = strings.ReplaceAll(variable.value, "${{", "$${{")
				v.doc.positions[joined([]string{"env", variable.name})] = item.at
			}
		}
	}
	if len(env) == 0 {
		return own
	}
	maps.Copy(env, own)
	return env
}

// envPath returns the path below the root of a file that is named beside the workflow's,
// or what is wrong with it.
func (d *document) envPath(name string) (below, problem string) {
	below = path.Join(path.Dir(d.below), name)
	switch {
	case name == "":
		return "", "is empty: write the name of a file, such as .env"
	case path.IsAbs(name) || !filepath.IsLocal(filepath.FromSlash(below)):
		return "", "leaves the folder of the workflows: write a path beside the workflow's file"
	case !isEnvFile(path.Base(below)):
		return "", "has no name of such a file: call it .env, .env.NAME or NAME.env"
	case slices.ContainsFunc(strings.Split(path.Dir(below), "/"), func(folder string) bool {
		return folder != "." && !isWorkflowFolder(folder) || folder == templatesFolder
	}):
		return "", "is in a folder that is not read: move it out of hidden folders and templates/"
	}
	return below, ""
}

type envVariable struct {
	name, value string
}

type envProblem struct {
	at   position
	text string
}

// parseEnv reads NAME=value lines as most tools that know .env files do: empty lines,
// comments, `export` in front, and values that are plain up to " #", in single quotes
// as they are, or in double quotes with \n, \r, \t, \", \\ and \$. Quoted ones may have
// several lines. Nothing is expanded: $NAME stays as it is.
func parseEnv(text string) ([]envVariable, []envProblem) { return parseVariables(text, false) }

func parseVariables(text string, isSecret bool) ([]envVariable, []envProblem) {
	p := &envParser{isSecret: isSecret, text: strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\ufeff"), seen: map[string]bool{}}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		p.fail(0, "the file is no text: save it as UTF-8, without NUL")
		return nil, p.problems
	}
	for p.at < len(p.text) && len(p.problems) < envNamesMax {
		p.line()
	}
	return p.variables, p.problems
}

type envParser struct {
	text      string
	at        int // the byte that is read next
	variables []envVariable
	seen      map[string]bool // names
	problems  []envProblem
	isSecret  bool // nothing of what the file holds may be repeated
}

// shown is a text of the file as messages have it.
func (p *envParser) shown(text string) string {
	if p.isSecret {
		return "the text here"
	}
	return quoted(text)
}

// shownName is the name of a variable as messages have it: a line of a secret that is
// torn may look like one.
func (p *envParser) shownName(name string) string {
	if p.isSecret {
		return "of this line"
	}
	return name
}

// fail records a problem at a byte of the text.
func (p *envParser) fail(offset int, text string) {
	p.problems = append(p.problems, envProblem{at: p.place(offset), text: text})
}

func (p *envParser) place(offset int) position {
	start := strings.LastIndexByte(p.text[:offset], '\n') + 1
	return position{line: strings.Count(p.text[:offset], "\n") + 1, column: utf8.RuneCountInString(p.text[start:offset]) + 1}
}

// rest returns what is left of the current line.
func (p *envParser) rest() string {
	line, _, _ := strings.Cut(p.text[p.at:], "\n")
	return line
}

// line reads one variable, or a line without one, up to the beginning of the next line.
func (p *envParser) line() {
	defer func() { p.at = min(len(p.text), p.at+len(p.rest())+1) }()
	line := p.rest()
	p.at += len(line) - len(strings.TrimLeft(line, " \t"))
	if line = p.rest(); strings.TrimSpace(line) == "" || line[0] == '#' {
		return
	}
	if after, ok := strings.CutPrefix(line, "export "); ok {
		p.at += len(line) - len(strings.TrimLeft(after, " \t"))
		line = p.rest()
	}
	start := p.at
	name, _, ok := strings.Cut(line, "=")
	if !ok {
		p.fail(start, p.shown(strings.TrimSpace(line))+" has no value: write NAME=value, and a value of several lines in quotes")
		return
	}
	p.at += len(name) + 1
	value, ok := p.value()
	if !ok {
		return
	}
	name = strings.TrimSpace(name)
	switch {
	case !envName.MatchString(name):
		p.fail(start, "variable name "+p.shown(name)+" is not valid: letters, digits and _, not starting with a digit")
	case slices.Contains(miniairflow.TaskEnv, name):
		p.fail(start, "variable "+p.shownName(name)+" is reserved: every task receives its own")
	case p.seen[name]:
		p.fail(start, "variable "+p.shownName(name)+" is here twice: remove one of the two")
	case len(p.variables) == envNamesMax:
		p.fail(start, "the file has too many variables: keep those that tasks need")
		p.at = len(p.text)
	default:
		p.seen[name] = true
		p.variables = append(p.variables, envVariable{name, value})
	}
}

// value reads what follows the =.
func (p *envParser) value() (string, bool) {
	line := p.rest()
	trimmed := strings.TrimLeft(line, " \t")
	if trimmed == "" || trimmed[0] != '"' && trimmed[0] != '\'' {
		for i := 1; i < len(line); i++ {
			if line[i] == '#' && (line[i-1] == ' ' || line[i-1] == '\t') {
				line = line[:i]
				break
			}
		}
		return strings.TrimSpace(line), true
	}
	p.at += len(line) - len(trimmed)
	start := p.at
	value, length, ok := unquoteEnv(p.text[p.at:])
	if !ok {
		p.fail(start, "the quote is not closed")
		p.at = len(p.text)
		return "", false
	}
	p.at += length
	if after := strings.TrimSpace(p.rest()); after != "" && after[0] != '#' {
		p.fail(p.at, "only a comment may follow the closing quote, not "+p.shown(after))
		return "", false
	}
	return value, true
}

// unquoteEnv returns the text in the quotes with which text begins, and their length
// with it.
func unquoteEnv(text string) (value string, length int, ok bool) {
	quote := text[0]
	var out strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			return out.String(), i + 1, true
		case c == '\\' && quote == '"' && i+1 < len(text):
			i++
			if plain, known := envEscapes[text[i]]; known {
				out.WriteByte(plain)
				continue
			}
			out.WriteByte('\\')
			out.WriteByte(text[i])
		default:
			out.WriteByte(c)
		}
	}
	return "", 0, false
}

var envEscapes = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\\': '\\', '$': '$'}

// Variables returns what a file with NAME=value lines holds, read as that of an
// env_file is. The error is that of ParseError, where the file is called name, and
// repeats nothing of the file, whose values may be secrets.
func Variables(name string, data []byte) (map[string]string, error) {
	if len(data) > envBytesMax {
		return nil, ParseError([]miniairflow.ImportError{{File: name, Line: 1, Column: 1, Message: "the file has more than 64 KiB"}})
	}
	variables, problems := parseVariables(string(data), true)
	if len(problems) > 0 {
		var errs []miniairflow.ImportError
		for _, p := range problems {
			errs = append(errs, miniairflow.ImportError{File: name, Line: p.at.line, Column: p.at.column, Message: p.text})
		}
		return nil, ParseError(errs)
	}
	values := make(map[string]string, len(variables))
	for _, v := range variables {
		values[v.name] = v.value
	}
	return values, nil
}
