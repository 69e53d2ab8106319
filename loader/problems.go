package loader

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/sauravritesh63/miniairflow"
)

// position is a place in a file; both count from 1, columns in characters. The
// zero value is the file as a whole.
type position struct{ line, column int }

// problemsMax bounds how many problems of one file are told: after that many,
// people correct the first ones anyway.
const problemsMax = 1_000

// sorted returns the problems by place, each once.
func (f *file) sorted() []miniairflow.ImportError { return firstOnes(f.problems) }

// sortedWarnings is sorted for the warnings of one workflow.
func (d *document) sortedWarnings() []miniairflow.ImportError { return firstOnes(d.warnings) }

func firstOnes(problems []miniairflow.ImportError) []miniairflow.ImportError {
	slices.SortStableFunc(problems, comparePlaces)
	problems = slices.Compact(problems)
	if len(problems) > problemsMax {
		problems = problems[:problemsMax]
	}
	return problems
}

func comparePlaces(a, b miniairflow.ImportError) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
}

// ParseError returns the problems as one error, which lists them in the form of
// ImportError.String, one a line. It is nil if there are none. Its code is
// miniairflow.CodeInvalid.
func ParseError(problems []miniairflow.ImportError) error {
	if len(problems) == 0 {
		return nil
	}
	list := &multierror.Error{ErrorFormat: listErrors}
	for _, problem := range problems {
		list = multierror.Append(list, errors.New(problem.String()))
	}
	return &miniairflow.Error{Code: miniairflow.CodeInvalid, Message: list.Error()}
}

func listErrors(list []error) string {
	texts := make([]string, len(list))
	for i, err := range list {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "\n")
}
