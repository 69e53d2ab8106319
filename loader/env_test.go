package loader

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseEnv(t *testing.T) {
	variables, problems := parseEnv("\ufeff# comment\r\n\r\n  A=1\nB = two words  # comment\nexport\tX\nexport C='#$A \\n'\nD=\"a\\tb\\\\ \\\"c\\\" \\q\"\nE=\nF=#no comment\nG=\"two\nlines\" # after\nH='x\n#y'\nI=a=b\nJ= # nothing")
	require.Equal(t, []envProblem{{position{5, 1}, `"export\tX" has no value: write NAME=value, and a value of several lines in quotes`}}, problems)
	want := map[string]string{
		"A": "1", "B": "two words", "C": "#$A \\n", "D": "a\tb\\ \"c\" \\q", "E": "", "F": "#no comment",
		"G": "two\nlines", "H": "x\n#y", "I": "a=b", "J": "",
	}
	got := map[string]string{}
	for _, v := range variables {
		got[v.name] = v.value
	}
	require.Equal(t, want, got)
}

func TestParseEnvFindsProblems(t *testing.T) {
	for text, want := range map[string]envProblem{
		"A=1\nÄ=2":           {position{2, 1}, `variable name "Ä" is not valid: letters, digits and _, not starting with a digit`},
		"=1":                 {position{1, 1}, `variable name "" is not valid: letters, digits and _, not starting with a digit`},
		"A=1\n A=2":          {position{2, 2}, "variable A is here twice: remove one of the two"},
		"A=\"x\" y":          {position{1, 6}, `only a comment may follow the closing quote, not "y"`},
		"A='x\nB=1\n":        {position{1, 3}, "the quote is not closed"},
		"A=\"x\\":            {position{1, 3}, "the quote is not closed"},
		"A=\xff":             {position{1, 1}, "the file is no text: save it as UTF-8, without NUL"},
		"A=\x00":             {position{1, 1}, "the file is no text: save it as UTF-8, without NUL"},
		"MINIAIRFLOW_TASK=x": {position{1, 1}, "variable MINIAIRFLOW_TASK is reserved: every task receives its own"},
		"just words":         {position{1, 1}, `"just words" has no value: write NAME=value, and a value of several lines in quotes`},
	} {
		_, problems := parseEnv(text)
		require.Equal(t, []envProblem{want}, problems, text)
	}
	_, problems := parseEnv(numberedEnv(envNamesMax + 1))
	require.Len(t, problems, 1)
}

func numberedEnv(count int) string {
	var text strings.Builder
	for i := range count {
		text.WriteString("A" + strings.Repeat("B", i%100) + strings.Repeat("C", i/100) + "=1\n")
	}
	return text.String()
}

func TestIsEnvFile(t *testing.T) {
	for name, want := range map[string]bool{
		".env": true, ".env.prod": true, "prod.env": true, "a.b.env": true, ".environment": false, "env": false, ".env~": false,
		".env.swp": false, "prod.env~": false, ".#prod.env": false, ".prod.env.swp": false, ".env.": false, "4913": false, "x.env.yaml": false,
	} {
		require.Equal(t, want, isEnvFile(name), name)
	}
}

// FuzzParseEnv requires of any bytes that they are read without a panic, and that names
// and places are sound.
func FuzzParseEnv(f *testing.F) {
	f.Add("A=1\nexport B='x' # y\nC=\"\\n")
	f.Fuzz(func(t *testing.T, text string) {
		variables, problems := parseEnv(text)
		for _, v := range variables {
			require.Regexp(t, envName, v.name)
		}
		for _, p := range problems {
			require.Positive(t, p.at.line)
			require.Positive(t, p.at.column)
		}
	})
}
