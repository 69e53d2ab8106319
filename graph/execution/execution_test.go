package execution_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/sauravritesh63/miniairflow/graph/execution"
)

func operation() context.Context {
	return graphql.WithResponseContext(context.Background(), graphql.DefaultErrorPresenter, func(_ context.Context, value any) error {
		return fmt.Errorf("caught %v", value)
	})
}

func fields(names ...string) []graphql.CollectedField {
	var all []graphql.CollectedField
	for _, name := range names {
		all = append(all, graphql.CollectedField{Field: &ast.Field{Name: name, Alias: name}})
	}
	return all
}

func TestObject(t *testing.T) {
	for _, test := range []struct {
		names []string
		want  string
	}{
		{nil, `{}`},
		{[]string{"a"}, `{"a":0}`},
		{[]string{"a", "b", "c"}, `{"a":0,"b":1,"c":2}`},
		{[]string{"a", "b", "a"}, `{"a":0,"b":1}`},
		{[]string{"a", "a", "b"}, `{"a":0,"b":2}`},
	} {
		set := graphql.NewFieldSet(fields(test.names...))
		for i := range test.names {
			set.Values[i] = graphql.MarshalInt(i)
		}
		var ours, theirs strings.Builder
		execution.Object(fields(test.names...), set).MarshalGQL(&ours)
		set.MarshalGQL(&theirs)
		require.Equal(t, test.want, ours.String())
		require.Equal(t, theirs.String(), ours.String())
	}
}

// Each element is at its place and knows it, also those beside one that panics.
func TestMarshalSlice(t *testing.T) {
	for _, length := range []int{0, 1, 2, 3, 100} {
		ctx := operation()
		all := execution.MarshalSlice(ctx, length, 0, false, func(ctx context.Context, i int) graphql.Marshaler {
			if i == 2 {
				panic("two")
			}
			return graphql.MarshalString(graphql.GetPath(ctx).String())
		})
		require.Len(t, all, length)
		for i, element := range all {
			var text strings.Builder
			element.MarshalGQL(&text)
			if i == 2 {
				require.Equal(t, "null", text.String())
				continue
			}
			require.Equal(t, strconv.Quote("["+strconv.Itoa(i)+"]"), text.String())
		}
		if length < 3 {
			require.Empty(t, graphql.GetErrors(ctx))
			continue
		}
		require.Len(t, graphql.GetErrors(ctx), 1)
		require.Equal(t, "caught two", graphql.GetErrors(ctx)[0].Message)
		require.Equal(t, "[2]", graphql.GetErrors(ctx)[0].Path.String())
	}
}

// The place of a parent is that of gqlgen, and a field is resolved once for all.
func TestBatchParentsFor(t *testing.T) {
	parents := []*int{new(int), new(int), new(int)}
	field := fields("name")[0]
	list := graphql.WithFieldContext(context.Background(), &graphql.FieldContext{Field: fields("nodes")[0]})
	batched := graphql.WithBatchParents(list, "Thing", parents, nil)
	calls := 0
	for i := range parents {
		element := graphql.WithFieldContext(batched, &graphql.FieldContext{Index: &i})
		ctx := graphql.WithFieldContext(element, &graphql.FieldContext{Field: field})
		ours, ok := execution.BatchParentsFor[*int](ctx, "Thing")
		require.True(t, ok)
		theirs, ok := graphql.BatchParentsFor[*int](ctx, "Thing")
		require.True(t, ok)
		require.Equal(t, theirs.Index, ours.Index)
		require.Equal(t, parents, ours.Parents)
		result := ours.FieldResult(field, func() (any, error) { calls++; return "all", nil })
		require.Equal(t, "all", result.Results)
		_, ok = execution.BatchParentsFor[*string](ctx, "Thing")
		require.False(t, ok, "they are of another type")
		_, ok = execution.BatchParentsFor[*int](ctx, "Other")
		require.False(t, ok, "there are no such parents")
	}
	require.Equal(t, 1, calls)
	_, ok := execution.BatchParentsFor[*int](graphql.WithFieldContext(batched, &graphql.FieldContext{Field: field}), "Thing")
	require.False(t, ok, "it is not in a list")
}
