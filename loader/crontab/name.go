package crontab

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// nameMax leaves room for a number behind a name.
const nameMax = 100

var (
	separators = regexp.MustCompile(`&&|\|\||[;|&]`)
	assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
	measure    = regexp.MustCompile(`^[0-9]+[smhd]?$`)
	notInName  = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)
	// passing are commands that prepare another one.
	passing = []string{"cd", "test", "[", "[[", "source", ".", "export", "set", "umask", "sleep", "true", "exit", "echo"}
	// wrappers run the command that follows their own options.
	wrappers = []string{"sudo", "nice", "ionice", "nohup", "env", "time", "exec", "timeout", "flock", "chronic", "cronic", "command", "setsid"}
	// interpreters run the file that they are given.
	interpreters = []string{"bash", "sh", "dash", "zsh", "python", "python2", "python3", "perl", "php", "node", "ruby", "Rscript", "java", "run-parts", "uv", "run"}
	extensions   = []string{".sh", ".bash", ".py", ".pl", ".php", ".rb", ".js", ".R", ".r", ".jar"}
	// otherFiles are names of files that are no workflow files.
	otherFiles = []string{"pools", "defaults"}
)

// nameOf makes a name of what a command runs.
func nameOf(command string) string {
	for _, part := range separators.Split(command, -1) {
		if name := cleaned(program(strings.Fields(part))); name != "" {
			return name
		}
	}
	return "job"
}

// program returns the word of a command that says best what it is.
func program(words []string) string {
	isFlock, isUser, last := false, false, ""
	for _, word := range words {
		word = strings.Trim(word, `"'()`)
		base := path.Base(word)
		switch {
		case isUser:
			isUser = false
		case word == "-u" && last == "sudo":
			isUser = true
		case word == "" || strings.HasPrefix(word, "-") || assignment.MatchString(word) || measure.MatchString(word):
		case slices.Contains(passing, base):
			return ""
		case slices.Contains(wrappers, base):
			isFlock = base == "flock"
			last = base // unless a command follows
		case isFlock:
			isFlock = false // the file that it locks
		case slices.Contains(interpreters, base):
			last = base // unless a file follows
		case strings.HasPrefix(word, ">") || strings.HasPrefix(word, "<"):
			return last
		default:
			return base
		}
	}
	return last
}

// cleaned returns a word as a name, or nothing.
func cleaned(word string) string {
	for _, extension := range extensions {
		word = strings.TrimSuffix(word, extension)
	}
	word = strings.Trim(notInName.ReplaceAllString(word, "-"), "-_.")
	word = strings.TrimRight(word[:min(len(word), nameMax)], "-_.")
	if slices.Contains(otherFiles, word) || strings.HasSuffix(word, ".test") {
		word += "-job"
	}
	return word
}

var scheduleLike = regexp.MustCompile(`^[-*@0-9]|(?i)\bdom\b.*\bmon\b|^[-=*_~]+$`)

// describe makes a description of the comments above a line; comments that are
// other entries, switched off, say nothing about it.
func describe(comments []string) string {
	var kept []string
	for _, comment := range comments {
		if comment != "" && !scheduleLike.MatchString(comment) {
			kept = append(kept, comment)
		}
	}
	return strings.Join(kept, " ")
}
