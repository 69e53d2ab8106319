// Package execution replaces parts of gqlgen's runtime that cost more than the
// fields they resolve: a goroutine and its stack for each element of a list, the
// whole path of each element of a batch, a map for each object that is written.
// The command lighten lets the generated code use it.
package execution

import (
	"context"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// askersMin is how many elements of a list are resolved at once at least: those whose
// fields no batch resolver reads wait for the store, each by itself.
const askersMin = 8

// MarshalSlice is graphql.MarshalSliceConcurrently with few goroutines, and not one
// for each element: what most elements have to ask the store for, the batch
// resolvers ask together.
func MarshalSlice(
	ctx context.Context, length int, _ int64, _ bool, marshal func(ctx context.Context, i int) graphql.Marshaler,
) graphql.Array {
	all := make(graphql.Array, length)
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < length; i = int(next.Add(1)) - 1 {
			all[i] = marshalElement(ctx, i, marshal)
		}
	}
	var others sync.WaitGroup
	for range min(max(runtime.GOMAXPROCS(0), askersMin), length) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	return all
}

// marshalElement is null for an element that panics.
func marshalElement(ctx context.Context, i int, marshal func(ctx context.Context, i int) graphql.Marshaler) (element graphql.Marshaler) {
	ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Index: &i})
	defer func() {
		if r := recover(); r != nil {
			graphql.AddError(ctx, graphql.Recover(ctx, r))
			element = graphql.Null
		}
	}()
	return marshal(ctx, i)
}

// BatchParents is graphql.BatchParents.
type BatchParents[P any] struct {
	Parents  []P
	Index    ast.PathIndex
	IndexMap map[int]int

	group *graphql.BatchParentGroup
}

// BatchParentsFor is graphql.BatchParentsFor: it finds the place of the parent
// without writing down the path to it.
func BatchParentsFor[P any](ctx context.Context, typeName string) (b BatchParents[P], ok bool) {
	if b.group = graphql.GetBatchParentGroup(ctx, typeName); b.group == nil {
		return b, false
	}
	if b.Parents, ok = b.group.Parents.([]P); !ok {
		return b, false
	}
	field := graphql.GetFieldContext(ctx)
	if field == nil || field.Parent == nil || field.Parent.Index == nil {
		return b, false
	}
	b.Index, b.IndexMap = ast.PathIndex(*field.Parent.Index), b.group.IndexMap
	return b, true
}

// FieldResult is that of graphql.BatchParents.
func (b BatchParents[P]) FieldResult(field graphql.CollectedField, resolve func() (any, error)) *graphql.BatchFieldResult {
	key := field.Alias
	if key == "" {
		key = field.Name
	}
	return b.group.GetFieldResult(key, resolve)
}

// Object returns a set of fields that is written without a map of their names.
func Object(fields []graphql.CollectedField, set *graphql.FieldSet) graphql.Marshaler {
	return &object{fields: fields, values: set.Values}
}

type object struct {
	fields []graphql.CollectedField
	values []graphql.Marshaler
}

// MarshalGQL implements graphql.Marshaler. A writer that fails says so itself.
func (o *object) MarshalGQL(w io.Writer) {
	separator := `{"`
	for i := range o.fields {
		if o.isWritten(i) {
			continue
		}
		_, _ = io.WriteString(w, separator)
		_, _ = io.WriteString(w, o.fields[i].Alias) // a name of GraphQL: nothing in it is to be escaped
		_, _ = io.WriteString(w, `":`)
		o.values[i].MarshalGQL(w)
		separator = `,"`
	}
	if separator == `{"` {
		_, _ = io.WriteString(w, "{")
	}
	_, _ = io.WriteString(w, "}")
}

// isWritten reports whether a field before i has the same name: only the first one counts.
func (o *object) isWritten(i int) bool {
	for j := range i {
		if o.fields[j].Alias == o.fields[i].Alias {
			return true
		}
	}
	return false
}
