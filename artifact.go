package miniairflow

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ArtifactRule names files that a task hands on: those that Path matches when its
// command has ended.
type ArtifactRule struct {
	Path     string `json:"path"`           // a pattern, see ParseArtifactPath
	Name     string `json:"name,omitempty"` // of the one file that matches; empty: files are named by their path
	Optional bool   `json:"optional,omitempty"`
}

// Artifact is a file that an attempt has left.
type Artifact struct {
	Name      string // a path with slashes, see CheckArtifactName; unique in its attempt
	Number    int    // its place among those of its attempt, from 0
	Size      int64
	SHA256    string        // in hexadecimal
	Place     ArtifactPlace // that has its bytes
	CreatedAt time.Time
}

// ArtifactPlace says where the bytes of an artifact are.
type ArtifactPlace string

// The places.
const (
	ArtifactInStore  ArtifactPlace = "store"  // the database
	ArtifactInFolder ArtifactPlace = "folder" // the folder of --artifacts-dir
)

// Defaults of what a task may hand on.
const (
	ArtifactBytesDefault = 1 << 30 // of one file
	ArtifactFilesDefault = 10_000
)

// Limits of the artifacts that a task declares, and of their names.
const (
	artifactRulesMax  = 100
	artifactInputsMax = 100
	artifactNameMax   = 1024
	artifactPartMax   = 255
	artifactPartsMax  = 60 // so that an ArtifactState fits
)

// CheckArtifactName says what is wrong with the name of an artifact, which becomes
// a path on other machines, part of an address, and a line of a list; nil: nothing.
func CheckArtifactName(name string) error {
	switch {
	case name == "":
		return errors.New("it is empty")
	case len(name) > artifactNameMax:
		return fmt.Errorf("it has %d bytes, more than %d", len(name), artifactNameMax)
	case !utf8.ValidString(name):
		return errors.New("it is not UTF-8")
	case strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("it has a control character, such as a line end")
	case strings.Contains(name, `\`):
		return errors.New(`it has a \, which some systems take for a folder`)
	}
	parts := strings.Split(name, "/")
	if len(parts) > artifactPartsMax {
		return fmt.Errorf("it has more than %d folders", artifactPartsMax)
	}
	for _, part := range parts {
		switch {
		case part == "" || part == "." || part == "..":
			return errors.New("it is not a plain path below a folder: leave out /, . and .. at its start and in it")
		case len(part) > artifactPartMax:
			return fmt.Errorf("a part of it has more than %d bytes", artifactPartMax)
		}
	}
	return nil
}

// ArtifactBase is the folder that a pattern of artifacts is relative to.
type ArtifactBase string

// The bases.
const (
	ArtifactsOfDir     ArtifactBase = ""                    // the working directory
	ArtifactsOfRunDir  ArtifactBase = "MINIAIRFLOW_RUN_DIR" // shared by the run
	ArtifactsOfScratch ArtifactBase = "MINIAIRFLOW_SCRATCH" // private to the attempt
)

// ArtifactPath is a pattern of files below a base.
type ArtifactPath struct {
	Base  ArtifactBase
	parts []string
}

// ParseArtifactPath reads a pattern: a path with slashes below the working
// directory, or below $MINIAIRFLOW_RUN_DIR or $MINIAIRFLOW_SCRATCH where it begins
// with one of these. Its parts may have * ? and [a-z], as shells have them, and a
// part ** is any number of folders. A folder that it matches stands for all files
// in it. What begins with a dot is only matched by a part that does.
func ParseArtifactPath(text string) (ArtifactPath, error) {
	p := ArtifactPath{}
	if strings.Contains(text, "${{") {
		return p, errors.New("it takes no template: a pattern such as *.csv covers names that only the run knows")
	}
	rest := text
	if strings.HasPrefix(text, "$") {
		word, below, _ := strings.Cut(text, "/")
		p.Base = ArtifactBase(strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(word, "$"), "{"), "}"))
		if p.Base != ArtifactsOfRunDir && p.Base != ArtifactsOfScratch {
			return p, fmt.Errorf("%s is unknown in it: begin it with $%s/ or $%s/, or write a path below the working directory", show(word), ArtifactsOfRunDir, ArtifactsOfScratch)
		}
		rest = below
	}
	rest = strings.TrimSuffix(strings.TrimPrefix(rest, "./"), "/")
	if strings.HasPrefix(rest, "/") {
		return p, fmt.Errorf("it starts at the root of the machine: write a path below the working directory, or below $%s", ArtifactsOfRunDir)
	}
	if rest == "" || rest == "." {
		return p, errors.New("it names no file: add /* for all that are in it")
	}
	if err := CheckArtifactName(rest); err != nil {
		return p, err
	}
	p.parts = strings.Split(rest, "/")
	for _, part := range p.parts {
		if _, err := path.Match(part, ""); err != nil {
			return p, fmt.Errorf("%s is no pattern: close the bracket, as in [a-z]", show(part))
		}
	}
	return p, nil
}

// IsPlain reports whether the pattern is the path of one file or folder.
func (p ArtifactPath) IsPlain() bool { return !slices.ContainsFunc(p.parts, isArtifactPattern) }

func isArtifactPattern(part string) bool { return strings.ContainsAny(part, "*?[") }

// ArtifactState is how much of a pattern a path has matched: bit i says that the
// first i parts have, perhaps among others.
type ArtifactState uint64

// Start returns the state of the base.
func (p ArtifactPath) Start() ArtifactState { return p.skip(1) }

// Step returns the state of what is called name in a folder of that state; 0: no
// file there or below is matched.
func (p ArtifactPath) Step(state ArtifactState, name string) ArtifactState {
	isHidden := strings.HasPrefix(name, ".")
	if p.IsMatch(state) { // all that is in a folder
		if isHidden {
			return 0
		}
		return state
	}
	var next ArtifactState
	for i, part := range p.parts {
		if state&(1<<i) == 0 || isHidden && !strings.HasPrefix(part, ".") {
			continue
		}
		if part == "**" {
			next |= 1 << i
		} else if ok, _ := path.Match(part, name); ok {
			next |= 1 << (i + 1)
		}
	}
	return p.skip(next)
}

// skip adds the states in which a ** has matched nothing.
func (p ArtifactPath) skip(state ArtifactState) ArtifactState {
	for i, part := range p.parts {
		if part == "**" && state&(1<<i) != 0 {
			state |= 1 << (i + 1)
		}
	}
	return state
}

// IsMatch reports whether the pattern matches what has the state.
func (p ArtifactPath) IsMatch(state ArtifactState) bool { return state&(1<<len(p.parts)) != 0 }

// Only returns the one name that a folder of that state can go on with; ok is false
// if that is a pattern, or there are several.
func (p ArtifactPath) Only(state ArtifactState) (name string, ok bool) {
	if p.IsMatch(state) {
		return "", false
	}
	for i, part := range p.parts {
		if state&(1<<i) == 0 {
			continue
		}
		if name != "" || isArtifactPattern(part) {
			return "", false
		}
		name = part
	}
	return name, name != ""
}

// CheckItemFolders reports an item whose key cannot name the folder that its artifacts
// are laid out in.
func CheckItemFolders(items []Item) error {
	for _, item := range items {
		if err := checkItemFolder(item.Key); err != nil {
			return Errorf(CodeInvalid, "key of item %d is %s, which cannot be the folder of its artifacts: %v", item.Index, show(item.Key), err)
		}
	}
	return nil
}

func checkItemFolder(key string) error {
	if strings.Contains(key, "/") {
		return errors.New("it has a /; use replace(…, '/', '-'), or leave key out")
	}
	return CheckArtifactName(key)
}

// ArtifactAttempt returns the number of the attempt whose artifacts count for the task
// run at place seq: of the last one that has succeeded; 0: there is none. Those of an
// item count only while it is a success: attempts before may have been those of
// another item at its place.
func ArtifactAttempt(seq int, status TaskStatus, attempts []*TaskAttempt) int {
	if IsItem(seq) && status != TaskSuccess {
		return 0
	}
	for _, a := range slices.Backward(attempts) {
		if a.Status == AttemptSuccess {
			return a.Number
		}
	}
	return 0
}
