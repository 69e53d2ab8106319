package expression

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

var shellNames = []string{"sh", "bash", "dash", "ash", "ksh", "zsh"}

// commandFlag is a shell's option group with c in it: -c, -ec, -euxc.
var commandFlag = regexp.MustCompile(`^-[A-Za-z]*c[A-Za-z]*$`)

// scriptWord returns the place of the argument that a shell would run as a
// script ("bash -c SCRIPT", also behind env, timeout and the like), or -1.
func scriptWord(argv []string) int {
	shell := slices.IndexFunc(argv, func(word string) bool { return slices.Contains(shellNames, path.Base(word)) })
	if shell < 0 {
		return -1
	}
	hasFlag := false
	for i := shell + 1; i < len(argv); i++ {
		switch word := argv[i]; {
		case strings.HasPrefix(word, "--"):
		case strings.HasPrefix(word, "-"), strings.HasPrefix(word, "+"):
			hasFlag = hasFlag || commandFlag.MatchString(word)
			if strings.HasSuffix(strings.ToLower(word), "o") {
				i++ // its value: -euo pipefail
			}
		case hasFlag:
			return i
		default:
			return -1 // the name of a script file: what follows are its arguments
		}
	}
	return -1
}

// hintsMax bounds the expressions that a hint spells out.
const hintsMax = 10

// scriptHint says how to bring the values of the templates in a script into it
// safely.
func scriptHint(script string) string {
	var shown, lines, uses []string
	more := ""
	taken := map[string]bool{}
	segments, err := split(script)
	if err != nil {
		return fmt.Sprintf("%s has no meaning in a script: %v", opening, err)
	}
	for _, s := range segments {
		if !s.isExpression || slices.Contains(shown, s.text()) {
			continue
		}
		if len(shown) == hintsMax {
			more = " …"
			break
		}
		name := variableFor(s.source, taken)
		shown = append(shown, s.text())
		lines = append(lines, name+": "+quoted(s.text()))
		uses = append(uses, `"$`+name+`"`)
	}
	if len(shown) == 0 {
		return fmt.Sprintf("%s is not known in a script: it is handed to the shell as it is", escaped)
	}
	return fmt.Sprintf("%s%s in a script would be run as code; add env: {%s%s} and write %s%s",
		strings.Join(shown, ", "), more, strings.Join(lines, ", "), more, strings.Join(uses, ", "), more)
}

// quoted returns an expression as a YAML string.
func quoted(text string) string {
	if strings.ContainsAny(text, `"\`) {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return `"` + text + `"`
}

// lastName finds the name at the end of an expression that is nothing but a path.
var lastName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*?\.([A-Za-z_][A-Za-z0-9_]*)$`)

// shellOwn are variables that a script must not lose.
var shellOwn = []string{"PATH", "HOME", "USER", "SHELL", "PWD", "IFS", "ENV", "LANG", "TMPDIR", "TERM", "UID", "HOSTNAME", "RANDOM", "SECONDS"}

// variableFor names the variable for an expression after the last part of its
// path: params.region becomes REGION.
func variableFor(source string, taken map[string]bool) string {
	name := "VALUE"
	if m := lastName.FindStringSubmatch(source); m != nil {
		name = strings.ToUpper(m[1])
	}
	if slices.Contains(shellOwn, name) {
		name = "MY_" + name
	}
	unique := name
	for n := 2; taken[unique]; n++ {
		unique = fmt.Sprintf("%s_%d", name, n)
	}
	taken[unique] = true
	return unique
}
